// log_line is one line of the log: what it says, and the forms that it is
// written in. What may be said was decided before (log).

#ifndef ECHPROXY_PROXY_LOG_LINE_H
#define ECHPROXY_PROXY_LOG_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/log.h"

enum log_severity {
  LOG_SEVERITY_ERROR,
  LOG_SEVERITY_WARNING,
  LOG_SEVERITY_INFO
};

// Who reads standard error.
enum log_reader {
  LOG_READER_FILE,      // a file, a pipe, a service manager
  LOG_READER_TERMINAL,  // a person
  LOG_READER_JOURNAL,   // journald, which has levels and times of its own
};

struct log_form {
  enum log_format format;
  enum log_reader reader;
  bool colour;  // for LOG_READER_TERMINAL
};

struct log_line {
  enum log_severity severity;
  const char *message;       // NULL: it is about `tunnel`
  struct log_tunnel tunnel;  // with what may be logged alone
  // Above 0 the line stands for so many more like it, in so many seconds. Its
  // octets are then theirs together, and its duration is the longest of them.
  uint64_t repeats;
  unsigned seconds;
  bool is_answer;  // to somebody who asked, and so never held back
};

enum { kLogLineSize = 2048 };

// log_line_write writes `line` to standard error with one call, cut to
// kLogLineSize, and nothing in it that could make it look like two or drive a
// terminal.
void log_line_write(const struct log_line *line, const struct log_form *form);

#endif
