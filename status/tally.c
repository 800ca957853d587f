#include "status/tally.h"

#include <assert.h>
#include <stdatomic.h>
#include <time.h>

#include "net/xalloc.h"
#include "status/minute_history.h"

const uint64_t kTallyBounds[kTallyBuckets] = {
    500,    1000,   2500,   5000,    10000,   25000,    50000,
    100000, 250000, 500000, 1000000, 2500000, 10000000, UINT64_MAX,
};

_Static_assert((int)kTallyMinutes == (int)kHistoryMinutes, "one history");

struct histogram {
  atomic_uint_fast64_t buckets[kTallyBuckets];
  atomic_uint_fast64_t sum_us;
};

struct tally {
  time_t started;  // by now_s, as the history's minutes
  atomic_uint_fast64_t counters[TALLY_BYTES_DOWN + 1];
  atomic_uint_fast64_t verdicts[VISIT_UPGRADED + 1];
  atomic_uint_fast64_t refusals[TALLY_REFUSED_OTHER + 1];
  struct histogram times[TALLY_HANDSHAKE_TIME + 1];
  struct minute_history history;
};

// Where there is such a clock, one that goes on while the machine sleeps: the
// last hour is the one on the wall.
static time_t now_s(void) {
#ifdef CLOCK_BOOTTIME
  static const clockid_t kClock = CLOCK_BOOTTIME;
#else
  static const clockid_t kClock = CLOCK_MONOTONIC;
#endif
  struct timespec now;
  clock_gettime(kClock, &now);
  return now.tv_sec;
}

static uint32_t minute_now(const struct tally *tally) {
  return (uint32_t)((now_s() - tally->started) / 60);
}

struct tally *tally_new(void) {
  struct tally *tally = xcalloc(1, sizeof *tally);
  tally->started = now_s();
  return tally;
}

void tally_free(struct tally *tally) { free(tally); }

static void add(atomic_uint_fast64_t *number, uint64_t n) {
  atomic_fetch_add_explicit(number, n, memory_order_relaxed);
}

static uint64_t read_one(const atomic_uint_fast64_t *number) {
  return atomic_load_explicit(number, memory_order_relaxed);
}

void tally_add(struct tally *tally, enum tally_counter counter, uint64_t n) {
  add(&tally->counters[counter], n);
}

void tally_verdict(struct tally *tally, enum visit_verdict verdict) {
  if (verdict != VISIT_OPEN) {
    add(&tally->verdicts[verdict], 1);
    minute_history_add(&tally->history, minute_now(tally), verdict);
  }
}

void tally_refused(struct tally *tally, enum tally_refusal why) {
  add(&tally->refusals[why], 1);
}

void tally_took(struct tally *tally, enum tally_time what, uint64_t us) {
  struct histogram *histogram = &tally->times[what];
  int i = 0;
  while (us > kTallyBounds[i]) {
    i++;
  }
  add(&histogram->buckets[i], 1);
  add(&histogram->sum_us, us);
}

static void read_many(const atomic_uint_fast64_t *numbers, size_t num,
                      uint64_t *out) {
  for (size_t i = 0; i < num; i++) {
    out[i] = read_one(&numbers[i]);
  }
}

// The count is that of the buckets, which another thread may add to meanwhile.
static void read_histogram(const struct histogram *histogram,
                           struct tally_histogram *out) {
  read_many(histogram->buckets, kTallyBuckets, out->buckets);
  out->sum_us = read_one(&histogram->sum_us);
  out->count = 0;
  for (int i = 0; i < kTallyBuckets; i++) {
    out->count += out->buckets[i];
  }
}

void tally_read(struct tally *tally, struct tally_counts *out) {
  read_many(tally->counters, TALLY_BYTES_DOWN + 1, out->counters);
  read_many(tally->verdicts, VISIT_UPGRADED + 1, out->verdicts);
  read_many(tally->refusals, TALLY_REFUSED_OTHER + 1, out->refusals);
  for (int i = 0; i <= TALLY_HANDSHAKE_TIME; i++) {
    read_histogram(&tally->times[i], &out->times[i]);
  }
  out->age_s = (uint64_t)(now_s() - tally->started);
  minute_history_read(&tally->history, minute_now(tally), out->history);
}

// The last bucket has no upper bound to interpolate to.
uint64_t tally_quantile(const struct tally_histogram *histogram, double q) {
  assert(q >= 0 && q <= 1);
  if (histogram->count == 0) {
    return 0;
  }
  double rank = q * (double)histogram->count;
  double below = 0;
  uint64_t lower = 0;
  for (int i = 0; i < kTallyBuckets - 1; i++) {
    double inside = (double)histogram->buckets[i];
    if (inside > 0 && below + inside >= rank) {
      double width = (double)(kTallyBounds[i] - lower);
      return lower + (uint64_t)(width * (rank - below) / inside);
    }
    below += inside;
    lower = kTallyBounds[i];
  }
  return lower;
}
