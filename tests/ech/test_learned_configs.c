#include "ech/learned_configs.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support/leaks.h"

static struct site_digest key_of(const char *host, uint16_t port,
                                 const char *scope) {
  struct site_digest key;
  site_digest_make(&key, host, port, (const uint8_t *)scope, strlen(scope));
  return key;
}

static bool has(struct learned_configs *learned, const struct site_digest *key,
                uint64_t now_ms, const char *expected) {
  size_t len;
  uint8_t *configs = learned_configs_get(learned, &len, key, now_ms);
  bool is_there = configs != NULL && len == strlen(expected) &&
                  memcmp(configs, expected, len) == 0;
  free(configs);
  return is_there;
}

static void put(struct learned_configs *learned, const struct site_digest *key,
                const char *configs, uint64_t expires_at) {
  learned_configs_put(learned, key, (const uint8_t *)configs, strlen(configs),
                      expires_at, 0);
}

Test(learned_configs, keeps_a_list_until_it_expires) {
  struct learned_configs *learned = learned_configs_new(2);
  struct site_digest a = key_of("a.test", 443, "published");
  put(learned, &a, "first", 10);
  cr_assert(has(learned, &a, 9, "first"));
  put(learned, &a, "second", 10);
  cr_assert(has(learned, &a, 9, "second"));
  size_t len;
  cr_assert_null(learned_configs_get(learned, &len, &a, 10));
  put(learned, &a, "third", 0);
  cr_assert_null(learned_configs_get(learned, &len, &a, 0));
  learned_configs_free(learned);
  cr_assert(leaks_none());
}

Test(learned_configs, keeps_to_the_site_the_port_and_the_list) {
  struct learned_configs *learned = learned_configs_new(8);
  struct site_digest a = key_of("a.test", 443, "published");
  const struct site_digest others[] = {
      key_of("b.test", 443, "published"), key_of("a.test", 444, "published"),
      key_of("a.test", 443, "other"), key_of("a.test", 443, "")};
  size_t len;
  put(learned, &a, "configs", 10);
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    cr_assert_null(learned_configs_get(learned, &len, &others[i], 0));
  }
  learned_configs_drop(learned, &others[0]);
  cr_assert(has(learned, &a, 0, "configs"));
  learned_configs_drop(learned, &a);
  cr_assert_null(learned_configs_get(learned, &len, &a, 0));
  learned_configs_free(learned);
}

Test(learned_configs, drops_the_list_used_longest_ago) {
  struct learned_configs *learned = learned_configs_new(2);
  struct site_digest a = key_of("a.test", 443, "");
  struct site_digest b = key_of("b.test", 443, "");
  struct site_digest c = key_of("c.test", 443, "");
  size_t len;
  put(learned, &a, "a", 10);
  put(learned, &b, "b", 10);
  cr_assert(has(learned, &a, 0, "a"));
  put(learned, &c, "c", 10);
  cr_assert_null(learned_configs_get(learned, &len, &b, 0));
  cr_assert(has(learned, &a, 0, "a"));
  cr_assert(has(learned, &c, 0, "c"));
  learned_configs_clear(learned);
  cr_assert_null(learned_configs_get(learned, &len, &a, 0));
  learned_configs_free(learned);
  cr_assert(leaks_none());
}

// Keeps, reads and drops more lists than fit. Says whether every list was the
// one of its key.
static void *use_many(void *arg) {
  static const char *const kHosts[] = {"a.test", "b.test", "c.test", "d.test"};
  struct learned_configs *learned = arg;
  bool ok = true;
  for (size_t i = 0; i < 20000; i++) {
    const char *host = kHosts[i % 4];
    struct site_digest key = key_of(host, 443, "");
    size_t len;
    put(learned, &key, host, 10);
    uint8_t *configs = learned_configs_get(learned, &len, &key, 0);
    ok &= configs == NULL ||
          (len == strlen(host) && memcmp(configs, host, len) == 0);
    free(configs);
    if (i % 3 == 0) {
      learned_configs_drop(learned, &key);
    }
  }
  return ok ? arg : NULL;
}

Test(learned_configs, is_shared_by_threads) {
  enum { kThreads = 4 };
  struct learned_configs *learned = learned_configs_new(3);
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; i++) {
    cr_assert_eq(pthread_create(&threads[i], NULL, use_many, learned), 0);
  }
  for (int i = 0; i < kThreads; i++) {
    void *result;
    pthread_join(threads[i], &result);
    cr_assert_eq(result, learned);
  }
  learned_configs_free(learned);
  cr_assert(leaks_none());
}
