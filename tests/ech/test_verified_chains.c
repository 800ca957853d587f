#include "ech/verified_chains.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "net/xalloc.h"
#include "support/leaks.h"

TestSuite(verified_chains, .timeout = 30);

enum { kNow = 1000000, kLong = 365 * 24 * 60 * 60 };

// digest_of makes the digest of `certificates`, separated by blanks, and `name`
// unless it is NULL.
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
  chain_digest_make(&digest, chain);
  if (name != NULL) {
    const struct chain_digest of_chain = digest;
    chain_digest_add_name(&digest, &of_chain, name);
  }
  sk_CRYPTO_BUFFER_pop_free(chain, CRYPTO_BUFFER_free);
  free(copy);
  return digest;
}

static bool has(struct verified_chains *chains,
                const struct chain_digest *digest, int64_t now) {
  int64_t good_until = 0;
  bool is_good = verified_chains_get(chains, &good_until, digest, now);
  cr_assert_eq(is_good, good_until > now);
  return is_good;
}

Test(verified_chains, tells_apart_all_that_was_verified) {
  static const struct {
    const char *name;
    const char *chain;
  } kCases[] = {
      {"a.test", "leaf issuer"},    {"b.test", "leaf issuer"},
      {"a.test", "issuer leaf"},    {"a.test", "leaf"},
      {"a.test", "leafissuer"},     {"a.test", "leafi ssuer"},
      {"a.testleaf", "issuer"},     {"a.test", "leaf issuer issuer"},
      {NULL, "leaf issuer"},        {NULL, "leafissuer"},
      {NULL, "leaf issuer a.test"}, {"", "leaf issuer"},
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
  cr_assert_not(has(chains, &digest, kNow));
  verified_chains_add(chains, &digest, kNow, kNow + kLong);
  cr_assert(has(chains, &digest, kNow));
  cr_assert(has(chains, &digest, kNow + kVerifiedChainSeconds - 1));
  cr_assert_not(has(chains, &digest, kNow + kVerifiedChainSeconds));
  cr_assert_not(has(chains, &digest, kNow), "it is gone");
  verified_chains_free(chains);
  cr_assert(leaks_none());
}

Test(verified_chains, keeps_an_entry_no_longer_than_its_certificates) {
  struct verified_chains *chains = verified_chains_new(4);
  struct chain_digest digest = digest_of("a.test", "leaf");
  verified_chains_add(chains, &digest, kNow, kNow + 60);
  cr_assert(has(chains, &digest, kNow + 59));
  cr_assert_not(has(chains, &digest, kNow + 60));
  verified_chains_add(chains, &digest, kNow, kNow);
  cr_assert_not(has(chains, &digest, kNow));
  verified_chains_free(chains);
}

Test(verified_chains, says_until_when_an_entry_is_good) {
  struct verified_chains *chains = verified_chains_new(4);
  struct chain_digest brief = digest_of("a.test", "leaf");
  struct chain_digest lasting = digest_of("b.test", "leaf");
  int64_t until;
  verified_chains_add(chains, &brief, kNow, kNow + 60);
  verified_chains_add(chains, &lasting, kNow, kNow + kLong);
  cr_assert(verified_chains_get(chains, &until, &brief, kNow + 30));
  cr_assert_eq(until, kNow + 60);
  cr_assert(verified_chains_get(chains, &until, &lasting, kNow + 30));
  cr_assert_eq(until, kNow + kVerifiedChainSeconds);
  verified_chains_free(chains);
}

Test(verified_chains, knows_nothing_of_a_time_before) {
  struct verified_chains *chains = verified_chains_new(4);
  struct chain_digest digest = digest_of("a.test", "leaf");
  verified_chains_add(chains, &digest, kNow, kNow + kLong);
  cr_assert_not(has(chains, &digest, kNow - 1));
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
  cr_assert(has(chains, &a, kNow), "it was there already");
  verified_chains_add(chains, &c, kNow, kNow + kLong);
  cr_assert(has(chains, &a, kNow));
  cr_assert_not(has(chains, &b, kNow));
  cr_assert(has(chains, &c, kNow));
  verified_chains_clear(chains);
  cr_assert_not(has(chains, &a, kNow));
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
    has(chains, &digest, i % 100 == 0 ? kNow - 1 : kNow);
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
