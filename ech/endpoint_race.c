#include "ech/endpoint_race.h"

#include <assert.h>

#include "net/dial.h"
#include "net/xalloc.h"

// As dial.c has them.
enum {
  kStaggerMs = 250,      // RFC 8305, section 8: the Connection Attempt Delay
  kViaStaggerMs = 1000,  // through a proxy that takes round trips of its own
};

struct attempt {
  struct endpoint_race *race;
  struct race_candidate *candidate;
  struct dial *dial;  // NULL before it starts and after it fails
};

struct endpoint_race {
  struct worker *worker;
  const struct upstream *via;
  uint64_t timeout_ms;
  endpoint_race_cb *done;
  void *owner;
  struct attempt attempts[kLookupMaxEndpoints];
  size_t num_attempts;
  size_t num_started;
  size_t num_failed;
  int first_err;
  uv_timer_t timer;  // the next attempt
};

static void on_timer_closed(uv_handle_t *handle) { free(handle->data); }

void endpoint_race_cancel(struct endpoint_race *race) {
  if (race == NULL) {
    return;
  }
  for (size_t i = 0; i < race->num_started; i++) {
    dial_cancel(race->attempts[i].dial);
    race->attempts[i].dial = NULL;
  }
  uv_close((uv_handle_t *)&race->timer, on_timer_closed);
}

static void on_timer(uv_timer_t *timer);
static void on_dialed(void *owner, int err, struct stream *stream,
                      const struct address *address);

static void start_next(struct endpoint_race *r) {
  struct attempt *a = &r->attempts[r->num_started++];
  a->dial =
      dial_start(r->worker, r->via, a->candidate->addresses,
                 a->candidate->num_addresses, r->timeout_ms, on_dialed, a);
  if (r->num_started < r->num_attempts) {
    uv_timer_start(&r->timer, on_timer,
                   r->via == NULL ? kStaggerMs : kViaStaggerMs, 0);
  }
}

static void on_timer(uv_timer_t *timer) {
  struct endpoint_race *r = timer->data;
  if (r->num_started < r->num_attempts) {
    start_next(r);
  }
}

static void on_dialed(void *owner, int err, struct stream *stream,
                      const struct address *address) {
  struct attempt *a = owner;
  struct endpoint_race *r = a->race;
  a->dial = NULL;
  if (err != 0) {
    r->num_failed++;
    r->first_err = r->first_err != 0 ? r->first_err : err;
    bool is_final = r->via != NULL && upstream_error_is_final(err);
    if (!is_final && r->num_started < r->num_attempts) {
      start_next(r);
      return;
    }
    if (!is_final && r->num_failed < r->num_attempts) {
      return;
    }
    err = is_final ? err : r->first_err;
  }
  endpoint_race_cancel(r);  // `r` lives until on_timer_closed
  r->done(r->owner, err, stream, stream != NULL ? a->candidate : NULL, address);
}

struct endpoint_race *endpoint_race_start(struct worker *worker,
                                          const struct upstream *via,
                                          struct race_candidate *candidates,
                                          size_t num_candidates,
                                          uint64_t timeout_ms,
                                          endpoint_race_cb *done, void *owner) {
  struct endpoint_race *r = xcalloc(1, sizeof *r);
  r->worker = worker;
  r->via = via;
  r->timeout_ms = timeout_ms;
  r->done = done;
  r->owner = owner;
  for (size_t i = 0; i < num_candidates; i++) {
    if (candidates[i].num_addresses > 0 &&
        r->num_attempts < kLookupMaxEndpoints) {
      r->attempts[r->num_attempts++] =
          (struct attempt){.race = r, .candidate = &candidates[i]};
    }
  }
  assert(r->num_attempts > 0);
  uv_timer_init(worker_loop(worker), &r->timer);
  r->timer.data = r;
  // The loop's clock may be behind after a long turn.
  uv_update_time(worker_loop(worker));
  start_next(r);
  return r;
}
