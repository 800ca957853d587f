// lookup finds out how a host can be reached: its HTTPS record with the ECH
// configuration (RFC 9460, RFC 9848) and its addresses, asked in parallel over
// encrypted DNS and kept for their TTL. No ClientHello may leave before its
// answer is in.

#ifndef ECHPROXY_ECH_LOOKUP_H
#define ECHPROXY_ECH_LOOKUP_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/dns_server.h"
#include "ech/lookup_answer.h"
#include "ech/resolver_health.h"
#include "net/worker.h"

struct resolver;

// resolver_new makes a resolver that asks `num_servers` > 0 `servers`, which it
// copies, the first that works, verified against `trust`, of which it keeps a
// reference. Released with resolver_free, which drops the lookups that run:
// none of their callbacks runs and they must not be cancelled any more.
struct resolver *resolver_new(struct worker *worker,
                              const struct dns_server *servers,
                              size_t num_servers, X509_STORE *trust);
void resolver_free(struct resolver *resolver);

// resolver_use_system_for makes names at and below `domain` ("corp.example", a
// leading dot or "*." does not count) be asked of the system's resolver only;
// their status is LOOKUP_LOCAL. They never go to `servers`, not even as the
// target of another name's record. False when `domain` is not a domain name.
bool resolver_use_system_for(struct resolver *resolver, const char *domain);

// resolver_share makes `resolver`, before its first lookup, and `other`, which
// asks the same servers for another worker, keep their answers in one cache and
// know the same of the servers' ECH. Each is used and freed on the thread of
// its own worker. Two that look for one name at the same time ask twice.
void resolver_share(struct resolver *resolver, const struct resolver *other);

// resolver_succeed makes `resolver`, before its first lookup, take the place of
// `before`, on the same worker, which may ask other servers: all names are to
// be asked for anew, but no name loses the ECH that `before` has found, or
// still finds, and no server its own. All workers' resolvers are to be
// succeeded.
void resolver_succeed(struct resolver *resolver, const struct resolver *before);

// resolver_use_health makes `resolver` note in `health`, borrowed while it
// lives, how its servers do.
void resolver_use_health(struct resolver *resolver,
                         struct resolver_health *health);

struct lookup;

// lookup_cb receives the outcome. It takes one reference of `answer`, which is
// never NULL.
typedef void lookup_cb(void *owner, struct lookup_answer *answer);

// lookup_start finds `host`, a DNS name of at most 253 octets or an IP address
// without brackets, for `port`. Answers come from the cache while their TTL
// lasts, LOOKUP_FAILED for one second; one that is used in the last fifth of
// its time is asked for again in the background. A name that had ECH keeps it
// for its record's TTL, whatever later lookups say (lookup_cache.h). Lookups of
// one host and port at the same time share their queries. A final dot of `host`
// does not count. It always ends within kLookupTimeoutMs. The result is valid
// until `done` runs or lookup_cancel is called.
enum { kLookupTimeoutMs = 6000 };
struct lookup *lookup_start(struct resolver *resolver, const char *host,
                            uint16_t port, lookup_cb *done, void *owner);

// lookup_is_cached says of a lookup that has just been started whether its
// answer was in the cache.
bool lookup_is_cached(const struct lookup *lookup);

// lookup_cancel drops `lookup`; `done` will not run. NULL does nothing.
void lookup_cancel(struct lookup *lookup);

#endif
