// stream_close_after_drain and stream_break_after_drain for every kind of
// stream: an owner of its own that waits for our bytes to leave and for the
// peer to close.

#include <uv.h>

#include "net/stream.h"
#include "net/stream_impl.h"
#include "net/xalloc.h"

struct farewell {
  struct stream *stream;
  uv_timer_t timer;
};

static void on_timer_closed(uv_handle_t *handle) { free(handle->data); }

static void farewell_finish(struct farewell *f) {
  stream_close(f->stream);
  f->stream = NULL;
  uv_close((uv_handle_t *)&f->timer, on_timer_closed);
}

static void on_timer(uv_timer_t *timer) { farewell_finish(timer->data); }

static void on_data(void *owner, const uint8_t *data, size_t len) {
  (void)owner;
  (void)data;
  (void)len;
}

static bool is_over(const struct stream *s) {
  return s->dead || (s->ended && stream_pending(s) == 0);
}

static void on_progress(void *owner) {
  struct farewell *f = owner;
  if (is_over(f->stream)) {
    farewell_finish(f);
  }
}

static void on_end(void *owner, int err) {
  (void)err;
  on_progress(owner);
}

static const struct stream_events kFarewellEvents = {on_data, on_end,
                                                     on_progress};

static void farewell_start(struct stream *s, bool whole, uint64_t timeout_ms) {
  if (s == NULL) {
    return;
  }
  stream_end_output(s, whole);
  if (is_over(s)) {
    stream_close(s);
    return;
  }
  struct farewell *f = xcalloc(1, sizeof(*f));
  f->stream = s;
  f->timer.data = f;
  uv_timer_init(worker_loop(s->worker), &f->timer);
  uv_timer_start(&f->timer, on_timer, timeout_ms, 0);
  stream_set_events(s, &kFarewellEvents, f);
  stream_read_start(s);
}

void stream_close_after_drain(struct stream *s, uint64_t timeout_ms) {
  farewell_start(s, true, timeout_ms);
}

void stream_break_after_drain(struct stream *s, uint64_t timeout_ms) {
  farewell_start(s, false, timeout_ms);
}
