#include "ech/origin_memory.h"

#include "ech/learned_configs.h"
#include "ech/site_digest.h"
#include "ech/ticket_cache.h"
#include "net/xalloc.h"

enum {
  kMaxLearned = 1000,
  kMaxTicketSites = 16384,
  kMaxTicketOctets = 64 * 1024 * 1024,
};

struct origin_memory {
  struct learned_configs *learned;
  struct ticket_cache *tickets;
};

struct origin_memory *origin_memory_new(void) {
  struct origin_memory *memory = xcalloc(1, sizeof *memory);
  memory->learned = learned_configs_new(kMaxLearned);
  memory->tickets = ticket_cache_new(kMaxTicketSites, kMaxTicketOctets);
  return memory;
}

void origin_memory_free(struct origin_memory *memory) {
  if (memory != NULL) {
    learned_configs_free(memory->learned);
    ticket_cache_free(memory->tickets);
    free(memory);
  }
}

void origin_memory_clear(struct origin_memory *memory) {
  learned_configs_clear(memory->learned);
  ticket_cache_clear(memory->tickets);
}

// A record that changes brings another list, and so another key.
static struct site_digest learned_key(struct origin_site site,
                                      const struct endpoint *endpoint) {
  struct site_digest key;
  site_digest_make(&key, site.host, site.port, endpoint->ech,
                   endpoint->ech_len);
  return key;
}

uint8_t *origin_memory_configs(struct origin_memory *memory, size_t *out_len,
                               struct origin_site site,
                               const struct endpoint *endpoint,
                               uint64_t now_ms) {
  const struct site_digest key = learned_key(site, endpoint);
  return learned_configs_get(memory->learned, out_len, &key, now_ms);
}

void origin_memory_learn(struct origin_memory *memory, struct origin_site site,
                         const struct endpoint *endpoint,
                         const uint8_t *configs, size_t len,
                         uint64_t expires_at, uint64_t now_ms) {
  const struct site_digest key = learned_key(site, endpoint);
  learned_configs_put(memory->learned, &key, configs, len, expires_at, now_ms);
}

void origin_memory_unlearn(struct origin_memory *memory,
                           struct origin_site site,
                           const struct endpoint *endpoint) {
  const struct site_digest key = learned_key(site, endpoint);
  learned_configs_drop(memory->learned, &key);
}

void origin_memory_attach(struct origin_memory *memory, SSL *ssl,
                          struct origin_site site,
                          const struct origin_identity *identity) {
  const CRYPTO_BUFFER *leaf = identity != NULL ? identity->chain[0] : NULL;
  struct site_digest key;
  site_digest_make(&key, site.host, site.port,
                   leaf != NULL ? CRYPTO_BUFFER_data(leaf) : NULL,
                   leaf != NULL ? CRYPTO_BUFFER_len(leaf) : 0);
  ticket_cache_attach(memory->tickets, ssl, &key);
}
