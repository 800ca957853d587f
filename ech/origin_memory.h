// origin_memory is what connections to sites leave behind for the next ones:
// configurations that retries brought (learned_configs.h) and session tickets
// (ticket_cache.h), each under what it may be used for. It is thread-safe.

#ifndef ECHPROXY_ECH_ORIGIN_MEMORY_H
#define ECHPROXY_ECH_ORIGIN_MEMORY_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/lookup_answer.h"
#include "ech/origin_session.h"

struct origin_memory;

// origin_memory_new makes an empty memory, released with origin_memory_free.
struct origin_memory *origin_memory_new(void);
void origin_memory_free(struct origin_memory *memory);

// origin_memory_clear forgets everything, and the tickets that are still to
// come for sessions that were attached before.
void origin_memory_clear(struct origin_memory *memory);

// A site as the memory knows it, borrowed by each call.
struct origin_site {
  const char *host;
  uint16_t port;  // that was asked for
};

// origin_memory_configs returns the configurations that a retry brought for the
// list that `endpoint` of `site` publishes, a copy released with `free`, or
// NULL when none are still good at `now_ms`.
uint8_t *origin_memory_configs(struct origin_memory *memory, size_t *out_len,
                               struct origin_site site,
                               const struct endpoint *endpoint,
                               uint64_t now_ms);

// origin_memory_learn keeps `configs` for origin_memory_configs until
// `expires_at`; origin_memory_unlearn drops what is kept.
void origin_memory_learn(struct origin_memory *memory, struct origin_site site,
                         const struct endpoint *endpoint,
                         const uint8_t *configs, size_t len,
                         uint64_t expires_at, uint64_t now_ms);
void origin_memory_unlearn(struct origin_memory *memory,
                           struct origin_site site,
                           const struct endpoint *endpoint);

// origin_memory_attach makes `ssl`, a client before its handshake that offers
// ECH, offer a ticket of `site`, if there is one, and keeps those that come. A
// session that was made with one client certificate, or without (`identity`
// NULL), is not resumed with another.
void origin_memory_attach(struct origin_memory *memory, SSL *ssl,
                          struct origin_site site,
                          const struct origin_identity *identity);

#endif
