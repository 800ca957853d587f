// site_digest names what is remembered of a site: learned configurations
// (learned_configs.h) and session tickets (ticket_cache.h). It is a digest, so
// that no memory of visited names is kept for it.

#ifndef ECHPROXY_ECH_SITE_DIGEST_H
#define ECHPROXY_ECH_SITE_DIGEST_H

#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>

struct site_digest {
  uint8_t bytes[SHA256_DIGEST_LENGTH];
};

// site_digest_make sets `out` to the key of `host` at `port` within `scope`:
// what else two connections must share to share what is remembered.
void site_digest_make(struct site_digest *out, const char *host, uint16_t port,
                      const uint8_t *scope, size_t scope_len);

#endif
