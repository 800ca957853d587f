#include "proxy/relay.h"

#include <uv.h>

#include "net/xalloc.h"

enum { kFarewellMs = 5000 };

// One direction's source and what became of it.
struct side {
  struct relay *relay;
  struct side *other;
  struct stream *stream;
  bool finished;  // it will send no more
};

struct relay {
  struct worker *worker;
  struct side browser;
  struct side site;
  const struct relay_events *events;
  void *owner;
  bool peeking;         // the owner still looks at what the browser sends
  uint64_t last_moved;  // uv_now of the last byte
  int last_err;         // of a side that broke off while the other still drains
  uv_timer_t idle;
};

static void on_idle_closed(uv_handle_t *handle) { free(handle->data); }

static void relay_release(struct relay *relay) {
  uv_close((uv_handle_t *)&relay->idle, on_idle_closed);
}

void relay_cancel(struct relay *relay) {
  if (relay != NULL) {
    stream_close(relay->browser.stream);
    stream_close(relay->site.stream);
    relay_release(relay);
  }
}

// relay_end closes both streams and tells the owner. The caller returns at
// once.
static void relay_end(struct relay *relay, int err) {
  if (err == 0) {
    stream_close_after_drain(relay->browser.stream, kFarewellMs);
    stream_close_after_drain(relay->site.stream, kFarewellMs);
  } else {
    // The kernel may still hold much of what the site had sent before it broke
    // off. A browser that goes on to speak must not lose it to a reset. What is
    // on its way to the site is not waited for: a site that goes on to send,
    // for nobody, would use up the network meanwhile.
    stream_break_after_drain(relay->browser.stream, kFarewellMs);
    stream_close(relay->site.stream);
  }
  relay_release(relay);
  relay->events->done(relay->owner, err);
}

// on_moved counts what went to the other side, and waits while that has enough.
static void on_moved(void *owner, size_t len) {
  struct side *from = owner;
  struct relay *relay = from->relay;
  bool is_up = from == &relay->browser;
  relay->events->moved(relay->owner, is_up ? len : 0, is_up ? 0 : len);
  relay->last_moved = uv_now(worker_loop(relay->worker));
  if (stream_pending(from->other->stream) > 0) {
    stream_read_stop(from->stream);
  }
}

static void splice_from(struct side *from) {
  stream_splice(from->stream, from->other->stream, on_moved);
}

// peek shows the owner what is on its way to the site. When that has seen
// enough, the kernel takes over.
static void peek(struct relay *relay, const uint8_t *data, size_t len) {
  relay->peeking = relay->events->peek(relay->owner, data, len);
  if (!relay->peeking) {
    splice_from(&relay->browser);
  }
}

static void on_data(void *owner, const uint8_t *data, size_t len) {
  struct side *from = owner;
  struct relay *relay = from->relay;
  stream_write(from->other->stream, data, len);
  if (relay->peeking && from == &relay->browser) {
    peek(relay, data, len);
  }
  on_moved(from, len);
}

// on_drained lets the other side speak again, or ends a relay that waited only
// for these bytes to leave.
static void on_drained(void *owner) {
  struct side *to = owner;
  struct relay *relay = to->relay;
  relay->last_moved = uv_now(worker_loop(relay->worker));
  if (relay->last_err != 0) {
    relay_end(relay, relay->last_err);
    return;
  }
  if (!to->other->finished) {
    stream_read_start(to->other->stream);
  }
}

static void on_end(void *owner, int err) {
  struct side *from = owner;
  struct relay *relay = from->relay;
  from->finished = true;
  if (err == 0) {
    stream_shutdown(from->other->stream);
    if (from->other->finished) {
      relay_end(relay, 0);
    }
    return;
  }
  // The other side gets what had come before the break, and then an end without
  // the close_notify that would make it look whole.
  if (relay->last_err == 0 && stream_pending(from->other->stream) > 0) {
    relay->last_err = err;
    stream_read_stop(from->other->stream);
    return;
  }
  relay_end(relay, relay->last_err != 0 ? relay->last_err : err);
}

static const struct stream_events kEvents = {on_data, on_end, on_drained};

static void on_idle(uv_timer_t *timer) {
  struct relay *relay = timer->data;
  bool half =
      relay->browser.finished || relay->site.finished || relay->last_err != 0;
  uint64_t limit = half ? kRelayHalfIdleMs : kRelayIdleMs;
  uint64_t idle = uv_now(worker_loop(relay->worker)) - relay->last_moved;
  if (idle >= limit) {
    relay_end(relay, UV_ETIMEDOUT);
  }
}

static void side_init(struct side *side, struct relay *relay,
                      struct side *other, struct stream *stream) {
  side->relay = relay;
  side->other = other;
  side->stream = stream;
  stream_set_events(stream, &kEvents, side);
}

struct relay *relay_start(struct worker *worker, struct stream *browser,
                          struct stream *site,
                          const struct relay_events *events, void *owner) {
  struct relay *relay = xcalloc(1, sizeof *relay);
  relay->worker = worker;
  relay->events = events;
  relay->owner = owner;
  relay->last_moved = uv_now(worker_loop(worker));
  side_init(&relay->browser, relay, &relay->site, browser);
  side_init(&relay->site, relay, &relay->browser, site);
  uv_timer_init(worker_loop(worker), &relay->idle);
  relay->idle.data = relay;
  relay->peeking = events->peek != NULL;
  if (!relay->peeking) {
    splice_from(&relay->browser);
  }
  splice_from(&relay->site);
  // One coarse timer instead of one reset with every byte.
  uv_timer_start(&relay->idle, on_idle, kRelayHalfIdleMs, kRelayHalfIdleMs);
  stream_read_start(browser);
  stream_read_start(site);
  return relay;
}
