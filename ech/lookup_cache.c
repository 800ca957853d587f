#include "ech/lookup_cache.h"

#include <uthash.h>

#include "net/xalloc.h"

struct entry {
  struct lookup_answer *answer;
  uint64_t expires_at;
  UT_hash_handle hh;
  char key[];
};

struct lookup_cache {
  struct entry *entries;  // the one used longest ago comes first
  size_t max_entries;
};

struct lookup_cache *lookup_cache_new(size_t max_entries) {
  struct lookup_cache *cache = xcalloc(1, sizeof(*cache));
  cache->max_entries = max_entries;
  return cache;
}

static void drop(struct lookup_cache *cache, struct entry *e) {
  HASH_DEL(cache->entries, e);
  lookup_answer_unref(e->answer);
  free(e);
}

static void add_last(struct lookup_cache *cache, struct entry *e) {
  HASH_ADD_KEYPTR(hh, cache->entries, e->key, strlen(e->key), e);
}

static struct entry *find(const struct lookup_cache *cache, const char *key) {
  struct entry *e;
  HASH_FIND_STR(cache->entries, key, e);
  return e;
}

void lookup_cache_free(struct lookup_cache *cache) {
  if (cache == NULL) {
    return;
  }
  while (cache->entries != NULL) {
    drop(cache, cache->entries);
  }
  free(cache);
}

struct lookup_answer *lookup_cache_get(struct lookup_cache *cache,
                                       const char *key, uint64_t now_ms) {
  struct entry *e = find(cache, key);
  if (e == NULL) {
    return NULL;
  }
  if (e->expires_at <= now_ms) {
    drop(cache, e);
    return NULL;
  }
  HASH_DEL(cache->entries, e);
  add_last(cache, e);
  return e->answer;
}

void lookup_cache_put(struct lookup_cache *cache, const char *key,
                      struct lookup_answer *answer, uint64_t now_ms) {
  struct entry *old = find(cache, key);
  if (old != NULL) {
    drop(cache, old);
  }
  if (answer->ttl == 0) {
    return;
  }
  if (lookup_cache_num_entries(cache) >= cache->max_entries) {
    drop(cache, cache->entries);
  }
  struct entry *e = xcalloc(1, sizeof(*e) + strlen(key) + 1);
  memcpy(e->key, key, strlen(key) + 1);
  e->expires_at = now_ms + (uint64_t)answer->ttl * 1000;
  lookup_answer_ref(answer);
  e->answer = answer;
  add_last(cache, e);
}

size_t lookup_cache_num_entries(const struct lookup_cache *cache) {
  return HASH_COUNT(cache->entries);
}
