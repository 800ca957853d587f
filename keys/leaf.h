// leaf mints and keeps the certificates that greet the browser: P-256, one key
// per cache that is never on disk, short-lived, random serials, the host as the
// only subject alternative name.

#ifndef ECHPROXY_KEYS_LEAF_H
#define ECHPROXY_KEYS_LEAF_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "keys/ca.h"

struct leaf_cache;

// leaf_cache_new makes a cache of at most `max_leaves` certificates signed by
// `ca`, which it borrows while it lives. The least recently used one makes
// room. Thread-safe; minting makes no other thread wait. Released with
// leaf_cache_free; NULL when no key could be made.
struct leaf_cache *leaf_cache_new(const struct ca *ca, size_t max_leaves);
void leaf_cache_free(struct leaf_cache *cache);

enum leaf_use {
  LEAF_NONE,
  LEAF_CACHED,  // it was there
  LEAF_MINTED,  // for this use
};

// leaf_cache_use makes `ssl`, a server's, present a certificate for `host`, a
// DNS name of at most 253 octets without a trailing dot, or an IP address
// without brackets. One that has less than a day to live is minted anew. The
// session tickets that `ssl` gives out resume a session with the very same
// certificate only, and so never one for another host. LEAF_NONE, which is 0,
// when `host` is neither, or out of memory.
enum leaf_use leaf_cache_use(struct leaf_cache *cache, SSL *ssl,
                             const char *host);

#endif
