// log writes the program's lines to standard error, as text or as JSON. It is
// the only place of the project that logs. No visited host is ever in a line
// unless the user asked for it (-v). It is thread-safe, and lines never mix.

#ifndef ECHPROXY_PROXY_LOG_H
#define ECHPROXY_PROXY_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_format { LOG_TEXT, LOG_JSON };
enum log_level { LOG_ERRORS, LOG_NORMAL, LOG_VERBOSE };

struct log_sink;

struct log {
  enum log_format format;
  enum log_level level;  // -q, default, -v
  // Where lines go and what is held back of those that repeat (log_sink.h),
  // borrowed; NULL: all are written, as to a file.
  struct log_sink *sink;
};

// One tunnel or request at its end. Texts are borrowed; NULL leaves a field
// out.
struct log_tunnel {
  const char *host;  // logged with LOG_VERBOSE only
  uint16_t port;
  const char *verdict;  // "hidden", "passed through", "refused"
  const char *step;     // the last step reached
  // The first cause of a refusal or failure. Where it names `host` or `seen`,
  // that is put in other words but with LOG_VERBOSE.
  const char *cause;
  const char *seen;   // what an observer saw: the name in the clear, if any;
                      // logged with LOG_VERBOSE only
  uint64_t bytes_up;  // from the browser
  uint64_t bytes_down;
  uint64_t duration_ms;
};

// log_error, log_warning and log_notice write one line of printf's form,
// without a newline: log_error at LOG_ERRORS, the others at LOG_NORMAL.
__attribute__((format(printf, 2, 3))) void log_error(const struct log *log,
                                                     const char *format, ...);
__attribute__((format(printf, 2, 3))) void log_warning(const struct log *log,
                                                       const char *format, ...);
__attribute__((format(printf, 2, 3))) void log_notice(const struct log *log,
                                                      const char *format, ...);

// log_answer is log_notice for what somebody asked for, by a signal as a rule:
// it is never held back as a repetition.
__attribute__((format(printf, 2, 3))) void log_answer(const struct log *log,
                                                      const char *format, ...);

// log_tunnel_end writes the one line of a tunnel, at LOG_NORMAL.
void log_tunnel_end(const struct log *log, const struct log_tunnel *tunnel);

#endif
