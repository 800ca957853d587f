// dns_client asks one DNS question of the first of several servers that
// works. It keeps no answers: lookup.h does.
//
// A server that cannot be reached, whose connection breaks, or that answers
// with junk or an error code goes to the end of the line for a while. SERVFAIL
// is an answer, not a fault of the server: a validating resolver says it of a
// name whose signatures do not hold, and asking a laxer one would undo that.

#ifndef ECHPROXY_ECH_DNS_CLIENT_H
#define ECHPROXY_ECH_DNS_CLIENT_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/dns_message.h"
#include "ech/dns_server.h"
#include "ech/local_domains.h"
#include "ech/resolver_health.h"
#include "net/worker.h"

enum {
  kDnsClientMaxServers = 16,
  kDnsClientPenaltyMs = 30000,  // how long a server that failed stands back
};

struct dns_client;

// dns_client_new makes a client of the first kDnsClientMaxServers of the
// `num_servers` > 0 `servers`, which it copies, verified against `trust`, of
// which it keeps a reference. Released with dns_client_free, which drops all
// queries.
struct dns_client *dns_client_new(struct worker *worker,
                                  const struct dns_server *servers,
                                  size_t num_servers, X509_STORE *trust);
void dns_client_free(struct dns_client *client);

// dns_client_share makes `client`, before its first query, know of its servers'
// ECH what `other` does, a client for another worker, or of servers that were
// asked before. Either may be freed first.
void dns_client_share(struct dns_client *client,
                      const struct dns_client *other);

// dns_client_keep_from makes the client refuse names in `domains`, borrowed
// while the client lives. Names that are not for public DNS (special_name.h) it
// always refuses: no record of a public name leads a private one out.
void dns_client_keep_from(struct dns_client *client,
                          const struct local_domains *domains);

// dns_client_use_health makes the client note in `health`, borrowed while it
// lives, what became of its queries.
void dns_client_use_health(struct dns_client *client,
                           struct resolver_health *health);

struct dns_client_query;

// dns_client_query_cb receives the outcome: an answer of any status, borrowed
// until it returns, or NULL when no server gave one, with a static text in
// `why`.
typedef void dns_client_query_cb(void *owner, const struct dns_answer *answer,
                                 const char *why);

// dns_client_query_start asks for the records of `type` at `name`, which it
// copies and which has no final dot, within `timeout_ms`. The result is valid
// until `done` runs or dns_client_query_cancel is called.
struct dns_client_query *dns_client_query_start(
    struct dns_client *client, const char *name, enum dns_type type,
    uint64_t timeout_ms, dns_client_query_cb *done, void *owner);

// dns_client_query_cancel drops `query`; `done` will not run. NULL does
// nothing.
void dns_client_query_cancel(struct dns_client_query *query);

#endif
