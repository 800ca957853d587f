#include "ech/lookup_cache.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>

#include "support/leaks.h"

static void put(struct lookup_cache *cache, const char *key, uint32_t ttl,
                uint64_t now_ms) {
  struct lookup_answer *a =
      lookup_answer_new(LOOKUP_NO_RECORD, "", ttl, NULL, 0, NULL, 0);
  lookup_answer_unref(lookup_cache_put(cache, key, a, now_ms, 0));
  lookup_answer_unref(a);
}

// What lookup_cache_get returns, borrowed while it stays in the cache.
static struct lookup_answer *kept(struct lookup_cache *cache, const char *key,
                                  uint64_t now_ms) {
  struct lookup_answer *a = lookup_cache_get(cache, key, now_ms);
  lookup_answer_unref(a);
  return a;
}

Test(lookup_cache, keeps_an_answer_for_its_ttl_and_no_longer) {
  struct lookup_cache *cache = lookup_cache_new(10);
  put(cache, "a:443", 5, 1000);
  put(cache, "zero:443", 0, 1000);
  cr_assert_not_null(kept(cache, "a:443", 1000));
  cr_assert_not_null(kept(cache, "a:443", 5999));
  cr_assert_null(kept(cache, "a:443", 6000));
  cr_assert_null(kept(cache, "a:44", 1000));
  cr_assert_null(kept(cache, "zero:443", 1000));
  cr_assert_eq(lookup_cache_num_entries(cache), 0);
  lookup_cache_unref(cache);
  cr_assert(leaks_none());
}

Test(lookup_cache, replaces_an_answer) {
  struct lookup_cache *cache = lookup_cache_new(10);
  put(cache, "a:443", 5, 0);
  put(cache, "a:443", 9, 0);
  cr_assert_eq(kept(cache, "a:443", 0)->ttl, 9);
  cr_assert_eq(lookup_cache_num_entries(cache), 1);
  put(cache, "a:443", 0, 0);
  cr_assert_null(kept(cache, "a:443", 0));
  lookup_cache_unref(cache);
}

Test(lookup_cache, drops_what_was_used_longest_ago) {
  struct lookup_cache *cache = lookup_cache_new(100);
  char key[32];
  for (int i = 0; i < 1000; i++) {
    snprintf(key, sizeof(key), "%d:443", i);
    put(cache, key, 60, 0);
    cr_assert_not_null(kept(cache, "0:443", 0), "at %d", i);
  }
  cr_assert_eq(lookup_cache_num_entries(cache), 100);
  cr_assert_null(kept(cache, "900:443", 0));
  cr_assert_not_null(kept(cache, "901:443", 0));
  lookup_cache_unref(cache);
  cr_assert(leaks_none());
}

// An answer with ECH that may be kept for `ech_ttl`, its addresses for `ttl`.
static struct lookup_answer *put_ech(struct lookup_cache *cache, uint32_t ttl,
                                     uint32_t ech_ttl, uint64_t now_ms) {
  struct lookup_answer *a =
      lookup_answer_new(LOOKUP_ECH, "", ttl, NULL, 0, NULL, 0);
  a->ech_ttl = ech_ttl;
  lookup_answer_unref(lookup_cache_put(cache, "a:443", a, now_ms, 0));
  lookup_answer_unref(a);
  return a;
}

// Puts an answer of `status` and says whether the one before it stayed.
static bool stays(struct lookup_cache *cache, enum lookup_status status,
                  uint32_t ttl, uint64_t now_ms) {
  struct lookup_answer *a =
      lookup_answer_new(status, "", ttl, NULL, 0, NULL, 0);
  struct lookup_answer *given = lookup_cache_put(cache, "a:443", a, now_ms, 0);
  bool stayed = given != a;
  lookup_answer_unref(given);
  lookup_answer_unref(a);
  return stayed;
}

// Once a name has a usable configuration, nothing that is learned within its
// TTL makes it fall back to the clear.
Test(lookup_cache, keeps_ech_for_its_own_ttl) {
  static const enum lookup_status kOthers[] = {LOOKUP_NO_ECH, LOOKUP_NO_RECORD,
                                               LOOKUP_NXDOMAIN, LOOKUP_FAILED};
  for (size_t i = 0; i < sizeof(kOthers) / sizeof(kOthers[0]); i++) {
    struct lookup_cache *cache = lookup_cache_new(10);
    struct lookup_answer *ech = put_ech(cache, 10, 300, 0);
    cr_assert_eq(kept(cache, "a:443", 9999), ech);
    cr_assert(stays(cache, kOthers[i], 60, 9999));
    // The addresses' time is over, the configuration's is not.
    cr_assert_eq(kept(cache, "a:443", 39998), ech);
    cr_assert_null(kept(cache, "a:443", 39999));
    cr_assert(stays(cache, kOthers[i], 0, 40000));
    cr_assert_null(kept(cache, "a:443", 40000));
    cr_assert(stays(cache, kOthers[i], 3600, 299000));
    cr_assert_eq(kept(cache, "a:443", 299999), ech);
    cr_assert_null(kept(cache, "a:443", 300000));
    cr_assert_not(stays(cache, kOthers[i], 60, 300000));
    cr_assert_not_null(kept(cache, "a:443", 300000));
    lookup_cache_unref(cache);
  }
  cr_assert(leaks_none());
}

Test(lookup_cache, replaces_ech_by_newer_ech) {
  struct lookup_cache *cache = lookup_cache_new(10);
  put_ech(cache, 0, 300, 0);
  cr_assert_null(kept(cache, "a:443", 0), "its addresses are old");
  struct lookup_answer *newer = put_ech(cache, 10, 400, 1000);
  cr_assert_eq(kept(cache, "a:443", 1000), newer);
  cr_assert(stays(cache, LOOKUP_NO_RECORD, 60, 400999));
  cr_assert_not(stays(cache, LOOKUP_NO_RECORD, 60, 401000));
  lookup_cache_unref(cache);
  cr_assert(leaks_none());
}

// Another resolver may have had the record for longer, or give no TTL at all:
// that does not end the time that the first one has given.
Test(lookup_cache, does_not_shorten_the_time_of_ech_by_newer_ech) {
  for (uint32_t ttl = 0; ttl < 2; ttl++) {
    struct lookup_cache *cache = lookup_cache_new(10);
    put_ech(cache, 10, 300, 0);
    struct lookup_answer *newer = put_ech(cache, ttl, ttl, 1000);
    cr_assert_null(kept(cache, "a:443", 2000));
    cr_assert(stays(cache, LOOKUP_NO_RECORD, 60, 2000));
    cr_assert_eq(kept(cache, "a:443", 2000), newer);
    cr_assert(stays(cache, LOOKUP_NO_RECORD, 60, 299999));
    cr_assert_not(stays(cache, LOOKUP_NO_RECORD, 60, 300000));
    lookup_cache_unref(cache);
  }
  cr_assert(leaks_none());
}

Test(lookup_cache, keeps_a_good_answer_when_a_refresh_fails) {
  struct lookup_cache *cache = lookup_cache_new(10);
  put(cache, "a:443", 10, 0);
  cr_assert(stays(cache, LOOKUP_FAILED, 1, 9000));
  cr_assert_not_null(kept(cache, "a:443", 9999));
  cr_assert_null(kept(cache, "a:443", 10000), "its time was over");
  put(cache, "a:443", 10, 20000);
  cr_assert_not(stays(cache, LOOKUP_NXDOMAIN, 1, 29000));
  lookup_cache_unref(cache);
}

Test(lookup_cache, says_when_an_answer_in_use_should_be_asked_for_again) {
  struct lookup_cache *cache = lookup_cache_new(10);
  put(cache, "a:443", 100, 0);
  cr_assert_not(lookup_cache_is_due(cache, "b:443", 0));
  cr_assert_not(lookup_cache_is_due(cache, "a:443", 79999));
  cr_assert(lookup_cache_is_due(cache, "a:443", 80000));
  cr_assert_not(lookup_cache_is_due(cache, "a:443", 80001), "twice at once");
  cr_assert(lookup_cache_is_due(cache, "a:443", 90000), "it may have failed");
  put(cache, "a:443", 100, 91000);
  cr_assert_not(lookup_cache_is_due(cache, "a:443", 99000));
  lookup_cache_unref(cache);
}

Test(lookup_cache, keeps_addresses_when_a_refresh_finds_none) {
  struct lookup_cache *cache = lookup_cache_new(10);
  const struct address address = {.ip = {192, 0, 2, 1}, .port = 443};
  struct lookup_answer *old =
      lookup_answer_new(LOOKUP_ECH, "", 10, NULL, 0, &address, 1);
  old->ech_ttl = 300;
  lookup_answer_unref(lookup_cache_put(cache, "a:443", old, 0, 0));
  struct lookup_answer *bare = put_ech(cache, 2, 300, 9000);
  cr_assert_eq(kept(cache, "a:443", 9999), old);
  bare = put_ech(cache, 2, 300, 10000);
  cr_assert_eq(kept(cache, "a:443", 10000), bare);
  lookup_answer_unref(old);
  lookup_cache_unref(cache);
  cr_assert(leaks_none());
}

// What a resolver of `generation` finds, and what it is given.
static enum lookup_status find_as(struct lookup_cache *cache,
                                  enum lookup_status status, uint32_t ech_ttl,
                                  uint64_t now_ms, unsigned generation) {
  struct lookup_answer *a = lookup_answer_new(status, "", 60, NULL, 0, NULL, 0);
  a->ech_ttl = ech_ttl;
  struct lookup_answer *given =
      lookup_cache_put(cache, "a:443", a, now_ms, generation);
  enum lookup_status found = given->status;
  lookup_answer_unref(given);
  lookup_answer_unref(a);
  return found;
}

Test(lookup_cache, asks_other_resolvers_for_everything_anew) {
  struct lookup_cache *cache = lookup_cache_new(10);
  put(cache, "a:443", 60, 0);
  lookup_cache_renew(cache, 1);
  cr_assert_null(kept(cache, "a:443", 0));
  // The second worker's resolver comes later.
  cr_assert_eq(find_as(cache, LOOKUP_NO_RECORD, 0, 0, 1), LOOKUP_NO_RECORD);
  lookup_cache_renew(cache, 1);
  cr_assert_not_null(kept(cache, "a:443", 0));
  lookup_cache_unref(cache);
  cr_assert(leaks_none());
}

Test(lookup_cache, keeps_the_ech_of_a_name_from_resolver_to_resolver) {
  static const enum lookup_status kOthers[] = {LOOKUP_NO_RECORD, LOOKUP_NO_ECH,
                                               LOOKUP_NXDOMAIN, LOOKUP_FAILED};
  for (size_t i = 0; i < sizeof(kOthers) / sizeof(kOthers[0]); i++) {
    struct lookup_cache *cache = lookup_cache_new(10);
    cr_assert_eq(find_as(cache, LOOKUP_ECH, 300, 0, 0), LOOKUP_ECH);
    lookup_cache_renew(cache, 1);
    cr_expect_null(kept(cache, "a:443", 1000), "the new one is not asked");
    cr_expect_eq(find_as(cache, kOthers[i], 0, 1000, 1), LOOKUP_ECH);
    cr_expect_eq(kept(cache, "a:443", 1000)->status, LOOKUP_ECH);
    cr_expect_eq(find_as(cache, kOthers[i], 0, 300000, 1), kOthers[i],
                 "its time is over");
    lookup_cache_unref(cache);
  }
  cr_assert(leaks_none());
}

Test(lookup_cache, takes_nothing_but_ech_of_a_resolver_that_was_replaced) {
  struct lookup_cache *cache = lookup_cache_new(10);
  lookup_cache_renew(cache, 1);
  cr_assert_eq(find_as(cache, LOOKUP_NO_RECORD, 0, 0, 0), LOOKUP_NO_RECORD);
  cr_assert_null(kept(cache, "a:443", 0));
  // The new one has found none; the old one has, a little later.
  cr_assert_eq(find_as(cache, LOOKUP_NO_RECORD, 0, 0, 1), LOOKUP_NO_RECORD);
  cr_assert_eq(find_as(cache, LOOKUP_ECH, 300, 1, 0), LOOKUP_ECH);
  cr_assert_null(kept(cache, "a:443", 1), "the new one is to be asked");
  cr_assert_eq(find_as(cache, LOOKUP_NO_RECORD, 0, 2, 1), LOOKUP_ECH);
  // And what it says of no ECH, after that, exposes nothing.
  cr_assert_eq(find_as(cache, LOOKUP_NO_RECORD, 0, 3, 0), LOOKUP_ECH);
  cr_assert_eq(find_as(cache, LOOKUP_ECH, 900, 4, 0), LOOKUP_ECH);
  cr_assert_eq(find_as(cache, LOOKUP_NO_RECORD, 0, 600000, 1), LOOKUP_ECH);
  lookup_cache_unref(cache);
  cr_assert(leaks_none());
}

// Puts and reads more names than fit, and keeps what it reads for a while. Says
// whether every answer was one of the name asked for.
static void *use_many(void *arg) {
  enum { kNames = 20, kRounds = 5000 };
  struct lookup_cache *cache = arg;
  struct lookup_answer *held = NULL;
  bool ok = true;
  for (uint32_t i = 0; i < kRounds; i++) {
    char key[32];
    uint32_t name = i % kNames;
    snprintf(key, sizeof(key), "%u:443", name);
    put(cache, key, 100 + name, i);
    struct lookup_answer *a = lookup_cache_get(cache, key, i);
    ok &= a == NULL || a->ttl == 100 + name;
    lookup_cache_is_due(cache, key, i);
    lookup_answer_unref(held);
    held = a;
  }
  lookup_answer_unref(held);
  lookup_cache_unref(cache);
  return ok ? arg : NULL;
}

Test(lookup_cache, is_shared_by_threads_and_goes_with_the_last) {
  enum { kThreads = 4 };
  struct lookup_cache *cache = lookup_cache_new(10);
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; i++) {
    lookup_cache_ref(cache);
    cr_assert_eq(pthread_create(&threads[i], NULL, use_many, cache), 0);
  }
  lookup_cache_unref(cache);
  for (int i = 0; i < kThreads; i++) {
    void *result;
    pthread_join(threads[i], &result);
    cr_assert_eq(result, cache);
  }
  cr_assert(leaks_none());
}
