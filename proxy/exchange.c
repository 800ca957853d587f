#include "proxy/exchange.h"

#include <uv.h>

#include "net/xalloc.h"
#include "proxy/http_body.h"
#include "proxy/next_hop.h"

// An origin could go on with interim responses for ever, faster than a browser
// takes them.
enum { kMaxInterim = 32 };

struct exchange {
  struct stream *browser;
  struct stream *origin;
  uv_timer_t idle;
  struct exchange_request request;
  struct http_body up;
  struct http_body down;  // once past_head
  struct bytes head;      // of the response, as far as it has come
  struct http_scan scan;
  size_t num_interim;
  bool past_head;  // a response that is not 1xx has begun
  bool as_chunks;  // its body goes to the browser in chunks
  bool is_ending;  // nothing is left but what waits for the kernel
  const struct exchange_events *events;
  void *owner;
  struct exchange_result result;
};

static void on_idle_closed(uv_handle_t *handle) {
  struct exchange *x = handle->data;
  free(x->head.data);
  free(x);
}

void exchange_cancel(struct exchange *x) {
  if (x == NULL) {
    return;
  }
  stream_read_stop(x->browser);
  stream_close(x->origin);
  uv_close((uv_handle_t *)&x->idle, on_idle_closed);
}

// Tells the outcome. `x` must not be touched afterwards.
static void finish(struct exchange *x) {
  exchange_cancel(x);
  x->events->done(x->owner, &x->result);
}

// Ends with an answer of the proxy's own, as long as that is possible.
static void fail(struct exchange *x, int status, const char *cause) {
  x->result.status = x->past_head ? 0 : status;
  x->result.cause = cause;
  finish(x);
}

// Ends when the kernel has taken what was written to the browser.
static void wind_up(struct exchange *x, const char *cause) {
  x->result.cause = cause;
  x->is_ending = true;
  stream_read_stop(x->origin);
  if (stream_pending(x->browser) == 0) {
    finish(x);
  }
}

static void on_browser_data(void *owner, const uint8_t *data, size_t len) {
  struct exchange *x = owner;
  uv_timer_again(&x->idle);
  if (x->is_ending || x->up.status != HTTP_BODY_MORE) {
    return;  // another request, which will have no answer on this connection
  }
  struct bytes out = {0};
  size_t taken = http_body_reframe(
      &x->up, data, len, x->request.framing == HTTP_BODY_CHUNKED, &out);
  x->events->moved(x->owner, taken, 0);
  stream_write(x->origin, out.data, out.len);
  free(out.data);
  if (x->up.status == HTTP_BODY_BROKEN) {
    fail(x, 400, "the request's body is malformed");
  } else if (x->up.status == HTTP_BODY_MORE && stream_pending(x->origin) > 0) {
    stream_read_stop(x->browser);
  }
}

static void on_origin_drained(void *owner) {
  struct exchange *x = owner;
  stream_read_start(x->browser);
}

static void on_browser_end(void *owner, int err) {
  struct exchange *x = owner;
  if (err == 0 && (x->up.status == HTTP_BODY_DONE || x->is_ending)) {
    return;  // it has nothing more to say, and waits for the answer
  }
  x->result.cause = "the browser closed the connection";
  x->result.status = 0;
  finish(x);
}

static void on_browser_drained(void *owner) {
  struct exchange *x = owner;
  if (x->is_ending) {
    finish(x);
  } else {
    stream_read_start(x->origin);
  }
}

static void relay_body(struct exchange *x, const uint8_t *data, size_t len) {
  struct bytes out = {0};
  http_body_reframe(&x->down, data, len, x->as_chunks, &out);
  stream_write(x->browser, out.data, out.len);
  free(out.data);
  if (x->down.status == HTTP_BODY_DONE) {
    wind_up(x, NULL);
  } else if (x->down.status == HTTP_BODY_BROKEN) {
    wind_up(x, "the site's answer has a malformed body");
  } else if (stream_pending(x->browser) > 0) {
    stream_read_stop(x->origin);
  }
}

static void write_head(struct exchange *x, const struct http_head *head) {
  struct bytes out = {0};
  next_hop_response(&out, head, x->as_chunks);
  stream_write(x->browser, out.data, out.len);
  free(out.data);
}

// Begins to pass the response on.
static void begin_response(struct exchange *x, const struct http_head *head) {
  x->past_head = true;
  x->as_chunks =
      !x->request.is_http_1_0 && (head->framing == HTTP_BODY_CHUNKED ||
                                  head->framing == HTTP_BODY_UNTIL_CLOSE);
  write_head(x, head);
  http_body_init(&x->down, head->framing, head->length);
  struct bytes rest = x->head;
  x->head = (struct bytes){0};
  relay_body(x, rest.data + head->len, rest.len - head->len);
  free(rest.data);
}

// Passes an interim response on (RFC 9110, section 15.2) and forgets it.
static void pass_interim(struct exchange *x, const struct http_head *head) {
  x->num_interim++;
  if (!x->request.is_http_1_0) {
    write_head(x, head);
  }
  x->head.len -= head->len;
  memmove(x->head.data, x->head.data + head->len, x->head.len);
  x->scan = (struct http_scan){0};
}

static void read_head(struct exchange *x) {
  struct http_head head;
  for (;;) {
    enum http_head_status status = http_response_read(
        &head, &x->scan, x->head.data, x->head.len, x->request.is_head);
    if (status == HTTP_HEAD_INCOMPLETE) {
      return;
    }
    if (status != HTTP_HEAD_OK || head.status == 101) {
      fail(x, 502, "the site's answer is not HTTP that can be passed on");
      return;
    }
    if (head.status >= 200) {
      begin_response(x, &head);
      return;
    }
    if (x->num_interim == kMaxInterim) {
      fail(x, 502, "the site only promises an answer, again and again");
      return;
    }
    pass_interim(x, &head);
  }
}

static void on_origin_data(void *owner, const uint8_t *data, size_t len) {
  struct exchange *x = owner;
  uv_timer_again(&x->idle);
  x->events->moved(x->owner, 0, len);
  if (x->past_head) {
    relay_body(x, data, len);
    return;
  }
  bytes_append(&x->head, data, len);
  read_head(x);
}

static void on_origin_end(void *owner, int err) {
  struct exchange *x = owner;
  if (x->is_ending) {
    return;
  }
  if (!x->past_head) {
    fail(x, 502, "the site closed the connection without an answer");
    return;
  }
  if (err == 0) {
    http_body_end(&x->down);
  }
  if (x->down.status != HTTP_BODY_DONE) {
    wind_up(x, "the site closed the connection in the middle of its answer");
    return;
  }
  if (x->as_chunks) {
    struct bytes out = {0};
    http_body_end_chunks(&out);
    stream_write(x->browser, out.data, out.len);
    free(out.data);
  }
  wind_up(x, NULL);
}

static void on_idle(uv_timer_t *idle) {
  fail(idle->data, 504, "nothing was sent for too long");
}

struct exchange *exchange_start(struct worker *worker, struct stream *browser,
                                struct stream *origin,
                                const struct exchange_request *request,
                                const uint8_t *head, size_t head_len,
                                const struct exchange_events *events,
                                void *owner) {
  static const struct stream_events kBrowserEvents = {
      on_browser_data, on_browser_end, on_browser_drained};
  static const struct stream_events kOriginEvents = {
      on_origin_data, on_origin_end, on_origin_drained};
  struct exchange *x = xcalloc(1, sizeof(*x));
  x->browser = browser;
  x->origin = origin;
  x->request = *request;
  x->events = events;
  x->owner = owner;
  http_body_init(&x->up, request->framing, request->length);
  uv_timer_init(worker_loop(worker), &x->idle);
  x->idle.data = x;
  uv_timer_start(&x->idle, on_idle, kExchangeIdleMs, kExchangeIdleMs);
  stream_set_events(browser, &kBrowserEvents, x);
  stream_set_events(origin, &kOriginEvents, x);
  events->moved(owner, head_len, 0);
  stream_write(origin, head, head_len);
  stream_read_start(origin);
  if (stream_pending(origin) == 0) {
    stream_read_start(browser);
  }
  return x;
}
