#include "ech/lookup_cache.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "support/leaks.h"

static void put(struct lookup_cache *cache, const char *key, uint32_t ttl,
                uint64_t now_ms) {
  struct lookup_answer *a =
      lookup_answer_new(LOOKUP_NO_RECORD, "", ttl, NULL, 0, NULL, 0);
  lookup_cache_put(cache, key, a, now_ms);
  lookup_answer_unref(a);
}

Test(lookup_cache, keeps_an_answer_for_its_ttl_and_no_longer) {
  struct lookup_cache *cache = lookup_cache_new(10);
  put(cache, "a:443", 5, 1000);
  put(cache, "zero:443", 0, 1000);
  cr_assert_not_null(lookup_cache_get(cache, "a:443", 1000));
  cr_assert_not_null(lookup_cache_get(cache, "a:443", 5999));
  cr_assert_null(lookup_cache_get(cache, "a:443", 6000));
  cr_assert_null(lookup_cache_get(cache, "a:44", 1000));
  cr_assert_null(lookup_cache_get(cache, "zero:443", 1000));
  cr_assert_eq(lookup_cache_num_entries(cache), 0);
  lookup_cache_free(cache);
  cr_assert(leaks_none());
}

Test(lookup_cache, replaces_an_answer) {
  struct lookup_cache *cache = lookup_cache_new(10);
  put(cache, "a:443", 5, 0);
  put(cache, "a:443", 9, 0);
  cr_assert_eq(lookup_cache_get(cache, "a:443", 0)->ttl, 9);
  cr_assert_eq(lookup_cache_num_entries(cache), 1);
  put(cache, "a:443", 0, 0);
  cr_assert_null(lookup_cache_get(cache, "a:443", 0));
  lookup_cache_free(cache);
}

Test(lookup_cache, drops_what_was_used_longest_ago) {
  struct lookup_cache *cache = lookup_cache_new(100);
  char key[32];
  for (int i = 0; i < 1000; i++) {
    snprintf(key, sizeof(key), "%d:443", i);
    put(cache, key, 60, 0);
    cr_assert_not_null(lookup_cache_get(cache, "0:443", 0), "at %d", i);
  }
  cr_assert_eq(lookup_cache_num_entries(cache), 100);
  cr_assert_null(lookup_cache_get(cache, "900:443", 0));
  cr_assert_not_null(lookup_cache_get(cache, "901:443", 0));
  lookup_cache_free(cache);
  cr_assert(leaks_none());
}
