#include "keys/leaf.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pool.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define uthash_fatal(message) abort()  // as xalloc.h does
#include <uthash.h>

#include "keys/certificate.h"
#include "keys/dns_name.h"
#include "keys/leaf_shown.h"

enum {
  kDay = 24 * 60 * 60,
  kBackdate = 2 * kDay,  // for browsers whose clock is behind ours
  // With the backdate 32 days, well under the 47 that the CA/Browser Forum will
  // allow (ballot SC-081).
  kLifetime = 30 * kDay,
  kRenewBefore = 1 * kDay,
};

// One certificate. The table is kept in the order of use: uthash appends, and
// its head is the oldest.
struct leaf {
  UT_hash_handle hh;
  struct certificate_host host;  // the key, as far as it is used
  struct leaf_shown *shown;
  uint8_t digest[SHA256_DIGEST_LENGTH];  // of the certificate
  int64_t renew_at;
};

struct leaf_cache {
  const struct ca *ca;
  size_t max_leaves;
  EVP_PKEY *key;  // one for all leaves
  struct certificate_public_key public_key;
  pthread_mutex_t mutex;
  struct leaf *leaves;  // this and the next are guarded by `mutex`
};

struct leaf_cache *leaf_cache_new(const struct ca *ca, size_t max_leaves) {
  struct leaf_cache *cache = OPENSSL_malloc(sizeof(*cache));
  if (cache == NULL) {
    return NULL;
  }
  *cache = (struct leaf_cache){
      .ca = ca,
      .max_leaves = max_leaves == 0 ? 1 : max_leaves,
      .key = certificate_new_key(),
  };
  if (cache->key == NULL ||
      !certificate_public_key_of(&cache->public_key, cache->key) ||
      pthread_mutex_init(&cache->mutex, NULL) != 0) {
    EVP_PKEY_free(cache->key);
    OPENSSL_free(cache);
    return NULL;
  }
  return cache;
}

// key_len is how much of a host tells it from others.
static size_t key_len(const struct certificate_host *host) {
  return offsetof(struct certificate_host, bytes) + host->len;
}

// parse_host gives every spelling of a host the same bytes.
static bool parse_host(const char *host, struct certificate_host *out) {
  memset(out, 0, sizeof(*out));
  out->is_ip = true;
  if (inet_pton(AF_INET, host, out->bytes) == 1) {
    out->len = 4;
    return true;
  }
  if (inet_pton(AF_INET6, host, out->bytes) == 1) {
    out->len = 16;
    return true;
  }
  if (!dns_name_valid(host)) {
    return false;
  }
  out->is_ip = false;
  out->len = (uint8_t)strlen(host);
  for (size_t i = 0; i < out->len; i++) {
    char c = host[i];
    out->bytes[i] = (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return true;
}

// mint_certificate sets `*out_renew_at` to when it should be replaced.
static CRYPTO_BUFFER *mint_certificate(const struct leaf_cache *cache,
                                       const struct certificate_host *host,
                                       int64_t now, int64_t *out_renew_at) {
  const struct certificate_issuer *issuer = ca_issuer(cache->ca);
  struct certificate_period period = {.not_before = now - kBackdate,
                                      .not_after = now + kLifetime};
  uint8_t *der = NULL;
  size_t len = 0;
  if (!certificate_write_leaf(issuer, host, &cache->public_key, period, &der,
                              &len)) {
    return NULL;
  }
  CRYPTO_BUFFER *certificate = CRYPTO_BUFFER_new(der, len, NULL);
  OPENSSL_free(der);
  int64_t end = period.not_after < issuer->period.not_after
                    ? period.not_after
                    : issuer->period.not_after;
  *out_renew_at = end - kRenewBefore;
  return certificate;
}

static void leaf_free(struct leaf *leaf) {
  if (leaf != NULL) {
    leaf_shown_free(leaf->shown);
    OPENSSL_free(leaf);
  }
}

static struct leaf *mint(const struct leaf_cache *cache,
                         const struct certificate_host *host, int64_t now) {
  struct leaf *leaf = OPENSSL_malloc(sizeof(*leaf));
  if (leaf == NULL) {
    return NULL;
  }
  memset(leaf, 0, sizeof(*leaf));
  leaf->host = *host;
  CRYPTO_BUFFER *certificate =
      mint_certificate(cache, host, now, &leaf->renew_at);
  if (certificate != NULL) {
    leaf->shown = leaf_shown_new(certificate, cache->key);
    SHA256(CRYPTO_BUFFER_data(certificate), CRYPTO_BUFFER_len(certificate),
           leaf->digest);
    CRYPTO_BUFFER_free(certificate);
  }
  if (leaf->shown == NULL) {
    leaf_free(leaf);
    return NULL;
  }
  return leaf;
}

// The functions of the table are called with the mutex locked.

static void drop(struct leaf_cache *cache, struct leaf *leaf) {
  HASH_DEL(cache->leaves, leaf);
  leaf_free(leaf);
}

static void add(struct leaf_cache *cache, struct leaf *leaf) {
  HASH_ADD(hh, cache->leaves, host, key_len(&leaf->host), leaf);
}

// find returns the leaf for `host`, now the most recently used one, or NULL.
static struct leaf *find(struct leaf_cache *cache,
                         const struct certificate_host *host) {
  struct leaf *leaf;
  HASH_FIND(hh, cache->leaves, host, key_len(host), leaf);
  if (leaf != NULL && leaf->hh.next != NULL) {
    HASH_DEL(cache->leaves, leaf);
    add(cache, leaf);
  }
  return leaf;
}

// keep puts `minted` into the table and returns it, or drops it and returns the
// one that another thread has kept meanwhile.
static struct leaf *keep(struct leaf_cache *cache, struct leaf *minted,
                         int64_t now) {
  struct leaf *other = find(cache, &minted->host);
  if (other != NULL && now < other->renew_at) {
    leaf_free(minted);
    return other;
  }
  if (other == NULL && HASH_COUNT(cache->leaves) >= cache->max_leaves) {
    other = cache->leaves;
  }
  if (other != NULL) {
    drop(cache, other);
  }
  add(cache, minted);
  return minted;
}

// show makes `ssl` present `leaf` and nothing more: the browser has the root in
// its store. Tickets are bound to the leaf, and with it to its host.
static bool show(SSL *ssl, const struct leaf *leaf) {
  return leaf_shown_to(leaf->shown, ssl) &&
         SSL_set_session_id_context(ssl, leaf->digest, sizeof(leaf->digest)) ==
             1;
}

// show_known presents the leaf that is kept for `host`. False when there is
// none that is fresh.
static bool show_known(struct leaf_cache *cache, SSL *ssl,
                       const struct certificate_host *host, int64_t now) {
  pthread_mutex_lock(&cache->mutex);
  const struct leaf *leaf = find(cache, host);
  bool ok = leaf != NULL && now < leaf->renew_at && show(ssl, leaf);
  pthread_mutex_unlock(&cache->mutex);
  return ok;
}

// show_new mints without the mutex, so that threads do not wait for each other.
static enum leaf_use show_new(struct leaf_cache *cache, SSL *ssl,
                              const struct certificate_host *host,
                              int64_t now) {
  struct leaf *minted = mint(cache, host, now);
  if (minted == NULL) {
    return LEAF_NONE;
  }
  pthread_mutex_lock(&cache->mutex);
  bool ok = show(ssl, keep(cache, minted, now));
  pthread_mutex_unlock(&cache->mutex);
  return ok ? LEAF_MINTED : LEAF_NONE;
}

enum leaf_use leaf_cache_use(struct leaf_cache *cache, SSL *ssl,
                             const char *host) {
  struct certificate_host parsed;
  int64_t now = time(NULL);
  if (!parse_host(host, &parsed)) {
    return LEAF_NONE;
  }
  return show_known(cache, ssl, &parsed, now)
             ? LEAF_CACHED
             : show_new(cache, ssl, &parsed, now);
}

void leaf_cache_free(struct leaf_cache *cache) {
  if (cache == NULL) {
    return;
  }
  while (cache->leaves != NULL) {
    drop(cache, cache->leaves);
  }
  pthread_mutex_destroy(&cache->mutex);
  EVP_PKEY_free(cache->key);
  OPENSSL_free(cache);
}
