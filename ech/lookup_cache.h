// lookup_cache keeps the answers of lookups for as long as their TTLs say, in
// memory only, and no more of them than fit: the one used longest ago goes
// first.

#ifndef ECHPROXY_ECH_LOOKUP_CACHE_H
#define ECHPROXY_ECH_LOOKUP_CACHE_H

#include <stdint.h>

#include "ech/lookup_answer.h"

struct lookup_cache;

// lookup_cache_new makes a cache for `max_entries` > 0 answers, released with
// lookup_cache_free.
struct lookup_cache *lookup_cache_new(size_t max_entries);
void lookup_cache_free(struct lookup_cache *cache);

// lookup_cache_get returns the answer kept for `key`, borrowed until the next
// call, or NULL when there is none that is still good at `now_ms`.
struct lookup_answer *lookup_cache_get(struct lookup_cache *cache,
                                       const char *key, uint64_t now_ms);

// lookup_cache_put keeps a reference of `answer` for `key`, which it copies,
// from `now_ms` for the answer's TTL, in place of the one before. An answer
// with TTL 0 is not kept.
void lookup_cache_put(struct lookup_cache *cache, const char *key,
                      struct lookup_answer *answer, uint64_t now_ms);

// lookup_cache_num_entries returns how many answers are kept, those included
// whose time is over.
size_t lookup_cache_num_entries(const struct lookup_cache *cache);

#endif
