// ticket_cache keeps the TLS 1.3 session tickets of sites, in memory only, so
// that a later connection to the same site need not pay for certificates again
// (RFC 8446, section 2.2). Each ticket is used once (RFC 8446, appendix C.4).
//
// Only sessions whose ECH was accepted leave tickets, and a ticket is only
// offered together with ECH. It then travels in the encrypted inner hello:
// BoringSSL puts no pre_shared_key, not even a made-up one, into the outer
// hello, which looks the same with a ticket as without. So who watches cannot
// link connections by tickets; only the shorter answer of the server tells
// that a session was resumed.
//
// Resuming skips the verification of certificates, so a ticket's key has to
// name whatever that depended on, and a ticket is offered only while its
// session's certificates are remembered as good for the name
// (site_verifier_remembers).
//
// It is thread-safe: all workers share one, and a ticket is used once by all of
// them together. A session belongs to one thread.

#ifndef ECHPROXY_ECH_TICKET_CACHE_H
#define ECHPROXY_ECH_TICKET_CACHE_H

#include <openssl/ssl.h>
#include <stddef.h>

#include "ech/site_digest.h"

enum {
  kTicketsPerSite = 2,
  // What a session takes besides its ticket and its certificates, roughly.
  kSessionOctets = 1024,
};

struct ticket_cache;

// ticket_cache_new makes room for the tickets of `max_sites` > 0 keys, as far
// as they take `max_octets` at most together: how large a ticket is and the
// certificates that come with it is for the server to say. Those of the key
// used longest ago go first. Released with ticket_cache_free; sessions may live
// longer, their tickets then go nowhere.
struct ticket_cache *ticket_cache_new(size_t max_sites, size_t max_octets);
void ticket_cache_free(struct ticket_cache *cache);

// ticket_cache_enable makes the sessions of `ctx` hand out tickets.
void ticket_cache_enable(SSL_CTX *ctx);

// ticket_cache_attach makes `ssl`, a client before its handshake that offers
// ECH and has a verifier (site_verifier_attach), offer a ticket that is kept
// for `key`, if there is one, which is then used up; and keeps the tickets that
// its server sends while it lives.
void ticket_cache_attach(struct ticket_cache *cache, SSL *ssl,
                         const struct site_digest *key);

// ticket_arrival_cb says that a ticket has come. It runs inside a call of
// BoringSSL's and must not touch the session.
typedef void ticket_arrival_cb(void *owner);

// ticket_cache_watch names who is told of tickets that come for `ssl`, which
// must be attached. A NULL `on_arrival` ends that.
void ticket_cache_watch(SSL *ssl, ticket_arrival_cb *on_arrival, void *owner);

// ticket_cache_clear drops all tickets, and those that are still to come for
// sessions that were attached before.
void ticket_cache_clear(struct ticket_cache *cache);

// ticket_cache_num_tickets returns how many are kept.
size_t ticket_cache_num_tickets(struct ticket_cache *cache);

#endif
