#include "net/stream.h"

#include <assert.h>

#include "net/stream_impl.h"
#include "net/xalloc.h"

void stream_init(struct stream *s, const struct stream_ops *ops,
                 struct worker *worker) {
  s->ops = ops;
  s->worker = worker;
}

bool stream_is_flowing(const struct stream *s) {
  return s->reading && !s->closed && !s->dead && !s->ended &&
         s->held.len == 0 && !s->end_is_waiting;
}

void stream_emit_data(struct stream *s, const uint8_t *data, size_t len) {
  assert(stream_is_flowing(s));
  s->events->on_data(s->owner, data, len);
}

void stream_emit_moved(struct stream *s, size_t len) {
  assert(stream_is_flowing(s));
  s->on_moved(s->owner, len);
}

static void tell_end(struct stream *s, int err) {
  s->end_is_waiting = false;
  s->ended = true;
  s->end_err = err;
  if (err != 0) {
    s->dead = true;
  }
  s->ops->want(s, false);
  s->events->on_end(s->owner, err);
}

void stream_emit_end(struct stream *s, int err) {
  if (s->closed || s->ended || s->end_is_waiting || s->dead) {
    return;
  }
  bool now = stream_is_flowing(s);
  s->end_is_waiting = true;
  s->end_err = s->output_err != 0 ? s->output_err : err;
  if (now) {
    tell_end(s, s->end_err);
  }
}

void stream_emit_drained(struct stream *s) {
  if (!s->closed && !s->dead && s->events != NULL &&
      s->events->on_drained != NULL) {
    s->events->on_drained(s->owner);
  }
}

static void emit_held(struct stream *s) {
  struct bytes held = s->held;
  s->held = (struct bytes){0};
  s->events->on_data(s->owner, held.data, held.len);
  free(held.data);
}

static bool has_input(const struct stream *s) {
  return s->ops->has_input != NULL && s->ops->has_input(s);
}

static void on_deferred(void *owner);

// Goes on with reading: from the loop with what is here already, and then with
// what is still to come.
static void resume(struct stream *s) {
  if (s->ended || !s->reading || s->closed) {
    return;
  }
  if (s->held.len > 0 || s->end_is_waiting || has_input(s)) {
    worker_defer(s->worker, &s->task, on_deferred, s);
  } else if (!s->dead) {
    s->ops->want(s, true);
  }
}

// Runs, from the loop, the events that could not run at once. Each of them may
// pause or close the stream, so each step asks anew.
static void on_deferred(void *owner) {
  struct stream *s = owner;
  if (s->write_err != 0) {
    if (s->events != NULL) {
      int err = s->write_err;
      s->write_err = 0;
      tell_end(s, err);
    }
    return;
  }
  if (s->ended) {
    return;
  }
  if (s->reading && s->held.len > 0) {
    emit_held(s);
  }
  if (stream_is_flowing(s) && has_input(s)) {
    s->ops->pump(s);
  }
  if (s->reading && !s->closed && s->end_is_waiting && s->held.len == 0) {
    tell_end(s, s->end_err);
    return;
  }
  resume(s);
}

void stream_fail(struct stream *s, int err) {
  if (s->dead || s->closed) {
    return;
  }
  s->dead = true;
  s->write_err = err;
  s->ops->want(s, false);
  worker_defer(s->worker, &s->task, on_deferred, s);
}

void stream_fail_output(struct stream *s, int err) {
  if (!stream_is_flowing(s)) {
    stream_fail(s, err);
  } else if (s->output_err == 0) {
    s->output_err = err;
  }
}

void stream_unend(struct stream *s) {
  if (s->ended) {
    s->ended = false;
    s->end_is_waiting = true;
  }
}

void stream_set_events(struct stream *s, const struct stream_events *events,
                       void *owner) {
  s->events = events;
  s->sink = NULL;
  s->owner = owner;
  if (s->write_err != 0) {  // found while nobody was there to be told
    worker_defer(s->worker, &s->task, on_deferred, s);
  }
}

void stream_splice(struct stream *from, struct stream *to,
                   void (*moved)(void *owner, size_t len)) {
  if (from->ops->splices && from->ops == to->ops) {
    from->sink = to;
    from->on_moved = moved;
  }
}

void stream_read_start(struct stream *s) {
  if (!s->reading) {
    s->reading = true;
    resume(s);
  }
}

void stream_read_stop(struct stream *s) {
  if (s->reading) {
    s->reading = false;
    s->ops->want(s, false);
    if (s->output_err != 0 && !s->ended) {
      stream_fail(s, s->output_err);
    }
  }
}

void stream_unread(struct stream *s, const uint8_t *data, size_t len) {
  if (len == 0) {
    return;
  }
  struct bytes held = {0};
  bytes_append(&held, data, len);
  bytes_append(&held, s->held.data, s->held.len);
  free(s->held.data);
  s->held = held;
  if (s->reading) {
    s->ops->want(s, false);
    resume(s);
  }
}

void stream_write(struct stream *s, const uint8_t *data, size_t len) {
  assert(!s->shut);
  if (!s->dead && !s->shut && s->output_err == 0 && len > 0) {
    s->ops->write(s, data, len);
  }
}

size_t stream_pending(const struct stream *s) {
  return s->dead || s->output_err != 0 ? 0 : s->ops->pending(s);
}

void stream_end_output(struct stream *s, bool whole) {
  if (!s->dead && !s->shut && s->output_err == 0) {
    s->ops->shutdown(s, whole);
    s->shut = true;
  }
}

void stream_shutdown(struct stream *s) { stream_end_output(s, true); }

void stream_close(struct stream *s) {
  if (s == NULL) {
    return;
  }
  assert(!s->closed);
  s->closed = true;
  s->reading = false;
  worker_undefer(s->worker, &s->task);
  free(s->held.data);
  s->held = (struct bytes){0};
  s->ops->close(s);
}
