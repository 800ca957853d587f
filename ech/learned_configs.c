#include "ech/learned_configs.h"

#include <pthread.h>
#include <uthash.h>

#include "net/xalloc.h"

struct entry {
  struct site_digest key;
  uint64_t expires_at;
  UT_hash_handle hh;
  size_t len;
  uint8_t configs[];
};

struct learned_configs {
  size_t max_entries;
  pthread_mutex_t mutex;
  struct entry *entries;  // guarded by it; the one used longest ago comes first
};

struct learned_configs *learned_configs_new(size_t max_sites) {
  struct learned_configs *learned = xcalloc(1, sizeof *learned);
  learned->max_entries = max_sites;
  if (pthread_mutex_init(&learned->mutex, NULL) != 0) {
    abort();
  }
  return learned;
}

static void lock(struct learned_configs *learned) {
  pthread_mutex_lock(&learned->mutex);
}

static void unlock(struct learned_configs *learned) {
  pthread_mutex_unlock(&learned->mutex);
}

static void drop(struct learned_configs *learned, struct entry *e) {
  HASH_DEL(learned->entries, e);
  free(e);
}

static void add_last(struct learned_configs *learned, struct entry *e) {
  HASH_ADD(hh, learned->entries, key, sizeof e->key, e);
}

static struct entry *find(const struct learned_configs *learned,
                          const struct site_digest *key) {
  struct entry *e;
  HASH_FIND(hh, learned->entries, key, sizeof *key, e);
  return e;
}

void learned_configs_free(struct learned_configs *learned) {
  if (learned != NULL) {
    learned_configs_clear(learned);
    pthread_mutex_destroy(&learned->mutex);
    free(learned);
  }
}

// What it returns may change when `learned` is unlocked.
static const struct entry *get(struct learned_configs *learned,
                               const struct site_digest *key, uint64_t now_ms) {
  struct entry *e = find(learned, key);
  if (e == NULL) {
    return NULL;
  }
  if (e->expires_at <= now_ms) {
    drop(learned, e);
    return NULL;
  }
  HASH_DEL(learned->entries, e);
  add_last(learned, e);
  return e;
}

uint8_t *learned_configs_get(struct learned_configs *learned, size_t *out_len,
                             const struct site_digest *key, uint64_t now_ms) {
  uint8_t *copy = NULL;
  lock(learned);
  const struct entry *e = get(learned, key, now_ms);
  if (e != NULL) {
    copy = xmemdup(e->configs, e->len);
    *out_len = e->len;
  }
  unlock(learned);
  return copy;
}

static void drop_key(struct learned_configs *learned,
                     const struct site_digest *key) {
  struct entry *e = find(learned, key);
  if (e != NULL) {
    drop(learned, e);
  }
}

static void add_new(struct learned_configs *learned, struct entry *e) {
  if (HASH_COUNT(learned->entries) >= learned->max_entries) {
    drop(learned, learned->entries);
  }
  add_last(learned, e);
}

void learned_configs_put(struct learned_configs *learned,
                         const struct site_digest *key, const uint8_t *configs,
                         size_t len, uint64_t expires_at, uint64_t now_ms) {
  struct entry *e = xcalloc(1, sizeof *e + len);
  e->key = *key;
  e->expires_at = expires_at;
  e->len = len;
  memcpy(e->configs, configs, len);
  lock(learned);
  drop_key(learned, key);
  if (expires_at <= now_ms) {
    free(e);
  } else {
    add_new(learned, e);
  }
  unlock(learned);
}

void learned_configs_drop(struct learned_configs *learned,
                          const struct site_digest *key) {
  lock(learned);
  drop_key(learned, key);
  unlock(learned);
}

void learned_configs_clear(struct learned_configs *learned) {
  lock(learned);
  while (learned->entries != NULL) {
    drop(learned, learned->entries);
  }
  unlock(learned);
}
