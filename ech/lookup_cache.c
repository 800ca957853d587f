#include "ech/lookup_cache.h"

#include <pthread.h>
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
  size_t max_entries;
  pthread_mutex_t mutex;  // guards the rest
  struct entry *entries;  // the one used longest ago comes first
  unsigned num_refs;
  unsigned generation;
};

struct lookup_cache *lookup_cache_new(size_t max_entries) {
  struct lookup_cache *cache = xcalloc(1, sizeof(*cache));
  cache->max_entries = max_entries;
  cache->num_refs = 1;
  if (pthread_mutex_init(&cache->mutex, NULL) != 0) {
    abort();
  }
  return cache;
}

static void lock(struct lookup_cache *cache) {
  pthread_mutex_lock(&cache->mutex);
}

static void unlock(struct lookup_cache *cache) {
  pthread_mutex_unlock(&cache->mutex);
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

void lookup_cache_ref(struct lookup_cache *cache) {
  lock(cache);
  cache->num_refs++;
  unlock(cache);
}

void lookup_cache_unref(struct lookup_cache *cache) {
  if (cache == NULL) {
    return;
  }
  lock(cache);
  bool is_last = --cache->num_refs == 0;
  unlock(cache);
  if (!is_last) {
    return;
  }
  while (cache->entries != NULL) {
    drop(cache, cache->entries);
  }
  pthread_mutex_destroy(&cache->mutex);
  free(cache);
}

// The answer is borrowed while the cache is locked.
static struct lookup_answer *get(struct lookup_cache *cache, const char *key,
                                 uint64_t now_ms) {
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

struct lookup_answer *lookup_cache_get(struct lookup_cache *cache,
                                       const char *key, uint64_t now_ms) {
  lock(cache);
  struct lookup_answer *answer = get(cache, key, now_ms);
  if (answer != NULL) {
    lookup_answer_ref(answer);
  }
  unlock(cache);
  return answer;
}

bool lookup_cache_is_due(struct lookup_cache *cache, const char *key,
                         uint64_t now_ms) {
  lock(cache);
  struct entry *e = find(cache, key);
  bool is_due = e != NULL && now_ms >= e->refresh_at;
  if (is_due) {
    e->refresh_at = now_ms + kRefreshRetryMs;
  }
  unlock(cache);
  return is_due;
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

static struct entry *add_new(struct lookup_cache *cache, const char *key,
                             struct lookup_answer *answer, uint64_t now_ms,
                             uint64_t ech_until) {
  if (HASH_COUNT(cache->entries) >= cache->max_entries) {
    drop(cache, cache->entries);
  }
  struct entry *e = xcalloc(1, sizeof(*e) + strlen(key) + 1);
  memcpy(e->key, key, strlen(key) + 1);
  e->expires_at = now_ms + (uint64_t)answer->ttl * 1000;
  e->ech_until = ech_until;
  e->refresh_at = now_ms + (uint64_t)answer->ttl * 800;
  lookup_answer_ref(answer);
  e->answer = answer;
  add_last(cache, e);
  return e;
}

// The answer is borrowed while the cache is locked.
static struct lookup_answer *put(struct lookup_cache *cache, const char *key,
                                 struct lookup_answer *answer,
                                 uint64_t now_ms) {
  struct entry *old = find(cache, key);
  if (old != NULL && stays(old, answer, now_ms)) {
    return old->answer;
  }
  uint64_t ech_until = now_ms + (uint64_t)answer->ech_ttl * 1000;
  if (old != NULL) {
    if (answer->status == LOOKUP_ECH && old->ech_until > ech_until) {
      ech_until = old->ech_until;
    }
    drop(cache, old);
  }
  if (answer->ttl > 0 || ech_until > now_ms) {
    add_new(cache, key, answer, now_ms, ech_until);
  }
  return answer;
}

// put for the answer of a resolver that others have replaced. That the name has
// ECH must not be forgotten; those others are asked for all the rest.
static struct lookup_answer *put_late(struct lookup_cache *cache,
                                      const char *key,
                                      struct lookup_answer *answer,
                                      uint64_t now_ms) {
  struct entry *old = find(cache, key);
  bool had_ech = old != NULL && old->ech_until > now_ms;
  uint64_t ech_until = now_ms + (uint64_t)answer->ech_ttl * 1000;
  if (had_ech && answer->status != LOOKUP_ECH) {
    return old->answer;
  }
  if (had_ech) {
    old->ech_until = ech_until > old->ech_until ? ech_until : old->ech_until;
  } else if (ech_until > now_ms) {
    if (old != NULL) {
      drop(cache, old);
    }
    add_new(cache, key, answer, now_ms, ech_until)->expires_at = 0;
  }
  return answer;
}

void lookup_cache_renew(struct lookup_cache *cache, unsigned generation) {
  lock(cache);
  if (generation > cache->generation) {
    cache->generation = generation;
    for (struct entry *e = cache->entries; e != NULL; e = e->hh.next) {
      e->expires_at = 0;
    }
  }
  unlock(cache);
}

struct lookup_answer *lookup_cache_put(struct lookup_cache *cache,
                                       const char *key,
                                       struct lookup_answer *answer,
                                       uint64_t now_ms, unsigned generation) {
  lock(cache);
  struct lookup_answer *kept = generation < cache->generation
                                   ? put_late(cache, key, answer, now_ms)
                                   : put(cache, key, answer, now_ms);
  lookup_answer_ref(kept);
  unlock(cache);
  return kept;
}

size_t lookup_cache_num_entries(struct lookup_cache *cache) {
  lock(cache);
  size_t num = HASH_COUNT(cache->entries);
  unlock(cache);
  return num;
}
