// lookup_cache keeps the answers of lookups for as long as their TTLs say, in
// memory only, and no more of them than fit: the one used longest ago goes
// first. It is thread-safe: the resolvers of all workers share one, so that a
// name that one has found is found for all. Their clocks, uv_now's, are one
// clock, which each reads once in a turn of its loop.
//
// When the resolvers are replaced by others, at a reload, the cache stays, so
// that no name loses its ECH by that. What others than those in force now have
// found counts for nothing else: each resolver has a generation, from 0.

#ifndef ECHPROXY_ECH_LOOKUP_CACHE_H
#define ECHPROXY_ECH_LOOKUP_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/lookup_answer.h"

struct lookup_cache;

// lookup_cache_new makes a cache for `max_entries` > 0 answers, with one
// reference.
struct lookup_cache *lookup_cache_new(size_t max_entries);

// lookup_cache_ref adds a reference, and lookup_cache_unref drops one. NULL
// does nothing.
void lookup_cache_ref(struct lookup_cache *cache);
void lookup_cache_unref(struct lookup_cache *cache);

// lookup_cache_get returns a reference of the answer kept for `key`, or NULL
// when there is none that is still good at `now_ms`.
struct lookup_answer *lookup_cache_get(struct lookup_cache *cache,
                                       const char *key, uint64_t now_ms);

// lookup_cache_is_due says whether the answer that lookup_cache_get has just
// returned should be asked for again: it is in use and in the last fifth of its
// time. When it says so, to any thread, it waits a while before it says so
// again.
bool lookup_cache_is_due(struct lookup_cache *cache, const char *key,
                         uint64_t now_ms);

// lookup_cache_renew begins `generation`, unless it has begun: all names are to
// be asked for anew, but those that had ECH still have it (lookup_cache_put).
void lookup_cache_renew(struct lookup_cache *cache, unsigned generation);

// lookup_cache_put keeps a reference of `answer` for `key`, which it copies,
// from `now_ms` for the answer's TTL, in place of the one before, and returns
// another reference of it. An answer with TTL 0 is not kept. One with ECH in
// place of another ends the time of ECH no sooner than that would have.
//
// Two answers before it stay, and are returned instead: one that is still good
// when `answer` is LOOKUP_FAILED, or has ECH and none of the addresses that are
// known already; and one with ECH whose time of ECH is not over when `answer`
// has no ECH, whatever it says, so that neither a failure nor a missing record
// exposes the name. The latter may have outlived the TTL of its addresses; it
// is then kept as long as `answer` would have been, but not for long.
//
// `generation` is that of the resolver that asked. An answer of an earlier one
// than the cache's is good for those who waited for it; of what it says, only
// that the name has ECH is kept.
struct lookup_answer *lookup_cache_put(struct lookup_cache *cache,
                                       const char *key,
                                       struct lookup_answer *answer,
                                       uint64_t now_ms, unsigned generation);

// lookup_cache_num_entries returns how many answers are kept, those included
// whose time is over.
size_t lookup_cache_num_entries(struct lookup_cache *cache);

#endif
