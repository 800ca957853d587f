#include "ech/lookup_cache.h"

#include <uthash.h>

#include "net/xalloc.h"

enum {
  kRefreshRetryMs = 5000,
  kMaxOverdueMs = 30000,  // for addresses past their TTL
};

struct entry {
  struct lookup_answer *answer;
  uint64_t expires_at;
  uint64_t ech_until;  // no answer without ECH takes its place before
  uint64_t refresh_at;
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
    if (e->ech_until <= now_ms) {
      drop(cache, e);
    }
    return NULL;
  }
  HASH_DEL(cache->entries, e);
  add_last(cache, e);
  return e->answer;
}

bool lookup_cache_is_due(struct lookup_cache *cache, const char *key,
                         uint64_t now_ms) {
  struct entry *e = find(cache, key);
  if (e == NULL || now_ms < e->refresh_at) {
    return false;
  }
  e->refresh_at = now_ms + kRefreshRetryMs;
  return true;
}

static uint64_t min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }

static bool has_address(const struct lookup_answer *answer) {
  bool found = answer->num_addresses > 0;
  for (size_t i = 0; i < answer->num_endpoints; i++) {
    found |= answer->endpoints[i].num_addresses > 0;
  }
  return found;
}

// Keeps `e` instead of `answer`, if it must stay.
static bool stays(struct entry *e, const struct lookup_answer *answer,
                  uint64_t now_ms) {
  if (answer->status != LOOKUP_ECH && now_ms < e->ech_until) {
    uint64_t ttl_ms = min_u64((uint64_t)answer->ttl * 1000, kMaxOverdueMs);
    uint64_t until = min_u64(now_ms + ttl_ms, e->ech_until);
    e->expires_at = until > e->expires_at ? until : e->expires_at;
    return true;
  }
  // Nothing that would be of use was learned.
  bool is_empty = answer->status == LOOKUP_FAILED ||
                  (answer->status == LOOKUP_ECH && !has_address(answer) &&
                   has_address(e->answer));
  return is_empty && now_ms < e->expires_at;
}

static void add_new(struct lookup_cache *cache, const char *key,
                    struct lookup_answer *answer, uint64_t now_ms) {
  if (lookup_cache_num_entries(cache) >= cache->max_entries) {
    drop(cache, cache->entries);
  }
  struct entry *e = xcalloc(1, sizeof(*e) + strlen(key) + 1);
  memcpy(e->key, key, strlen(key) + 1);
  e->expires_at = now_ms + (uint64_t)answer->ttl * 1000;
  e->ech_until = now_ms + (uint64_t)answer->ech_ttl * 1000;
  e->refresh_at = now_ms + (uint64_t)answer->ttl * 800;
  lookup_answer_ref(answer);
  e->answer = answer;
  add_last(cache, e);
}

struct lookup_answer *lookup_cache_put(struct lookup_cache *cache,
                                       const char *key,
                                       struct lookup_answer *answer,
                                       uint64_t now_ms) {
  struct entry *old = find(cache, key);
  if (old != NULL && stays(old, answer, now_ms)) {
    return old->answer;
  }
  if (old != NULL) {
    drop(cache, old);
  }
  if (answer->ttl > 0 || answer->ech_ttl > 0) {
    add_new(cache, key, answer, now_ms);
  }
  return answer;
}

size_t lookup_cache_num_entries(const struct lookup_cache *cache) {
  return HASH_COUNT(cache->entries);
}
