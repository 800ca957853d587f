#include "ech/verified_chains.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "net/xalloc.h"

struct entry {
  struct chain_digest digest;
  int64_t verified_at;
  int64_t good_until;
  UT_hash_handle hh;
};

struct verified_chains {
  size_t max_chains;
  pthread_mutex_t mutex;  // guards the next
  struct entry *entries;  // the one used longest ago comes first
};

// Each part goes in with its length, so that none can pass for another.
static void add_part(SHA256_CTX *sha, const void *data, size_t len) {
  const uint64_t prefix = len;
  SHA256_Update(sha, &prefix, sizeof prefix);
  SHA256_Update(sha, data, len);
}

void chain_digest_make(struct chain_digest *out,
                       const STACK_OF(CRYPTO_BUFFER) * chain) {
  SHA256_CTX sha;
  SHA256_Init(&sha);
  for (size_t i = 0; i < sk_CRYPTO_BUFFER_num(chain); i++) {
    const CRYPTO_BUFFER *certificate = sk_CRYPTO_BUFFER_value(chain, i);
    add_part(&sha, CRYPTO_BUFFER_data(certificate),
             CRYPTO_BUFFER_len(certificate));
  }
  SHA256_Final(out->bytes, &sha);
}

void chain_digest_add_name(struct chain_digest *out,
                           const struct chain_digest *chain, const char *name) {
  SHA256_CTX sha;
  SHA256_Init(&sha);
  add_part(&sha, chain->bytes, sizeof chain->bytes);
  add_part(&sha, name, strlen(name));
  SHA256_Final(out->bytes, &sha);
}

struct verified_chains *verified_chains_new(size_t max_chains) {
  struct verified_chains *chains = xcalloc(1, sizeof *chains);
  chains->max_chains = max_chains;
  if (pthread_mutex_init(&chains->mutex, NULL) != 0) {
    abort();
  }
  return chains;
}

void verified_chains_free(struct verified_chains *chains) {
  if (chains != NULL) {
    verified_chains_clear(chains);
    pthread_mutex_destroy(&chains->mutex);
    free(chains);
  }
}

static void drop(struct verified_chains *chains, struct entry *e) {
  HASH_DEL(chains->entries, e);
  free(e);
}

static void add_last(struct verified_chains *chains, struct entry *e) {
  HASH_ADD(hh, chains->entries, digest, sizeof e->digest, e);
}

static struct entry *find(const struct verified_chains *chains,
                          const struct chain_digest *digest) {
  struct entry *e;
  HASH_FIND(hh, chains->entries, digest, sizeof *digest, e);
  return e;
}

bool verified_chains_get(struct verified_chains *chains,
                         int64_t *out_good_until,
                         const struct chain_digest *digest, int64_t now) {
  pthread_mutex_lock(&chains->mutex);
  struct entry *e = find(chains, digest);
  // A clock that was set back tells nothing of what was good before.
  bool is_good = e != NULL && now >= e->verified_at && now < e->good_until;
  if (is_good) {
    *out_good_until = e->good_until;
    HASH_DEL(chains->entries, e);
    add_last(chains, e);
  } else if (e != NULL) {
    drop(chains, e);
  }
  pthread_mutex_unlock(&chains->mutex);
  return is_good;
}

void verified_chains_add(struct verified_chains *chains,
                         const struct chain_digest *digest, int64_t now,
                         int64_t good_until) {
  struct entry *added = xcalloc(1, sizeof *added);
  int64_t latest = now + kVerifiedChainSeconds;
  added->digest = *digest;
  added->verified_at = now;
  added->good_until = good_until < latest ? good_until : latest;
  pthread_mutex_lock(&chains->mutex);
  struct entry *e = find(chains, digest);
  if (e == NULL && HASH_COUNT(chains->entries) >= chains->max_chains) {
    e = chains->entries;
  }
  if (e != NULL) {
    drop(chains, e);
  }
  add_last(chains, added);
  pthread_mutex_unlock(&chains->mutex);
}

void verified_chains_clear(struct verified_chains *chains) {
  pthread_mutex_lock(&chains->mutex);
  while (chains->entries != NULL) {
    drop(chains, chains->entries);
  }
  pthread_mutex_unlock(&chains->mutex);
}
