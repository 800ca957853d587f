#include "net/dial.h"

#include <assert.h>

#include "net/tcp.h"
#include "net/upstream_connect.h"
#include "net/xalloc.h"

enum {
  kMaxAddresses = 16,    // more are not worth anybody's while
  kStaggerMs = 250,      // RFC 8305, section 8: the Connection Attempt Delay
  kViaStaggerMs = 1000,  // through a proxy that takes round trips of its own
};

struct attempt {
  struct dial *dial;
  struct address address;
  // One of these; NULL before it starts and after it fails.
  struct tcp_connect *direct;
  struct upstream_connect *through;
};

struct dial {
  struct worker *worker;
  const struct upstream *via;  // or NULL
  dial_cb *done;
  void *owner;
  struct attempt attempts[kMaxAddresses];
  size_t num_attempts;
  size_t num_started;
  size_t num_failed;
  int first_err;
  uint64_t deadline;  // in uv_now's time
  uv_timer_t timer;   // the next attempt, or the deadline if that is sooner
};

// Puts the addresses in the order of RFC 8305, section 4: the families take
// turns, the first address's family goes first.
static void interleave(struct dial *d, const struct address *addresses,
                       size_t num) {
  size_t next[2] = {0, 0};  // by family: where to look for its next address
  bool ipv6 = addresses[0].is_ipv6;
  for (size_t turns = 0; turns < 2 * num && d->num_attempts < kMaxAddresses;
       turns++) {
    size_t *i = &next[ipv6];
    while (*i < num && addresses[*i].is_ipv6 != ipv6) {
      (*i)++;
    }
    if (*i < num) {
      struct attempt *a = &d->attempts[d->num_attempts++];
      a->dial = d;
      a->address = addresses[(*i)++];
    }
    ipv6 = !ipv6;
  }
}

static void on_timer_closed(uv_handle_t *handle) { free(handle->data); }

static void close_all(struct dial *d) {
  for (size_t i = 0; i < d->num_started; i++) {
    struct attempt *a = &d->attempts[i];
    tcp_connect_cancel(a->direct);
    a->direct = NULL;
    upstream_connect_cancel(a->through);
    a->through = NULL;
  }
  uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}

static void finish(struct dial *d, int err, struct stream *stream,
                   const struct address *address) {
  close_all(d);  // `d` and `address` live until on_timer_closed
  d->done(d->owner, err, stream, address);
}

static void on_timer(uv_timer_t *timer);
static void on_connected(void *owner, int err, struct stream *stream);

static void start_attempt(struct dial *d, struct attempt *a) {
  if (d->via == NULL) {
    a->direct = tcp_connect_start(d->worker, &a->address, on_connected, a);
  } else {
    a->through =
        upstream_connect_start(d->worker, d->via, &a->address, on_connected, a);
  }
}

static void start_next(struct dial *d) {
  if (d->num_started < d->num_attempts) {
    start_attempt(d, &d->attempts[d->num_started++]);
  }
  uint64_t stagger = d->via == NULL ? kStaggerMs : kViaStaggerMs;
  uint64_t now = uv_now(worker_loop(d->worker));
  uint64_t wait = d->deadline > now ? d->deadline - now : 0;
  if (d->num_started < d->num_attempts && wait > stagger) {
    wait = stagger;
  }
  uv_timer_start(&d->timer, on_timer, wait, 0);
}

static void on_timer(uv_timer_t *timer) {
  struct dial *d = timer->data;
  if (uv_now(worker_loop(d->worker)) >= d->deadline) {
    finish(d, d->first_err != 0 ? d->first_err : UV_ETIMEDOUT, NULL, NULL);
  } else {
    start_next(d);
  }
}

static void on_connected(void *owner, int err, struct stream *stream) {
  struct attempt *a = owner;
  struct dial *d = a->dial;
  a->direct = NULL;
  a->through = NULL;
  if (err == 0) {
    finish(d, 0, stream, &a->address);
    return;
  }
  if (d->via != NULL && upstream_error_is_final(err)) {
    finish(d, err, NULL, NULL);
    return;
  }
  d->num_failed++;
  if (d->first_err == 0) {
    d->first_err = err;
  }
  if (d->num_failed == d->num_attempts) {
    finish(d, d->first_err, NULL, NULL);
  } else if (d->num_started < d->num_attempts) {
    start_next(d);
  }
}

struct dial *dial_start(struct worker *worker, const struct upstream *via,
                        const struct address *addresses, size_t num_addresses,
                        uint64_t timeout_ms, dial_cb *done, void *owner) {
  assert(num_addresses > 0);
  struct dial *d = xcalloc(1, sizeof(*d));
  d->worker = worker;
  d->via = via;
  d->done = done;
  d->owner = owner;
  uv_loop_t *loop = worker_loop(worker);
  uv_timer_init(loop, &d->timer);
  d->timer.data = d;
  // The loop's clock stands still during a turn, which may have been a long
  // one: the deadline is counted from now.
  uv_update_time(loop);
  d->deadline = uv_now(loop) + timeout_ms;
  interleave(d, addresses, num_addresses);
  start_next(d);
  return d;
}

void dial_cancel(struct dial *d) {
  if (d != NULL) {
    close_all(d);
  }
}
