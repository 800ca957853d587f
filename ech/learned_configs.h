// learned_configs keeps the ECH configurations with which a retry succeeded
// (RFC 9849, section 6.1.6), so that the next connection does not pay for the
// retry again. Each stands in for one published list of one site, for as long
// as that list may be kept.
//
// A server could hand each client a configuration of its own and know it again,
// and so could who watches its config id and public name (RFC 9849, sections
// 6.1.6 and 10.10). That is why a configuration is only ever used for the site,
// the port and the published list that it came for, in memory, and no longer
// than the list's own TTL.
//
// It is thread-safe: all workers share one.

#ifndef ECHPROXY_ECH_LEARNED_CONFIGS_H
#define ECHPROXY_ECH_LEARNED_CONFIGS_H

#include <stddef.h>
#include <stdint.h>

#include "ech/site_digest.h"

struct learned_configs;

// learned_configs_new makes room for `max_sites` > 0 lists; the one used
// longest ago goes first. Released with learned_configs_free.
struct learned_configs *learned_configs_new(size_t max_sites);
void learned_configs_free(struct learned_configs *learned);

// learned_configs_get returns what was learned for `key`, made with the
// published list as its scope, a copy released with `free`; or NULL when there
// is nothing that is still good at `now_ms`.
uint8_t *learned_configs_get(struct learned_configs *learned, size_t *out_len,
                             const struct site_digest *key, uint64_t now_ms);

// learned_configs_put keeps a copy of `configs` for `key` until `expires_at`,
// in place of what was there. Nothing is kept that has expired at `now_ms`.
void learned_configs_put(struct learned_configs *learned,
                         const struct site_digest *key, const uint8_t *configs,
                         size_t len, uint64_t expires_at, uint64_t now_ms);

// learned_configs_drop forgets what was learned for `key`, if anything.
void learned_configs_drop(struct learned_configs *learned,
                          const struct site_digest *key);

// learned_configs_clear forgets everything.
void learned_configs_clear(struct learned_configs *learned);

#endif
