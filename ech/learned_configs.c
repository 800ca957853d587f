#include "ech/learned_configs.h"

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
  struct entry *entries;  // the one used longest ago comes first
  size_t max_entries;
};

struct learned_configs *learned_configs_new(size_t max_sites) {
  struct learned_configs *learned = xcalloc(1, sizeof *learned);
  learned->max_entries = max_sites;
  return learned;
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
    free(learned);
  }
}

const uint8_t *learned_configs_get(struct learned_configs *learned,
                                   size_t *out_len,
                                   const struct site_digest *key,
                                   uint64_t now_ms) {
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
  *out_len = e->len;
  return e->configs;
}

void learned_configs_put(struct learned_configs *learned,
                         const struct site_digest *key, const uint8_t *configs,
                         size_t len, uint64_t expires_at, uint64_t now_ms) {
  learned_configs_drop(learned, key);
  if (expires_at <= now_ms) {
    return;
  }
  if (HASH_COUNT(learned->entries) >= learned->max_entries) {
    drop(learned, learned->entries);
  }
  struct entry *e = xcalloc(1, sizeof *e + len);
  e->key = *key;
  e->expires_at = expires_at;
  e->len = len;
  memcpy(e->configs, configs, len);
  add_last(learned, e);
}

void learned_configs_drop(struct learned_configs *learned,
                          const struct site_digest *key) {
  struct entry *e = find(learned, key);
  if (e != NULL) {
    drop(learned, e);
  }
}

void learned_configs_clear(struct learned_configs *learned) {
  while (learned->entries != NULL) {
    drop(learned, learned->entries);
  }
}
