#include "status/visit_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/bytes.h"
#include "status/hello_value.h"
#include "status/hello_view.h"
#include "status/json_value.h"

// Rows are written without making objects of them first: with many connections
// and watchers, hundreds are written ten times a second. What is in a text that
// has to be escaped is left to jansson.

static void append(struct bytes *out, const char *text) {
  bytes_append(out, text, strlen(text));
}

static bool is_plain(const char *text) {
  while (*text >= ' ' && *text < 0x7f && *text != '"' && *text != '\\') {
    text++;
  }
  return *text == '\0';
}

static void add_value(struct bytes *out, json_t *value) {
  size_t len;
  char *text = json_value_dump(value, &len);
  bytes_append(out, text, len);
  free(text);
}

// `key` is what stands before the value: `,"name":`.
static void add_text(struct bytes *out, const char *key, const char *text) {
  append(out, key);
  if (text[0] == '\0') {
    append(out, "null");
  } else if (is_plain(text)) {
    append(out, "\"");
    append(out, text);
    append(out, "\"");
  } else {
    add_value(out, json_value_text(text));
  }
}

static void add_count(struct bytes *out, const char *key, uint64_t number) {
  char text[24];
  append(out, key);
  snprintf(text, sizeof(text), "%" PRIu64, number);
  append(out, text);
}

static void add_bool(struct bytes *out, const char *key, bool value) {
  append(out, key);
  append(out, value ? "true" : "false");
}

static void add_time(struct bytes *out, const char *key, int64_t ms) {
  char text[kJsonTimeSize];
  add_text(out, key, json_value_format_time(text, ms));
}

static void add_observer(struct bytes *out, const struct visit_row *row) {
  add_text(out, ",\"observer\":{\"address\":", row->address);
  add_text(out, ",\"name\":", row->name);
  if (row->hello_len > 0) {
    add_count(out, ",\"hello_bytes\":", row->hello_len);
  } else {
    append(out, ",\"hello_bytes\":null");
  }
  append(out, "}");
}

// add_row leaves the object open, for more members.
static void add_row(struct bytes *out, const struct visit_row *row) {
  add_count(out, "{\"id\":", row->id);
  add_time(out, ",\"started\":", row->started_ms);
  add_count(out, ",\"duration_ms\":", row->duration_ms);
  add_bool(out, ",\"done\":", row->done);
  add_text(out, ",\"verdict\":", visit_verdict_json(row->verdict));
  add_text(out, ",\"site\":", row->host);
  add_count(out, ",\"port\":", row->port);
  add_text(out, ",\"step\":", row->step);
  add_text(out, ",\"cause\":", row->cause);
  add_observer(out, row);
  add_text(out, ",\"tls\":", row->tls_version);
  add_text(out, ",\"group\":", row->group);
  add_text(out, ",\"cipher\":", row->cipher);
  add_text(out, ",\"alpn\":", row->alpn);
  add_bool(out, ",\"resumed\":", row->resumed);
  add_bool(out, ",\"retried\":", row->retried);
  add_count(out, ",\"bytes_up\":", row->bytes_up);
  add_count(out, ",\"bytes_down\":", row->bytes_down);
}

static char *finish(struct bytes *out, size_t *out_len) {
  *out_len = out->len;
  bytes_append(out, "", 1);
  return (char *)out->data;
}

char *visit_json_row(const struct visit_row *row, size_t *out_len) {
  struct bytes text = {0};
  add_row(&text, row);
  append(&text, "}");
  return finish(&text, out_len);
}

static void keep_row(void *owner, const struct visit_row *row) {
  bytes_append(owner, row, sizeof(*row));
}

// Rows are copied first: the journal is locked while it is gone through, and
// tunnels would wait.
char *visit_json_list(struct journal *journal, size_t *out_len) {
  struct bytes rows = {0}, text = {0};
  journal_each(journal, 0, keep_row, &rows);
  const struct visit_row *all = (const struct visit_row *)(void *)rows.data;
  append(&text, "{\"visits\":[");
  for (size_t i = rows.len / sizeof(all[0]); i > 0; i--) {
    add_row(&text, &all[i - 1]);
    append(&text, i > 1 ? "}," : "}");
  }
  append(&text, "]}");
  free(rows.data);
  return finish(&text, out_len);
}

static json_t *field_object(const struct hello_field *field) {
  return json_pack("{s:s, s:o, s:s, s:o, s:o}", "name", field->name, "code",
                   field->code < 0 ? json_null() : json_integer(field->code),
                   "value", field->value, "offset",
                   json_value_count(field->offset), "length",
                   json_value_count(field->len));
}

static json_t *fields_array(const struct hello_view *view) {
  json_t *array = json_array();
  for (size_t i = 0; i < view->num_fields; i++) {
    json_array_append_new(array, field_object(&view->fields[i]));
  }
  return array;
}

static json_t *hello_object(const uint8_t *message, size_t len) {
  struct hello_view view;
  struct bytes hex = {0};
  if (message == NULL) {
    return json_null();
  }
  hello_view_init(&view, message, len);
  hello_value_hex(&hex, message, len);
  json_t *object =
      json_pack("{s:o, s:o, s:o}", "bytes", json_value_count(view.message_len),
                "hex", json_stringn((const char *)hex.data, hex.len), "fields",
                fields_array(&view));
  free(hex.data);
  hello_view_cleanup(&view);
  return object;
}

char *visit_json_detail(const struct visit_row *row,
                        const struct visit_hellos *hellos, size_t *out_len) {
  struct bytes text = {0};
  add_row(&text, row);
  append(&text, ",\"hello\":");
  add_value(&text,
            json_pack("{s:o, s:o}", "outer",
                      hello_object(hellos->outer, hellos->outer_len), "inner",
                      hello_object(hellos->inner, hellos->inner_len)));
  append(&text, "}");
  return finish(&text, out_len);
}
