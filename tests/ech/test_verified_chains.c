#include "ech/verified_chains.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "net/xalloc.h"
#include "support/leaks.h"

TestSuite(verified_chains, .timeout = 30);

enum { kNow = 1000000, kLong = 365 * 24 * 60 * 60 };

// digest_of makes the digest of `name` and `certificates`, separated by blanks.
static struct chain_digest digest_of(const char *name,
                                     const char *certificates) {
  struct chain_digest digest;
  STACK_OF(CRYPTO_BUFFER) *chain = sk_CRYPTO_BUFFER_new_null();
  char *copy = xstrdup(certificates);
  char *rest = copy;
  for (char *c = strsep(&rest, " "); c != NULL; c = strsep(&rest, " ")) {
    sk_CRYPTO_BUFFER_push(
        chain, CRYPTO_BUFFER_new((const uint8_t *)c, strlen(c), NULL));
  }
  chain_digest_make(&digest, name, strlen(name), chain);
  sk_CRYPTO_BUFFER_pop_free(chain, CRYPTO_BUFFER_free);
  free(copy);
  return digest;
}

Test(verified_chains, tells_apart_all_that_was_verified) {
  static const struct {
    const char *name;
    const char *chain;
  } kCases[] = {
      {"a.test", "leaf issuer"}, {"b.test", "leaf issuer"},
      {"a.test", "issuer leaf"}, {"a.test", "leaf"},
      {"a.test", "leafissuer"},  {"a.test", "leafi ssuer"},
      {"a.testleaf", "issuer"},  {"a.test", "leaf issuer issuer"},
  };
  enum { kNumCases = sizeof kCases / sizeof kCases[0] };
  struct chain_digest digests[kNumCases];
  for (size_t i = 0; i < kNumCases; i++) {
    digests[i] = digest_of(kCases[i].name, kCases[i].chain);
    for (size_t j = 0; j < i; j++) {
      cr_assert_neq(memcmp(&digests[i], &digests[j], sizeof digests[i]), 0,
                    "%zu and %zu", i, j);
    }
  }
  struct chain_digest again = digest_of(kCases[0].name, kCases[0].chain);
  cr_assert_eq(memcmp(&digests[0], &again, sizeof again), 0);
  cr_assert(leaks_none());
}

Test(verified_chains, keeps_an_entry_for_some_hours_at_most) {
  struct verified_chains *chains = verified_chains_new(4);
  struct chain_digest digest = digest_of("a.test", "leaf");
  cr_assert_not(verified_chains_has(chains, &digest, kNow));
  verified_chains_add(chains, &digest, kNow, kNow + kLong);
  cr_assert(verified_chains_has(chains, &digest, kNow));
  cr_assert(
      verified_chains_has(chains, &digest, kNow + kVerifiedChainSeconds - 1));
  cr_assert_not(
      verified_chains_has(chains, &digest, kNow + kVerifiedChainSeconds));
  cr_assert_not(verified_chains_has(chains, &digest, kNow), "it is gone");
  verified_chains_free(chains);
  cr_assert(leaks_none());
}

Test(verified_chains, keeps_an_entry_no_longer_than_its_certificates) {
  struct verified_chains *chains = verified_chains_new(4);
  struct chain_digest digest = digest_of("a.test", "leaf");
  verified_chains_add(chains, &digest, kNow, kNow + 60);
  cr_assert(verified_chains_has(chains, &digest, kNow + 59));
  cr_assert_not(verified_chains_has(chains, &digest, kNow + 60));
  verified_chains_add(chains, &digest, kNow, kNow);
  cr_assert_not(verified_chains_has(chains, &digest, kNow));
  verified_chains_free(chains);
}

Test(verified_chains, knows_nothing_of_a_time_before) {
  struct verified_chains *chains = verified_chains_new(4);
  struct chain_digest digest = digest_of("a.test", "leaf");
  verified_chains_add(chains, &digest, kNow, kNow + kLong);
  cr_assert_not(verified_chains_has(chains, &digest, kNow - 1));
  verified_chains_free(chains);
}

Test(verified_chains, makes_room_by_dropping_the_least_recently_used) {
  struct verified_chains *chains = verified_chains_new(2);
  struct chain_digest a = digest_of("a.test", "leaf");
  struct chain_digest b = digest_of("b.test", "leaf");
  struct chain_digest c = digest_of("c.test", "leaf");
  verified_chains_add(chains, &a, kNow, kNow + kLong);
  verified_chains_add(chains, &b, kNow, kNow + kLong);
  verified_chains_add(chains, &b, kNow, kNow + kLong);
  cr_assert(verified_chains_has(chains, &a, kNow), "it was there already");
  verified_chains_add(chains, &c, kNow, kNow + kLong);
  cr_assert(verified_chains_has(chains, &a, kNow));
  cr_assert_not(verified_chains_has(chains, &b, kNow));
  cr_assert(verified_chains_has(chains, &c, kNow));
  verified_chains_clear(chains);
  cr_assert_not(verified_chains_has(chains, &a, kNow));
  verified_chains_free(chains);
  cr_assert(leaks_none());
}

static void *use_all(void *arg) {
  struct verified_chains *chains = arg;
  for (int i = 0; i < 2000; i++) {
    char name[16];
    snprintf(name, sizeof name, "%d.test", i % 7);
    struct chain_digest digest = digest_of(name, "leaf");
    verified_chains_add(chains, &digest, kNow, kNow + kLong);
    verified_chains_has(chains, &digest, i % 100 == 0 ? kNow - 1 : kNow);
    if (i % 500 == 0) {
      verified_chains_clear(chains);
    }
  }
  return NULL;
}

Test(verified_chains, can_be_used_by_many_threads) {
  struct verified_chains *chains = verified_chains_new(5);
  pthread_t threads[4];
  for (size_t i = 0; i < 4; i++) {
    cr_assert_eq(pthread_create(&threads[i], NULL, use_all, chains), 0);
  }
  for (size_t i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  verified_chains_free(chains);
  cr_assert(leaks_none());
}
