#include "proxy/status_view.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proxy/terminal.h"

enum { kDefaultPort = 443 };

static void copy_text(char *out, size_t size, const json_t *object,
                      const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  terminal_copy(out, size, text != NULL ? text : "");
}

static uint64_t number_at(const json_t *object, const char *name) {
  json_int_t value = json_integer_value(json_object_get(object, name));
  return value > 0 ? (uint64_t)value : 0;
}

static struct status_times times_at(const json_t *object, const char *name) {
  const json_t *times = json_object_get(object, name);
  return (struct status_times){
      .count = number_at(times, "count"),
      .p50_ms = json_number_value(json_object_get(times, "p50_ms")),
      .p90_ms = json_number_value(json_object_get(times, "p90_ms")),
      .p99_ms = json_number_value(json_object_get(times, "p99_ms")),
  };
}

static void read_resolver(struct status_view *out, const json_t *resolver) {
  const json_t *servers = json_object_get(resolver, "servers");
  size_t used = 0;
  for (size_t i = 0; i < json_array_size(servers); i++) {
    const char *text = json_string_value(json_array_get(servers, i));
    if (text != NULL && used + 3 < sizeof(out->resolver)) {
      used += strlen(strcpy(out->resolver + used, i == 0 ? "" : ", "));
      terminal_copy(out->resolver + used, sizeof(out->resolver) - used, text);
      used += strlen(out->resolver + used);
    }
  }
  copy_text(out->resolver_state, sizeof(out->resolver_state), resolver,
            "state");
  copy_text(out->resolver_error, sizeof(out->resolver_error), resolver,
            "last_error");
  out->resolver_encrypted =
      json_is_true(json_object_get(resolver, "encrypted"));
}

static void read_totals(struct status_view *out, const json_t *totals) {
  out->open = number_at(totals, "open");
  out->hidden = number_at(totals, "hidden");
  out->passed = number_at(totals, "passed");
  out->refused = number_at(totals, "refused");
  out->abandoned = number_at(totals, "abandoned");
  out->upgraded = number_at(totals, "upgraded");
  out->bytes_up = number_at(totals, "bytes_up");
  out->bytes_down = number_at(totals, "bytes_down");
}

static void read_advice(struct status_view *out, const json_t *array) {
  for (size_t i = 0; i < json_array_size(array); i++) {
    const json_t *object = json_array_get(array, i);
    if (out->num_advice == kStatusMaxAdvice) {
      return;
    }
    struct status_advice *advice = &out->advice[out->num_advice++];
    copy_text(advice->text, sizeof(advice->text), object, "text");
    copy_text(advice->fix, sizeof(advice->fix), object, "fix");
  }
}

bool status_view_read(struct status_view *out, const char *json) {
  json_t *root = json_loads(json, 0, NULL);
  const json_t *leaves = json_object_get(root, "leaves");
  const json_t *latency = json_object_get(root, "latency");
  *out = (struct status_view){.pid = (int64_t)number_at(root, "pid")};
  copy_text(out->version, sizeof(out->version), root, "version");
  copy_text(out->started, sizeof(out->started), root, "started");
  copy_text(out->mode, sizeof(out->mode), root, "mode");
  copy_text(out->config_file, sizeof(out->config_file), root, "config_file");
  out->uptime_s = number_at(root, "uptime_s");
  out->leaves_accepted = number_at(leaves, "accepted");
  out->leaves_rejected = number_at(leaves, "rejected");
  out->lookup = times_at(latency, "lookup");
  out->handshake = times_at(latency, "handshake");
  read_resolver(out, json_object_get(root, "resolver"));
  read_totals(out, json_object_get(root, "totals"));
  read_advice(out, json_object_get(root, "advice"));
  bool ok = json_is_object(root) && out->version[0] != '\0';
  json_decref(root);
  return ok;
}

// Writes the local time of an ISO 8601 time in UTC; "" when it is none.
static void write_local_time(char *out, size_t size, const char *utc) {
  struct tm tm = {.tm_year = 0};
  time_t when;
  out[0] = '\0';
  if (utc != NULL && strptime(utc, "%Y-%m-%dT%H:%M:%S", &tm) != NULL) {
    when = timegm(&tm);
    localtime_r(&when, &tm);
    strftime(out, size, "%H:%M:%S", &tm);
  }
}

static bool read_row(struct status_row *out, const json_t *row) {
  const json_t *observer = json_object_get(row, "observer");
  char host[sizeof(out->site) - 8];
  uint64_t port = number_at(row, "port") & 0xffff;
  *out = (struct status_row){.id = number_at(row, "id")};
  write_local_time(out->time, sizeof(out->time),
                   json_string_value(json_object_get(row, "started")));
  out->done = json_is_true(json_object_get(row, "done"));
  copy_text(out->verdict, sizeof(out->verdict), row, "verdict");
  copy_text(host, sizeof(host), row, "site");
  copy_text(out->seen, sizeof(out->seen), observer, "name");
  copy_text(out->cause, sizeof(out->cause), row, "cause");
  out->name_seen = strcmp(out->seen, host) == 0;
  if (port == kDefaultPort) {
    snprintf(out->site, sizeof(out->site), "%s", host);
  } else {
    snprintf(out->site, sizeof(out->site), "%s:%u", host, (unsigned)port);
  }
  out->bytes_up = number_at(row, "bytes_up");
  out->bytes_down = number_at(row, "bytes_down");
  out->duration_ms = number_at(row, "duration_ms");
  return out->id != 0;
}

bool status_row_read(struct status_row *out, const char *json) {
  json_t *root = json_loads(json, 0, NULL);
  bool ok = read_row(out, root);
  json_decref(root);
  return ok;
}

size_t status_rows_read(struct status_row *out, size_t max, const char *json) {
  json_t *root = json_loads(json, 0, NULL);
  const json_t *visits = json_object_get(root, "visits");
  size_t num = 0;
  for (size_t i = 0; i < json_array_size(visits) && num < max; i++) {
    num += read_row(&out[num], json_array_get(visits, i));
  }
  json_decref(root);
  return num;
}

unsigned status_view_share(const struct status_view *view, uint64_t num) {
  uint64_t all = view->hidden + view->passed + view->refused + view->abandoned +
                 view->upgraded;
  return all == 0 ? 0 : (unsigned)((100.0 * (double)num) / (double)all + 0.5);
}
