#include "status/visit_json.h"

#include <jansson.h>
#include <stdlib.h>

#include "net/bytes.h"
#include "net/xalloc.h"
#include "status/hello_value.h"
#include "status/hello_view.h"
#include "status/json_value.h"

static json_t *observer_object(const struct visit_row *row) {
  return json_pack(
      "{s:o, s:o, s:o}", "address", json_value_text(row->address), "name",
      json_value_text(row->name), "hello_bytes",
      row->hello_len > 0 ? json_value_count(row->hello_len) : json_null());
}

static json_t *row_object(const struct visit_row *row) {
  json_t *object = json_object();
  json_object_set_new(object, "id", json_value_count(row->id));
  json_object_set_new(object, "started", json_value_time(row->started_ms));
  json_object_set_new(object, "duration_ms",
                      json_value_count(row->duration_ms));
  json_object_set_new(object, "done", json_boolean(row->done));
  json_object_set_new(object, "verdict",
                      json_string(visit_verdict_json(row->verdict)));
  json_object_set_new(object, "site", json_value_text(row->host));
  json_object_set_new(object, "port", json_integer(row->port));
  json_object_set_new(object, "step", json_value_text(row->step));
  json_object_set_new(object, "cause", json_value_text(row->cause));
  json_object_set_new(object, "observer", observer_object(row));
  json_object_set_new(object, "tls", json_value_text(row->tls_version));
  json_object_set_new(object, "group", json_value_text(row->group));
  json_object_set_new(object, "cipher", json_value_text(row->cipher));
  json_object_set_new(object, "alpn", json_value_text(row->alpn));
  json_object_set_new(object, "resumed", json_boolean(row->resumed));
  json_object_set_new(object, "retried", json_boolean(row->retried));
  json_object_set_new(object, "bytes_up", json_value_count(row->bytes_up));
  json_object_set_new(object, "bytes_down", json_value_count(row->bytes_down));
  return object;
}

char *visit_json_row(const struct visit_row *row, size_t *out_len) {
  return json_value_dump(row_object(row), out_len);
}

static void keep_row(void *owner, const struct visit_row *row) {
  bytes_append(owner, row, sizeof(*row));
}

// Rows are copied first: the journal is locked while it is gone through, and
// tunnels would wait.
char *visit_json_list(struct journal *journal, size_t *out_len) {
  struct bytes rows = {0};
  journal_each(journal, 0, keep_row, &rows);
  json_t *array = json_array();
  for (size_t i = rows.len / sizeof(struct visit_row); i > 0; i--) {
    const struct visit_row *row = (const struct visit_row *)(void *)rows.data;
    json_array_append_new(array, row_object(&row[i - 1]));
  }
  free(rows.data);
  return json_value_dump(json_pack("{s:o}", "visits", array), out_len);
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
  json_t *object = row_object(row);
  json_t *both = json_pack(
      "{s:o, s:o}", "outer", hello_object(hellos->outer, hellos->outer_len),
      "inner", hello_object(hellos->inner, hellos->inner_len));
  json_object_set_new(object, "hello", both);
  return json_value_dump(object, out_len);
}
