#include "proxy/log.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kLineSize = 2048, kTimeSize = 40 };

static const char *const kLevelNames[] = {"error", "info"};

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

// A line is written with one call, so that lines never mix.
static void write_line(char *line, size_t len) {
  line[len] = '\n';
  fwrite(line, 1, len + 1, stderr);
  fflush(stderr);
}

// Takes `object`.
static void write_json(json_t *object) {
  char *line = json_dumps(object, JSON_COMPACT);
  json_decref(object);
  if (line != NULL) {
    write_line(line, strlen(line));  // over its NUL
    free(line);
  }
}

// Control characters could make one line look like two, or drive a terminal.
static void write_text(const char *text) {
  char line[kLineSize];
  int len = snprintf(line, sizeof(line) - 1, "%s", text);
  size_t used = (size_t)len < sizeof(line) - 2 ? (size_t)len : sizeof(line) - 2;
  for (size_t i = 0; i < used; i++) {
    if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) {
      line[i] = '?';
    }
  }
  write_line(line, used);
}

// JSON is UTF-8: in a text that is not, every octet outside ASCII becomes '?'.
static void set_string(json_t *object, const char *key, const char *text) {
  if (text == NULL) {
    return;
  }
  json_t *value = json_string(text);
  if (value == NULL) {
    char *copy = strdup(text);
    for (char *c = copy; c != NULL && *c != '\0'; c++) {
      *c = (unsigned char)*c < 0x80 ? *c : '?';
    }
    value = json_string(copy != NULL ? copy : "?");
    free(copy);
  }
  json_object_set_new(object, key, value);
}

static json_t *new_object(enum log_level level, const char *now) {
  json_t *object = json_object();
  set_string(object, "time", now);
  set_string(object, "level", kLevelNames[level]);
  return object;
}

__attribute__((format(printf, 3, 0))) static void write_message(
    const struct log *log, enum log_level level, const char *format,
    va_list args) {
  char message[kLineSize - kTimeSize - 16];
  char now[kTimeSize];
  if (log->level < level) {
    return;
  }
  vsnprintf(message, sizeof(message), format, args);
  write_time(now);
  if (log->format == LOG_JSON) {
    json_t *object = new_object(level, now);
    set_string(object, "message", message);
    write_json(object);
    return;
  }
  char line[kLineSize];
  snprintf(line, sizeof(line), "%s %s%s", now,
           level == LOG_ERRORS ? "error: " : "", message);
  write_text(line);
}

void log_error(const struct log *log, const char *format, ...) {
  va_list args;
  va_start(args, format);
  write_message(log, LOG_ERRORS, format, args);
  va_end(args);
}

void log_notice(const struct log *log, const char *format, ...) {
  va_list args;
  va_start(args, format);
  write_message(log, LOG_NORMAL, format, args);
  va_end(args);
}

static void write_tunnel_json(const struct log *log, const char *now,
                              const struct log_tunnel *t) {
  json_t *object = new_object(LOG_NORMAL, now);
  set_string(object, "event", "tunnel");
  set_string(object, "verdict", t->verdict);
  if (log->level >= LOG_VERBOSE && t->host != NULL) {
    set_string(object, "host", t->host);
    json_object_set_new(object, "port", json_integer(t->port));
  }
  if (log->level >= LOG_VERBOSE) {
    set_string(object, "seen", t->seen);
  }
  set_string(object, "step", t->step);
  set_string(object, "cause", t->cause);
  json_object_set_new(object, "bytes_up",
                      json_integer((json_int_t)t->bytes_up));
  json_object_set_new(object, "bytes_down",
                      json_integer((json_int_t)t->bytes_down));
  json_object_set_new(object, "duration_ms",
                      json_integer((json_int_t)t->duration_ms));
  write_json(object);
}

// Appends to a text that is cut where `out` ends.
__attribute__((format(printf, 2, 3))) static void append(char out[kLineSize],
                                                         const char *format,
                                                         ...) {
  size_t used = strlen(out);
  va_list args;
  va_start(args, format);
  vsnprintf(out + used, kLineSize - used, format, args);
  va_end(args);
}

static void write_tunnel_text(const struct log *log, const char *now,
                              const struct log_tunnel *t) {
  char line[kLineSize] = "";
  append(line, "%s %s", now, t->verdict != NULL ? t->verdict : "tunnel");
  if (log->level >= LOG_VERBOSE && t->host != NULL) {
    append(line, " %s:%u", t->host, t->port);
  }
  if (t->step != NULL) {
    append(line, " step=%s", t->step);
  }
  append(line, " up=%llu down=%llu ms=%llu", (unsigned long long)t->bytes_up,
         (unsigned long long)t->bytes_down, (unsigned long long)t->duration_ms);
  if (log->level >= LOG_VERBOSE && t->seen != NULL) {
    append(line, " seen=%s", t->seen);
  }
  if (t->cause != NULL) {
    append(line, " cause: %s", t->cause);
  }
  write_text(line);
}

void log_tunnel_end(const struct log *log, const struct log_tunnel *tunnel) {
  if (log->level < LOG_NORMAL) {
    return;
  }
  char now[kTimeSize];
  write_time(now);
  if (log->format == LOG_JSON) {
    write_tunnel_json(log, now, tunnel);
  } else {
    write_tunnel_text(log, now, tunnel);
  }
}
