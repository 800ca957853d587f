#include "proxy/event_stream.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "net/xalloc.h"
#include "proxy/local_site.h"
#include "proxy/status_data.h"
#include "status/journal.h"
#include "status/visit_json.h"

enum {
  kTickMs = 100,
  kSecondMs = 1000,
  kHeartbeatMs = 15000,
};

struct watcher {
  struct proxy *proxy;
  struct connection connection;
  struct stream *browser;
  uv_timer_t tick;
  uint64_t seen;        // of the journal (journal_each)
  uint64_t rows_at;     // uv_now when its rows were looked at
  uint64_t status_at;   // when the status was looked at
  uint64_t told_at;     // when it was told
  char *status;         // as it was told, but for the time; NULL: never
  struct bytes events;  // of one tick
};

static void on_tick_closed(uv_handle_t *handle) {
  struct watcher *w = handle->data;
  free(w->status);
  free(w);
}

// Ends `w` but for its browser, which the caller takes.
static struct stream *release(struct watcher *w) {
  proxy_remove_watcher(w->proxy, &w->connection);
  w->proxy->local->num_watchers--;
  uv_close((uv_handle_t *)&w->tick, on_tick_closed);
  return w->browser;
}

// Ends it at once: a farewell would wait for the watcher to close, too.
static void watcher_close(void *owner) { stream_close(release(owner)); }

static void append(struct bytes *out, const char *text) {
  bytes_append(out, text, strlen(text));
}

// Takes `json`, which is one line.
static void add_event(struct watcher *w, const char *name, char *json,
                      size_t len) {
  append(&w->events, "event: ");
  append(&w->events, name);
  append(&w->events, "\ndata: ");
  bytes_append(&w->events, json, len);
  append(&w->events, "\n\n");
  free(json);
}

static void keep_row(void *owner, const struct visit_row *row) {
  bytes_append(owner, row, sizeof(*row));
}

// Rows are copied first: tunnels wait while the journal is gone through.
static void add_visits(struct watcher *w) {
  struct bytes rows = {0};
  w->seen = journal_each(w->proxy->journal, w->seen, keep_row, &rows);
  for (size_t at = 0; at < rows.len; at += sizeof(struct visit_row)) {
    struct visit_row row;
    size_t len;
    memcpy(&row, rows.data + at, sizeof(row));
    char *json = visit_json_row(&row, &len);
    add_event(w, "visit", json, len);
  }
  free(rows.data);
}

// A status without the time tells whether something has changed.
static bool status_has_changed(struct watcher *w) {
  size_t len;
  char *status = status_data_status(w->proxy, false, &len);
  bool has_changed = w->status == NULL || strcmp(w->status, status) != 0;
  free(w->status);
  w->status = status;
  return has_changed;
}

static void add_status(struct watcher *w, uint64_t now) {
  size_t len;
  bool is_due = w->status == NULL || now - w->told_at >= kHeartbeatMs;
  if (!is_due && now - w->status_at < kSecondMs) {
    return;
  }
  w->status_at = now;
  if (status_has_changed(w) || is_due) {
    char *json = status_data_status(w->proxy, true, &len);
    add_event(w, "status", json, len);
    w->told_at = now;
  }
}

// Octets that are relayed change no version, and are looked at once a second.
static bool rows_are_due(const struct watcher *w, uint64_t now) {
  return journal_version(w->proxy->journal) > w->seen ||
         now - w->rows_at >= kSecondMs;
}

static void tell(struct watcher *w) {
  uint64_t now = uv_now(worker_loop(w->proxy->worker));
  if (stream_pending(w->browser) > 0) {
    return;  // he has not read what he was told
  }
  add_status(w, now);
  if (rows_are_due(w, now)) {
    w->rows_at = now;
    add_visits(w);
  }
  if (w->events.len > 0) {
    stream_write(w->browser, w->events.data, w->events.len);
  }
  free(w->events.data);
  w->events = (struct bytes){0};
}

static void on_tick(uv_timer_t *tick) { tell(tick->data); }

// A watcher has nothing more to say.
static void on_data(void *owner, const uint8_t *data, size_t len) {
  (void)owner;
  (void)data;
  (void)len;
}

static void on_end(void *owner, int err) {
  (void)err;
  watcher_close(owner);
}

static void write_head(struct stream *browser,
                       const struct local_request *request) {
  struct bytes out = {0};
  append(&out,
         "HTTP/1.1 200 OK\r\n"
         "Content-Type: text/event-stream\r\n"
         "Cache-Control: no-store\r\n"
         "X-Content-Type-Options: nosniff\r\n");
  local_fields_write(&out, request, NULL);
  append(&out, "Connection: close\r\n\r\n: echproxy\n\n");
  stream_write(browser, out.data, out.len);
  free(out.data);
}

static void start(struct proxy *proxy, struct stream *browser,
                  const struct local_request *request) {
  static const struct stream_events kEvents = {.on_data = on_data,
                                               .on_end = on_end};
  struct watcher *w = xcalloc(1, sizeof(*w));
  w->proxy = proxy;
  w->browser = browser;
  uv_timer_init(worker_loop(proxy->worker), &w->tick);
  w->tick.data = w;
  uv_timer_start(&w->tick, on_tick, kTickMs, kTickMs);
  proxy_add_watcher(proxy, &w->connection, watcher_close, w);
  stream_set_events(browser, &kEvents, w);
  stream_read_start(browser);
  write_head(browser, request);
  tell(w);
}

void event_stream_open(struct proxy *proxy, struct stream *browser,
                       const struct local_request *request) {
  if (local_request_is_head(request)) {
    local_answer_send(
        browser, request,
        &(struct local_answer){.type = "text/event-stream", .body = ""});
  } else if (proxy->local->num_watchers++ >= kMaxWatchers) {
    proxy->local->num_watchers--;
    local_answer_error(browser, request, 503,
                       "as many as may are watching already; close one of the "
                       "status pages");
  } else {
    start(proxy, browser, request);
  }
}
