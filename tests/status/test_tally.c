#include "status/tally.h"

#include <criterion/criterion.h>
#include <pthread.h>

static struct tally_counts counts;

Test(tally, is_zero_at_first) {
  struct tally *tally = tally_new();
  tally_read(tally, &counts);
  cr_assert_eq(counts.counters[TALLY_LOOKUPS], 0);
  cr_assert_eq(counts.times[TALLY_LOOKUP_TIME].count, 0);
  cr_assert_eq(tally_quantile(&counts.times[TALLY_LOOKUP_TIME], 0.5), 0);
  tally_free(tally);
}

Test(tally, counts_each_thing_apart) {
  struct tally *tally = tally_new();
  tally_add(tally, TALLY_BYTES_UP, 5000000000);
  tally_add(tally, TALLY_LOOKUPS, 1);
  tally_verdict(tally, VISIT_OPEN);
  tally_verdict(tally, VISIT_REFUSED);
  tally_refused(tally, TALLY_REFUSED_BROWSER);
  tally_read(tally, &counts);
  cr_assert_eq(counts.counters[TALLY_BYTES_UP], 5000000000);
  cr_assert_eq(counts.counters[TALLY_BYTES_DOWN], 0);
  cr_assert_eq(counts.verdicts[VISIT_REFUSED], 1);
  cr_assert_eq(counts.verdicts[VISIT_OPEN], 0);
  cr_assert_eq(counts.refusals[TALLY_REFUSED_BROWSER], 1);
  cr_assert_eq(counts.refusals[TALLY_REFUSED_OTHER], 0);
  cr_assert_eq(counts.history[kTallyMinutes - 1][VISIT_REFUSED] +
                   counts.history[kTallyMinutes - 2][VISIT_REFUSED],
               1);
  tally_free(tally);
}

Test(tally, puts_times_into_buckets_up_to_their_bounds) {
  struct tally *tally = tally_new();
  tally_took(tally, TALLY_LOOKUP_TIME, 0);
  tally_took(tally, TALLY_LOOKUP_TIME, kTallyBounds[0]);
  tally_took(tally, TALLY_LOOKUP_TIME, kTallyBounds[0] + 1);
  tally_took(tally, TALLY_LOOKUP_TIME, 3600000000);
  tally_read(tally, &counts);
  const struct tally_histogram *times = &counts.times[TALLY_LOOKUP_TIME];
  cr_assert_eq(times->buckets[0], 2);
  cr_assert_eq(times->buckets[1], 1);
  cr_assert_eq(times->buckets[kTallyBuckets - 1], 1);
  cr_assert_eq(times->count, 4);
  cr_assert_eq(times->sum_us, 3600000000 + 2 * kTallyBounds[0] + 1);
  cr_assert_eq(counts.times[TALLY_HANDSHAKE_TIME].count, 0);
  tally_free(tally);
}

Test(tally, has_bounds_that_grow) {
  for (int i = 1; i < kTallyBuckets; i++) {
    cr_assert_gt(kTallyBounds[i], kTallyBounds[i - 1]);
  }
  cr_assert_eq(kTallyBounds[kTallyBuckets - 1], UINT64_MAX);
}

Test(tally, interpolates_quantiles) {
  struct tally_histogram h = {.count = 10};
  h.buckets[1] = 10;
  uint64_t width = kTallyBounds[1] - kTallyBounds[0];
  cr_assert_eq(tally_quantile(&h, 0.5), kTallyBounds[0] + width / 2);
  cr_assert_eq(tally_quantile(&h, 1), kTallyBounds[1]);
  h.buckets[4] = 10;
  h.count = 20;
  cr_assert_eq(tally_quantile(&h, 0.5), kTallyBounds[1]);
  cr_assert_gt(tally_quantile(&h, 0.9), kTallyBounds[3]);
  cr_assert_lt(tally_quantile(&h, 0.9), kTallyBounds[4]);
}

// There is no upper bound to interpolate to.
Test(tally, gives_the_last_bound_for_what_is_beyond_it) {
  struct tally_histogram h = {.count = 1};
  h.buckets[kTallyBuckets - 1] = 1;
  cr_assert_eq(tally_quantile(&h, 0.5), kTallyBounds[kTallyBuckets - 2]);
}

enum { kThreads = 4, kTimes = 5000 };

static void *count_much(void *arg) {
  struct tally *tally = arg;
  for (int i = 0; i < kTimes; i++) {
    tally_add(tally, TALLY_BYTES_UP, 2);
    tally_verdict(tally, VISIT_HIDDEN);
    tally_took(tally, TALLY_HANDSHAKE_TIME, 700);
  }
  return NULL;
}

Test(tally, loses_nothing_to_threads) {
  struct tally *tally = tally_new();
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; i++) {
    pthread_create(&threads[i], NULL, count_much, tally);
  }
  for (int i = 0; i < kThreads; i++) {
    pthread_join(threads[i], NULL);
  }
  tally_read(tally, &counts);
  cr_assert_eq(counts.counters[TALLY_BYTES_UP], 2 * kThreads * kTimes);
  cr_assert_eq(counts.verdicts[VISIT_HIDDEN], kThreads * kTimes);
  cr_assert_eq(counts.times[TALLY_HANDSHAKE_TIME].count, kThreads * kTimes);
  uint32_t in_history = 0;
  for (int i = 0; i < kTallyMinutes; i++) {
    in_history += counts.history[i][VISIT_HIDDEN];
  }
  cr_assert_eq(in_history, kThreads * kTimes);
  tally_free(tally);
}
