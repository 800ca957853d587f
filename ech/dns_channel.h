// dns_channel is one DNS server: the queries to it, and the session they go
// through, which is made when first needed, kept while it is good, and made
// again when it is not. The server's own name is never looked up anywhere else
// than at the server.
//
// What a listener between us and the server learns, over TLS (docs/
// DNS-PRIVACY.md says more): that this machine talks to that address, when, and
// how many queries of up to three sizes; never a name that is asked for. Which
// server it is stands in the first hello in the clear. When the server
// publishes ECH (server_ech.h), that is asked for at once, over the connection,
// and all later hellos name the public name only. The first connection is not
// replaced for that: its hello has been seen.

#ifndef ECHPROXY_ECH_DNS_CHANNEL_H
#define ECHPROXY_ECH_DNS_CHANNEL_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/dns_server.h"
#include "ech/dns_session.h"
#include "net/worker.h"

struct dns_channel;

// dns_channel_new makes a client for `server`, which it copies, whose
// certificate is verified against `trust`, of which it keeps a reference. It
// connects when the first query comes. Released with dns_channel_free.
struct dns_channel *dns_channel_new(struct worker *worker,
                                    const struct dns_server *server,
                                    X509_STORE *trust);

// dns_channel_use_book makes `channel`, before its first query, and all other
// channels to its server with the same `book`, know the same of the server's
// ECH. Without it the channel knows only what it has found itself.
struct server_ech_book;
void dns_channel_use_book(struct dns_channel *channel,
                          struct server_ech_book *book);

// dns_channel_free drops the session and all queries; none of their callbacks
// runs. NULL does nothing.
void dns_channel_free(struct dns_channel *channel);

struct dns_channel_query;

// dns_channel_query_cb receives the outcome; on CHANNEL_OK `message` is a DNS
// message of at most 65535 octets, borrowed until it returns, otherwise NULL.
typedef void dns_channel_query_cb(void *owner, enum channel_status status,
                                  const uint8_t *message, size_t len);

// dns_channel_query_start sends the DNS message `query`, which it copies, at
// most kDnsQueryMaxLen octets with id 0. A query whose connection breaks before
// any part of the answer came is sent once more on a new one. When `timeout_ms`
// are over, CHANNEL_TIMEOUT means that the server is alive but slow,
// CHANNEL_BROKEN that its connection has gone silent, and CHANNEL_UNREACHABLE
// that there is none yet. Of more than 1000 queries at a time the last get
// CHANNEL_BUSY. The result is valid until `done` runs or
// dns_channel_query_cancel is called.
struct dns_channel_query *dns_channel_query_start(
    struct dns_channel *channel, const uint8_t *query, size_t len,
    uint64_t timeout_ms, dns_channel_query_cb *done, void *owner);

// dns_channel_query_cancel drops `query`; `done` will not run. NULL does
// nothing.
void dns_channel_query_cancel(struct dns_channel_query *query);

#endif
