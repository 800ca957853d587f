#include "ech/ticket_cache.h"

#include <pthread.h>
#include <stdbool.h>
#include <uthash.h>

#include "ech/site_verifier.h"
#include "net/xalloc.h"

// The tickets of one key, oldest first.
struct site {
  struct site_digest key;
  SSL_SESSION *tickets[kTicketsPerSite];
  size_t num_tickets;
  size_t num_octets;  // that they take
  UT_hash_handle hh;
};

struct ticket_cache {
  size_t max_sites;
  size_t max_octets;
  pthread_mutex_t mutex;  // guards the rest
  struct site *sites;     // the one used longest ago comes first
  size_t num_octets;      // that they take
  unsigned num_clears;
  unsigned num_refs;  // the owner's and the slots'
};

// What hangs on an SSL and is freed with it: where its tickets go.
struct slot {
  struct ticket_cache *cache;
  unsigned num_clears;  // the cache's when the session began
  struct site_digest key;
  ticket_arrival_cb *on_arrival;
  void *owner;
};

static const CRYPTO_BUFFER *leaf_of(const SSL_SESSION *session) {
  const STACK_OF(CRYPTO_BUFFER) *chain =
      SSL_SESSION_get0_peer_certificates(session);
  return chain != NULL ? sk_CRYPTO_BUFFER_value(chain, 0) : NULL;
}

static size_t chain_octets(const SSL_SESSION *session) {
  const STACK_OF(CRYPTO_BUFFER) *chain =
      SSL_SESSION_get0_peer_certificates(session);
  size_t num = 0;
  for (size_t i = 0; chain != NULL && i < sk_CRYPTO_BUFFER_num(chain); i++) {
    num += CRYPTO_BUFFER_len(sk_CRYPTO_BUFFER_value(chain, i));
  }
  return num;
}

// Tickets of one connection, and of those that resumed it, share its chain.
static size_t tickets_octets(const struct site *site) {
  const CRYPTO_BUFFER *counted = NULL;
  size_t num = sizeof *site;
  for (size_t i = 0; i < site->num_tickets; i++) {
    const SSL_SESSION *session = site->tickets[i];
    const uint8_t *ticket;
    size_t ticket_len;
    SSL_SESSION_get0_ticket(session, &ticket, &ticket_len);
    num += kSessionOctets + ticket_len;
    if (leaf_of(session) != counted) {
      num += chain_octets(session);
      counted = leaf_of(session);
    }
  }
  return num;
}

// site_count keeps the count of octets right when `site` has changed.
static void site_count(struct ticket_cache *cache, struct site *site) {
  cache->num_octets -= site->num_octets;
  site->num_octets = tickets_octets(site);
  cache->num_octets += site->num_octets;
}

static void site_drop(struct ticket_cache *cache, struct site *site) {
  cache->num_octets -= site->num_octets;
  for (size_t i = 0; i < site->num_tickets; i++) {
    SSL_SESSION_free(site->tickets[i]);
  }
  HASH_DEL(cache->sites, site);
  free(site);
}

static void drop_all(struct ticket_cache *cache) {
  while (cache->sites != NULL) {
    site_drop(cache, cache->sites);
  }
}

static void add_last(struct ticket_cache *cache, struct site *site) {
  HASH_ADD(hh, cache->sites, key, sizeof site->key, site);
}

static struct site *find(const struct ticket_cache *cache,
                         const struct site_digest *key) {
  struct site *site;
  HASH_FIND(hh, cache->sites, key, sizeof *key, site);
  return site;
}

struct ticket_cache *ticket_cache_new(size_t max_sites, size_t max_octets) {
  struct ticket_cache *cache = xcalloc(1, sizeof *cache);
  cache->max_sites = max_sites;
  cache->max_octets = max_octets;
  cache->num_refs = 1;
  if (pthread_mutex_init(&cache->mutex, NULL) != 0) {
    abort();
  }
  return cache;
}

static void lock(struct ticket_cache *cache) {
  pthread_mutex_lock(&cache->mutex);
}

static void unlock(struct ticket_cache *cache) {
  pthread_mutex_unlock(&cache->mutex);
}

static void cache_unref(struct ticket_cache *cache) {
  lock(cache);
  bool is_last = --cache->num_refs == 0;
  unlock(cache);
  if (is_last) {
    drop_all(cache);
    pthread_mutex_destroy(&cache->mutex);
    free(cache);
  }
}

void ticket_cache_free(struct ticket_cache *cache) {
  if (cache != NULL) {
    ticket_cache_clear(cache);
    cache_unref(cache);
  }
}

void ticket_cache_clear(struct ticket_cache *cache) {
  lock(cache);
  cache->num_clears++;
  drop_all(cache);
  unlock(cache);
}

size_t ticket_cache_num_tickets(struct ticket_cache *cache) {
  size_t num = 0;
  lock(cache);
  for (const struct site *s = cache->sites; s != NULL; s = s->hh.next) {
    num += s->num_tickets;
  }
  unlock(cache);
  return num;
}

// The slot's place in an SSL: BoringSSL gives a number to the process once.

static pthread_once_t slot_once = PTHREAD_ONCE_INIT;
static int slot_index;

static void slot_free(void *ssl, void *ptr, CRYPTO_EX_DATA *ad, int index,
                      long argl, void *argp) {
  (void)ssl;
  (void)ad;
  (void)index;
  (void)argl;
  (void)argp;
  struct slot *slot = ptr;
  if (slot != NULL) {
    cache_unref(slot->cache);
    free(slot);
  }
}

static void slot_index_make(void) {
  slot_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, slot_free);
  if (slot_index < 0) {
    abort();
  }
}

static struct slot *slot_of(const SSL *ssl) {
  pthread_once(&slot_once, slot_index_make);
  return SSL_get_ex_data(ssl, slot_index);
}

// Takes `session`.
static void site_put(struct site *site, SSL_SESSION *session) {
  if (site->num_tickets == kTicketsPerSite) {
    SSL_SESSION_free(site->tickets[0]);
    memmove(&site->tickets[0], &site->tickets[1],
            (kTicketsPerSite - 1) * sizeof site->tickets[0]);
    site->num_tickets--;
  }
  site->tickets[site->num_tickets++] = session;
}

static bool is_too_large(const struct ticket_cache *cache) {
  return HASH_COUNT(cache->sites) > cache->max_sites ||
         cache->num_octets > cache->max_octets;
}

// Takes `session`.
static void put(struct ticket_cache *cache, const struct site_digest *key,
                SSL_SESSION *session) {
  struct site *site = find(cache, key);
  if (site != NULL) {
    HASH_DEL(cache->sites, site);
  } else {
    site = xcalloc(1, sizeof *site);
    site->key = *key;
  }
  site_put(site, session);
  site_count(cache, site);
  add_last(cache, site);
  while (cache->sites != NULL && is_too_large(cache)) {
    site_drop(cache, cache->sites);
  }
}

// Returns 1 when it takes `session`.
static int on_new_session(SSL *ssl, SSL_SESSION *session) {
  struct slot *slot = slot_of(ssl);
  if (slot == NULL || !SSL_ech_accepted(ssl) ||
      SSL_SESSION_get_protocol_version(session) != TLS1_3_VERSION) {
    return 0;
  }
  if (slot->on_arrival != NULL) {
    slot->on_arrival(slot->owner);
  }
  lock(slot->cache);
  bool is_wanted = slot->num_clears == slot->cache->num_clears;
  if (is_wanted) {
    put(slot->cache, &slot->key, session);
  }
  unlock(slot->cache);
  return is_wanted ? 1 : 0;
}

void ticket_cache_enable(SSL_CTX *ctx) {
  SSL_CTX_set_session_cache_mode(
      ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ctx, on_new_session);
}

// Takes the newest ticket of `key` out of the locked cache, or returns NULL.
static SSL_SESSION *take(struct ticket_cache *cache,
                         const struct site_digest *key) {
  struct site *site = find(cache, key);
  if (site == NULL) {
    return NULL;
  }
  SSL_SESSION *session = site->tickets[--site->num_tickets];
  if (site->num_tickets == 0) {
    site_drop(cache, site);
  } else {
    site_count(cache, site);
  }
  return session;
}

void ticket_cache_attach(struct ticket_cache *cache, SSL *ssl,
                         const struct site_digest *key) {
  pthread_once(&slot_once, slot_index_make);
  struct slot *slot = xcalloc(1, sizeof *slot);
  slot->cache = cache;
  slot->key = *key;
  lock(cache);
  slot->num_clears = cache->num_clears;
  cache->num_refs++;
  SSL_SESSION *session = take(cache, key);
  unlock(cache);
  if (!SSL_set_ex_data(ssl, slot_index, slot)) {
    abort();
  }
  // A session whose certificates would have to be verified again is worth no
  // more than a new one. BoringSSL itself looks at the ticket's age.
  if (session != NULL && site_verifier_remembers(ssl, session)) {
    SSL_set_session(ssl, session);
  }
  SSL_SESSION_free(session);
}

void ticket_cache_watch(SSL *ssl, ticket_arrival_cb *on_arrival, void *owner) {
  struct slot *slot = slot_of(ssl);
  slot->on_arrival = on_arrival;
  slot->owner = owner;
}
