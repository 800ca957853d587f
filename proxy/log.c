#include "proxy/log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proxy/log_line.h"
#include "proxy/log_sink.h"

enum { kMessageSize = kLogLineSize - 128, kCauseSize = 512 };

static void write_line(const struct log *log, const struct log_line *line) {
  if (log->sink != NULL) {
    log_sink_write(log->sink, line, log->format);
  } else {
    const struct log_form form = {.format = log->format};
    log_line_write(line, &form);
  }
}

// Writes `line`, which has no message yet, with one of printf's form.
__attribute__((format(printf, 4, 0))) static void write_message(
    const struct log *log, enum log_level level, struct log_line line,
    const char *format, va_list args) {
  char message[kMessageSize];
  if (log->level < level) {
    return;
  }
  vsnprintf(message, sizeof(message), format, args);
  line.message = message;
  write_line(log, &line);
}

void log_error(const struct log *log, const char *format, ...) {
  const struct log_line line = {.severity = LOG_SEVERITY_ERROR};
  va_list args;
  va_start(args, format);
  write_message(log, LOG_ERRORS, line, format, args);
  va_end(args);
}

void log_warning(const struct log *log, const char *format, ...) {
  const struct log_line line = {.severity = LOG_SEVERITY_WARNING};
  va_list args;
  va_start(args, format);
  write_message(log, LOG_NORMAL, line, format, args);
  va_end(args);
}

void log_notice(const struct log *log, const char *format, ...) {
  const struct log_line line = {.severity = LOG_SEVERITY_INFO};
  va_list args;
  va_start(args, format);
  write_message(log, LOG_NORMAL, line, format, args);
  va_end(args);
}

void log_answer(const struct log *log, const char *format, ...) {
  const struct log_line line = {.severity = LOG_SEVERITY_INFO,
                                .is_answer = true};
  va_list args;
  va_start(args, format);
  write_message(log, LOG_NORMAL, line, format, args);
  va_end(args);
}

static bool is_of_name(char c) { return isalnum((unsigned char)c) || c == '-'; }

// Finds `name` in `text` where it is not a part of a longer label.
static char *find_name(char *text, const char *name, const char *begin) {
  size_t len = strlen(name);
  char *at = text;
  while (len > 0 && (at = strcasestr(at, name)) != NULL) {
    if ((at == begin || !is_of_name(at[-1])) && !is_of_name(at[len])) {
      return at;
    }
    at++;
  }
  return NULL;
}

// Puts `words` in the place of each `name` in `io_text`, cut to its size.
static void replace(char io_text[kCauseSize], const char *name,
                    const char *words) {
  size_t words_len = strlen(words);
  char *at = io_text;
  while (name != NULL && (at = find_name(at, name, io_text)) != NULL) {
    size_t room = kCauseSize - (size_t)(at - io_text);
    char rest[kCauseSize];
    snprintf(rest, sizeof(rest), "%s", at + strlen(name));
    snprintf(at, room, "%s%s", words, rest);
    at += words_len < room - 1 ? words_len : room - 1;
  }
}

// What a line says without -v. Causes are made of what resolvers, sites and
// libraries say, and some repeat a name: the public name in a cause tells which
// few sites it can have been.
static void make_nameless(struct log_tunnel *t, char cause[kCauseSize]) {
  if (t->cause != NULL) {
    snprintf(cause, kCauseSize, "%s", t->cause);
    replace(cause, t->host, "the site");
    replace(cause, t->seen, "the public name");
    t->cause = cause;
  }
  t->host = NULL;
  t->seen = NULL;
}

void log_tunnel_end(const struct log *log, const struct log_tunnel *tunnel) {
  char cause[kCauseSize];
  bool is_refused =
      tunnel->verdict != NULL && strcmp(tunnel->verdict, "refused") == 0;
  struct log_line line = {
      .severity = is_refused ? LOG_SEVERITY_WARNING : LOG_SEVERITY_INFO,
      .tunnel = *tunnel,
  };
  if (log->level < LOG_NORMAL) {
    return;
  }
  if (log->level < LOG_VERBOSE) {
    make_nameless(&line.tunnel, cause);
  }
  write_line(log, &line);
}
