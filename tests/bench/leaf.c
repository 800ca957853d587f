// bench_leaf measures what a leaf costs echproxy, by its own keys/: minting one
// for a host that is new, and presenting one that is kept. Unlike the other
// programs it is no peer, but calls the code under test.
//
//   bench_leaf --state-dir DIR [--count N] [--kept N]
//
// README.md beside this file says what it prints.

#include <openssl/mem.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <time.h>

#include "base.h"
#include "keys/ca.h"
#include "keys/certificate.h"
#include "keys/key_error.h"
#include "keys/leaf.h"
#include "keys/leaf_shown.h"

struct arguments {
  const char *state_dir;
  uint64_t count, kept;
};

static void parse(struct arguments *a, char **argv) {
  const struct option options[] = {
      {.name = "state-dir", .text = &a->state_dir},
      {.name = "count", .number = &a->count, .min = 1, .max = 10000000},
      {.name = "kept", .number = &a->kept, .min = 1, .max = 100000},
      {.name = NULL}};
  options_parse(options, NULL, argv);
  if (a->state_dir == NULL) {
    die("--state-dir DIR is needed, for a CA");
  }
}

// cpu_ns is what this thread has used: others on the machine do not count.
static uint64_t cpu_ns(void) {
  struct timespec used;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

// use_many asks for leaves of `num_hosts` hosts in turn, `count` in all, and
// returns the microseconds for each. All of them must come about as `how`.
static double use_many(struct leaf_cache *leaves, SSL *ssl, uint64_t num_hosts,
                       uint64_t count, enum leaf_use how) {
  char host[32];
  uint64_t naming = cpu_ns();
  for (uint64_t i = 0; i < count; i++) {
    snprintf(host, sizeof host, "site-%u.bench.test",
             (unsigned)(i % num_hosts));
  }
  uint64_t begun = cpu_ns();
  naming = begun - naming;  // is no matter of leaves
  for (uint64_t i = 0; i < count; i++) {
    snprintf(host, sizeof host, "site-%u.bench.test",
             (unsigned)(i % num_hosts));
    if (leaf_cache_use(leaves, ssl, host) != how) {
      die("the leaf for %s was not %s", host,
          how == LEAF_MINTED ? "minted" : "kept");
    }
  }
  uint64_t used = cpu_ns() - begun;
  return (double)(used > naming ? used - naming : 0) / 1e3 / (double)count;
}

// present gives `ssl` one leaf again and again, with no cache, and returns the
// microseconds for each: the part of a hit that is BoringSSL's.
static double present(const struct ca *ca, SSL *ssl, uint64_t count) {
  const struct certificate_host host = {.len = 1, .bytes = "a"};
  EVP_PKEY *key = certificate_new_key();
  uint8_t *der = NULL;
  size_t len = 0;
  struct certificate_public_key public_key;
  if (!certificate_public_key_of(&public_key, key) ||
      !certificate_write_leaf(ca_issuer(ca), &host, &public_key,
                              ca_issuer(ca)->period, &der, &len)) {
    die("no leaf could be made");
  }
  CRYPTO_BUFFER *certificate = CRYPTO_BUFFER_new(der, len, NULL);
  struct leaf_shown *shown = leaf_shown_new(certificate, key);
  uint64_t begun = cpu_ns();
  for (uint64_t i = 0; i < count; i++) {
    if (!leaf_shown_to(shown, ssl)) {
      die("no leaf could be presented");
    }
  }
  uint64_t used = cpu_ns() - begun;
  leaf_shown_free(shown);
  CRYPTO_BUFFER_free(certificate);
  OPENSSL_free(der);
  EVP_PKEY_free(key);
  return (double)used / 1e3 / (double)count;
}

static void measure(const struct arguments *a, const struct ca *ca, SSL *ssl) {
  enum { kHitsPerMint = 100 };
  struct leaf_cache *leaves = leaf_cache_new(ca, a->kept);
  // None of these is kept until its turn comes again.
  double mint =
      use_many(leaves, ssl, a->kept + a->count, a->count, LEAF_MINTED);
  leaf_cache_free(leaves);
  leaves = leaf_cache_new(ca, a->kept);
  use_many(leaves, ssl, a->kept, a->kept, LEAF_MINTED);
  double hit =
      use_many(leaves, ssl, a->kept, kHitsPerMint * a->count, LEAF_CACHED);
  leaf_cache_free(leaves);
  double presented = present(ca, ssl, kHitsPerMint * a->count);
  printf(
      "{\"count\": %llu, \"mint_us\": %.2f, \"hit_us\": %.3f, "
      "\"present_us\": %.3f, \"find_us\": %.3f}\n",
      (unsigned long long)a->count, mint, hit, presented, hit - presented);
}

int main(int argc, char **argv) {
  (void)argc;
  struct arguments a = {.count = 2000, .kept = 1000};
  parse(&a, argv);
  struct key_error error;
  struct ca *ca = ca_open(a.state_dir, &error);
  if (ca == NULL) {
    die("%s", error.text);
  }
  SSL_CTX *ctx = SSL_CTX_new(TLS_with_buffers_method());
  SSL *ssl = SSL_new(ctx);
  measure(&a, ca, ssl);
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  ca_free(ca);
  return 0;
}
