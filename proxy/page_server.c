#include "proxy/page_server.h"

#include <string.h>
#include <uv.h>

#include "net/xalloc.h"
#include "proxy/answer.h"
#include "proxy/http_head.h"
#include "proxy/page_h2.h"

enum { kRequestDeadlineMs = 10000 };

const char *page_protocol_str(enum page_protocol protocol) {
  static const char *const kProtocols[] = {
#define X(name, alpn) alpn,
      PAGE_PROTOCOLS(X)
#undef X
  };
  return kProtocols[protocol];
}

static enum page_protocol protocol_of(const uint8_t *name, size_t len) {
  for (enum page_protocol p = 0; p < PAGE_NO_PROTOCOL; p++) {
    const char *known = page_protocol_str(p);
    if (len == strlen(known) && memcmp(name, known, len) == 0) {
      return p;
    }
  }
  return PAGE_NO_PROTOCOL;
}

enum page_protocol page_protocol_choose(const uint8_t *offered, size_t len) {
  enum page_protocol found = PAGE_NO_PROTOCOL;
  for (size_t i = 0; i < len && found == PAGE_NO_PROTOCOL;
       i += 1U + offered[i]) {
    size_t room = len - i - 1;
    found = offered[i] <= room ? protocol_of(offered + i + 1, offered[i])
                               : PAGE_NO_PROTOCOL;
  }
  return found;
}

// A page that waits for the request it answers.
struct serving {
  struct proxy *proxy;
  struct connection connection;
  struct stream *browser;
  uv_timer_t deadline;
  struct page_h2 *h2;  // NULL: HTTP/1.1
  struct bytes in;     // of an HTTP/1.1 request
  struct http_scan scan;
  struct bytes with_body;  // the HTTP/1.1 response, ready to be sent
  struct bytes without_body;
};

static void on_deadline_closed(uv_handle_t *handle) {
  struct serving *s = handle->data;
  page_h2_free(s->h2);
  free(s->in.data);
  free(s->with_body.data);
  free(s->without_body.data);
  free(s);
}

// Lets go of everything but the browser. No on_ function runs after it.
static void release(struct serving *s) {
  proxy_remove(s->proxy, &s->connection);
  uv_close((uv_handle_t *)&s->deadline, on_deadline_closed);
}

static void serving_close(void *owner) {
  struct serving *s = owner;
  stream_close(s->browser);
  release(s);
}

static void serving_end(struct serving *s) {
  stream_close_after_drain(s->browser, kAnswerDrainMs);
  release(s);
}

static void on_end(void *owner, int err) {
  (void)err;
  serving_close(owner);
}

static void on_deadline(uv_timer_t *deadline) { serving_close(deadline->data); }

// HTTP/1.1.

static void on_http1_data(void *owner, const uint8_t *data, size_t len) {
  struct serving *s = owner;
  size_t room = kHttpRequestHeadMax - s->in.len;
  bytes_append(&s->in, data, len < room ? len : room);
  struct http_head head;
  enum http_head_status status =
      http_request_read(&head, &s->scan, s->in.data, s->in.len);
  if (status == HTTP_HEAD_INCOMPLETE) {
    return;
  }
  // Whatever was asked, even badly, this is the answer.
  bool head_only = status == HTTP_HEAD_OK && http_text_is(head.method, "HEAD");
  const struct bytes *out = head_only ? &s->without_body : &s->with_body;
  stream_write(s->browser, out->data, out->len);
  serving_end(s);
}

static const struct stream_events kHttp1Events = {.on_data = on_http1_data,
                                                  .on_end = on_end};

// HTTP/2.

// Sends what the session has to say, unless the kernel has not taken the last
// yet: that bounds what waits.
static void pump_h2(void *owner) {
  struct serving *s = owner;
  if (stream_pending(s->browser) > 0) {
    return;  // on_drained comes back here
  }
  struct bytes out = {0};
  bool is_whole = page_h2_write(s->h2, &out);
  if (out.len > 0) {
    stream_write(s->browser, out.data, out.len);
  }
  free(out.data);
  if (!is_whole || page_h2_is_over(s->h2)) {
    serving_end(s);
  }
}

static void on_h2_data(void *owner, const uint8_t *data, size_t len) {
  struct serving *s = owner;
  if (!page_h2_read(s->h2, data, len)) {
    serving_close(s);
    return;
  }
  pump_h2(s);
}

static const struct stream_events kH2Events = {
    .on_data = on_h2_data, .on_end = on_end, .on_drained = pump_h2};

void page_serve(struct proxy *proxy, struct stream *browser,
                enum page_protocol protocol, const struct page *page) {
  struct serving *s = xcalloc(1, sizeof(*s));
  s->proxy = proxy;
  s->browser = browser;
  page_write(&s->with_body, page, false);
  page_write(&s->without_body, page, true);
  if (protocol == PAGE_H2) {
    s->h2 = page_h2_new(s->with_body.data, s->with_body.len);
  }
  uv_timer_init(worker_loop(proxy->worker), &s->deadline);
  s->deadline.data = s;
  uv_timer_start(&s->deadline, on_deadline, kRequestDeadlineMs, 0);
  proxy_add(proxy, &s->connection, serving_close, s);
  stream_set_events(browser, s->h2 != NULL ? &kH2Events : &kHttp1Events, s);
  stream_read_start(browser);
}
