#include "status/json_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "net/xalloc.h"

enum { kRealDigits = 12 };

static json_t *ascii_of(const char *text) {
  char *copy = xstrdup(text);
  for (char *c = copy; *c != '\0'; c++) {
    *c = (unsigned char)*c < 0x80 ? *c : '?';
  }
  json_t *value = json_string(copy);
  free(copy);
  return value;
}

json_t *json_value_text(const char *text) {
  if (text == NULL || text[0] == '\0') {
    return json_null();
  }
  json_t *value = json_string(text);
  return value != NULL ? value : ascii_of(text);
}

json_t *json_value_count(uint64_t number) {
  return json_integer((json_int_t)number);
}

const char *json_value_format_time(char out[kJsonTimeSize], int64_t ms) {
  char seconds[32];
  time_t time = (time_t)(ms / 1000);
  struct tm tm;
  out[0] = '\0';
  if (ms > 0 && gmtime_r(&time, &tm) != NULL) {
    strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, kJsonTimeSize, "%s.%03dZ", seconds, (int)(ms % 1000));
  }
  return out;
}

json_t *json_value_time(int64_t ms) {
  char text[kJsonTimeSize];
  return json_value_text(json_value_format_time(text, ms));
}

char *json_value_dump(json_t *value, size_t *out_len) {
  char *text = json_dumps(
      value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(kRealDigits));
  json_decref(value);
  if (text == NULL) {
    abort();  // memory is gone: all that is put in can be written
  }
  *out_len = strlen(text);
  return text;
}
