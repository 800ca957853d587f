#include "proxy/log_line.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/bytes.h"
#include "proxy/terminal.h"
#include "status/json_value.h"

enum { kTimeSize = 40, kVerdictColumns = 17 };

// A line while it is made, cut where it is full.
struct draft {
  char text[kLogLineSize];
  size_t used;
  bool colour;
};

// `part` is our own: it may hold what begins and ends a colour.
static void add(struct draft *d, const char *part) {
  size_t len = strlen(part);
  size_t room = sizeof(d->text) - 1 - d->used;  // and the newline
  len = len < room ? len : room;
  memcpy(d->text + d->used, part, len);
  d->used += len;
}

// `part` is anybody's.
static void add_plain(struct draft *d, const char *part) {
  char plain[kLogLineSize];
  add(d, terminal_copy(plain, sizeof(plain), part));
}

__attribute__((format(printf, 2, 3))) static void add_format(struct draft *d,
                                                             const char *format,
                                                             ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  add(d, text);
}

static void style(struct draft *d, enum terminal_style which) {
  add(d, terminal_style(d->colour, which));
}

// Lines never mix when each is written with one call.
static void write_out(char *line, size_t len) {
  line[len] = '\n';
  fwrite(line, 1, len + 1, stderr);
  fflush(stderr);
}

// sd-daemon(3): the level stands before the line.
static const char *journal_prefix(const struct log_form *form,
                                  enum log_severity severity) {
  static const char *const kPrefixes[] = {
      [LOG_SEVERITY_ERROR] = "<3>",
      [LOG_SEVERITY_WARNING] = "<4>",
      [LOG_SEVERITY_INFO] = "<6>",
  };
  return form->reader == LOG_READER_JOURNAL ? kPrefixes[severity] : "";
}

// UTC in ISO 8601's form, with milliseconds.
static void write_time(char out[kTimeSize]) {
  struct timespec now;
  struct tm tm;
  char seconds[32];
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &tm);
  strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(out, kTimeSize, "%s.%03dZ", seconds, (int)(now.tv_nsec / 1000000));
}

// As JSON.

// What is not known is left out.
static void set_string(json_t *object, const char *key, const char *text) {
  if (text != NULL && text[0] != '\0') {
    json_object_set_new(object, key, json_value_text(text));
  }
}

static void set_number(json_t *object, const char *key, uint64_t number) {
  json_object_set_new(object, key, json_value_count(number));
}

static void set_tunnel(json_t *object, const struct log_tunnel *t) {
  set_string(object, "event", "tunnel");
  set_string(object, "verdict", t->verdict);
  if (t->host != NULL) {
    set_string(object, "host", t->host);
    set_number(object, "port", t->port);
  }
  set_string(object, "seen", t->seen);
  set_string(object, "step", t->step);
  set_string(object, "cause", t->cause);
  set_number(object, "bytes_up", t->bytes_up);
  set_number(object, "bytes_down", t->bytes_down);
  set_number(object, "duration_ms", t->duration_ms);
}

// A refusal is no news of the program's own, so that its level is info here.
static const char *level_of(const struct log_line *line) {
  static const char *const kNames[] = {
      [LOG_SEVERITY_ERROR] = "error",
      [LOG_SEVERITY_WARNING] = "warning",
      [LOG_SEVERITY_INFO] = "info",
  };
  return line->message == NULL ? "info" : kNames[line->severity];
}

static json_t *line_object(const struct log_line *line) {
  char now[kTimeSize];
  json_t *object = json_object();
  write_time(now);
  set_string(object, "time", now);
  set_string(object, "level", level_of(line));
  if (line->message != NULL) {
    set_string(object, "message", line->message);
  } else {
    set_tunnel(object, &line->tunnel);
  }
  if (line->repeats > 0) {
    set_number(object, "repeats", line->repeats);
    set_number(object, "seconds", line->seconds);
  }
  return object;
}

static void write_json(const struct log_line *line,
                       const struct log_form *form) {
  json_t *object = line_object(line);
  const char *prefix = journal_prefix(form, line->severity);
  struct bytes whole = {0};
  size_t len;
  char *text = json_value_dump(object, &len);
  bytes_append(&whole, prefix, strlen(prefix));
  bytes_append(&whole, text, len + 1);  // the end becomes a newline
  write_out((char *)whole.data, whole.len - 1);
  free(whole.data);
  free(text);
}

// As text.

// A person knows the day and wants their own clock.
static void add_clock(struct draft *d) {
  char text[16];
  struct tm tm;
  time_t now = time(NULL);
  localtime_r(&now, &tm);
  strftime(text, sizeof(text), "%H:%M:%S ", &tm);
  style(d, TERMINAL_FAINT);
  add(d, text);
  style(d, TERMINAL_PLAIN);
}

static void add_begin(struct draft *d, const struct log_line *line,
                      const struct log_form *form) {
  char now[kTimeSize];
  switch (form->reader) {
    case LOG_READER_JOURNAL:
      add(d, journal_prefix(form, line->severity));
      return;
    case LOG_READER_TERMINAL:
      add_clock(d);
      return;
    case LOG_READER_FILE:
      write_time(now);
      add(d, now);
      add(d, " ");
      return;
  }
}

static void add_message(struct draft *d, const struct log_line *line) {
  if (line->severity == LOG_SEVERITY_ERROR) {
    style(d, TERMINAL_BAD);
    add(d, "error: ");
  } else if (line->severity == LOG_SEVERITY_WARNING) {
    style(d, TERMINAL_WARN);
    add(d, "warning: ");
  }
  style(d, TERMINAL_PLAIN);
  add_plain(d, line->message);
}

static enum terminal_style style_of(const char *verdict) {
  if (strcmp(verdict, "hidden") == 0) {
    return TERMINAL_GOOD;
  }
  if (strcmp(verdict, "refused") == 0) {
    return TERMINAL_BAD;
  }
  return strcmp(verdict, "passed through") == 0 ? TERMINAL_WARN
                                                : TERMINAL_FAINT;
}

// On a terminal verdicts stand in a column.
static void add_verdict(struct draft *d, const struct log_tunnel *t,
                        const struct log_form *form) {
  const char *verdict = t->verdict != NULL ? t->verdict : "tunnel";
  style(d, style_of(verdict));
  add_format(d, "%-*s",
             form->reader == LOG_READER_TERMINAL ? kVerdictColumns : 0,
             verdict);
  style(d, TERMINAL_PLAIN);
}

static void add_cause(struct draft *d, const struct log_tunnel *t) {
  if (t->cause != NULL) {
    add(d, " cause: ");
    add_plain(d, t->cause);
  }
}

static void add_tunnel(struct draft *d, const struct log_tunnel *t,
                       const struct log_form *form) {
  add_verdict(d, t, form);
  if (t->host != NULL) {
    add(d, " ");
    style(d, TERMINAL_STRONG);
    add_plain(d, t->host);
    style(d, TERMINAL_PLAIN);
    add_format(d, ":%u", t->port);
  }
  style(d, TERMINAL_FAINT);
  if (t->step != NULL) {
    add_format(d, " step=%s", t->step);
  }
  add_format(d, " up=%llu down=%llu ms=%llu", (unsigned long long)t->bytes_up,
             (unsigned long long)t->bytes_down,
             (unsigned long long)t->duration_ms);
  if (t->seen != NULL) {
    add(d, " seen=");
    add_plain(d, t->seen);
  }
  style(d, TERMINAL_PLAIN);
  add_cause(d, t);
}

static void write_text(const struct log_line *line,
                       const struct log_form *form) {
  struct draft d = {.used = 0, .colour = form->colour};
  add_begin(&d, line, form);
  if (line->message != NULL) {
    add_message(&d, line);
  } else {
    add_tunnel(&d, &line->tunnel, form);
  }
  if (line->repeats > 0) {
    add_format(&d, " ... %llu more like this in %u s",
               (unsigned long long)line->repeats, line->seconds);
  }
  write_out(d.text, d.used);
}

void log_line_write(const struct log_line *line, const struct log_form *form) {
  if (form->format == LOG_JSON) {
    write_json(line, form);
  } else {
    write_text(line, form);
  }
}
