#include "net/dial.h"

#include <assert.h>

#include "net/tcp.h"
#include "net/xalloc.h"

enum {
  kMaxAddresses = 16,  // more are not worth anybody's while
  kStaggerMs = 250,    // RFC 8305, section 8: the Connection Attempt Delay
};

struct attempt {
  struct dial *dial;
  struct address address;
  struct tcp_connect *connect;  // NULL before it starts and after it fails
};

struct dial {
  struct worker *worker;
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
    tcp_connect_cancel(d->attempts[i].connect);
    d->attempts[i].connect = NULL;
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

static void start_next(struct dial *d) {
  if (d->num_started < d->num_attempts) {
    struct attempt *a = &d->attempts[d->num_started++];
    a->connect = tcp_connect_start(d->worker, &a->address, on_connected, a);
  }
  uint64_t now = uv_now(worker_loop(d->worker));
  uint64_t wait = d->deadline > now ? d->deadline - now : 0;
  if (d->num_started < d->num_attempts && wait > kStaggerMs) {
    wait = kStaggerMs;
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
  a->connect = NULL;
  if (err == 0) {
    finish(d, 0, stream, &a->address);
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

struct dial *dial_start(struct worker *worker, const struct address *addresses,
                        size_t num_addresses, uint64_t timeout_ms,
                        dial_cb *done, void *owner) {
  assert(num_addresses > 0);
  struct dial *d = xcalloc(1, sizeof(*d));
  d->worker = worker;
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
