// lookup finds out how a host can be reached: its HTTPS record with the ECH
// configuration (RFC 9460, RFC 9848) and its addresses, asked in parallel over
// encrypted DNS and kept for their TTL. No ClientHello may leave before its
// answer is in.

#ifndef ECHPROXY_ECH_LOOKUP_H
#define ECHPROXY_ECH_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/doh.h"
#include "ech/svcb.h"
#include "net/address.h"
#include "net/worker.h"

#define LOOKUP_STATUSES(X)                                            \
  /* a record has an ECH configuration that we can use */             \
  X(LOOKUP_ECH, "publishes ECH")                                      \
  /* HTTPS records, none with a usable ECH configuration */           \
  X(LOOKUP_NO_ECH, "publishes HTTPS records but no usable ECH")       \
  /* securely answered: no HTTPS record */                            \
  X(LOOKUP_NO_RECORD, "publishes no HTTPS record")                    \
  X(LOOKUP_NXDOMAIN, "does not exist in DNS")                         \
  /* SERVFAIL, timeout, malformed: nothing is known */                \
  X(LOOKUP_FAILED, "could not be looked up")                          \
  /* an IP address, localhost, or a name for the system's resolver */ \
  X(LOOKUP_LOCAL, "is not looked up in public DNS")                   \
  /* a name that must not be looked up, such as .onion (RFC 7686) */  \
  X(LOOKUP_FORBIDDEN, "must not be looked up in DNS")

enum lookup_status {
#define X(name, text) name,
  LOOKUP_STATUSES(X)
#undef X
};

const char *lookup_status_str(enum lookup_status status);

enum {
  kLookupMaxEndpoints = 16,
  kLookupMaxAddresses = 16,  // for the host, and for each endpoint
};

// One way to reach the host, from one ServiceMode record.
struct endpoint {
  uint16_t priority;
  char target[kDnsNameSize];
  const uint8_t *ech;  // a list with a usable entry, or NULL
  size_t ech_len;
  // The protocols that the record claims, as svcb.h gives them; with
  // `no_default_alpn` false, http/1.1 is meant as well.
  const uint8_t *alpn;
  size_t alpn_len;
  bool no_default_alpn;
  struct address addresses[kLookupMaxAddresses];  // with the port to connect to
  size_t num_addresses;
};

// A lookup's result. It is immutable and counted: who wants to keep it calls
// lookup_answer_ref.
struct lookup_answer {
  enum lookup_status status;
  // One sentence in plain English that says why, without host names; static.
  // For LOOKUP_FAILED the cause, such as doh_status_str's.
  const char *detail;
  // With LOOKUP_ECH and LOOKUP_NO_ECH: endpoints with ECH first, then by
  // priority, equals shuffled.
  struct endpoint endpoints[kLookupMaxEndpoints];
  size_t num_endpoints;
  // The host's own A and AAAA with the port asked for. May be empty.
  struct address addresses[kLookupMaxAddresses];
  size_t num_addresses;
  uint32_t ttl;  // seconds that it may be kept; 0: for this use only
};

void lookup_answer_ref(struct lookup_answer *answer);
// lookup_answer_unref drops one reference. NULL does nothing.
void lookup_answer_unref(struct lookup_answer *answer);

struct resolver;

// resolver_new makes a resolver that asks `num_servers` > 0 `servers`, which it
// copies, the first that works, verified against `trust`, of which it keeps a
// reference. Released with resolver_free, which drops the lookups that run.
struct resolver *resolver_new(struct worker *worker,
                              const struct doh_server *servers,
                              size_t num_servers, X509_STORE *trust);
void resolver_free(struct resolver *resolver);

struct lookup;

// lookup_cb receives the outcome. It takes one reference of `answer`, which is
// never NULL.
typedef void lookup_cb(void *owner, struct lookup_answer *answer);

// lookup_start finds `host`, a DNS name of at most 253 octets or an IP address
// without brackets, for `port`. Answers come from the cache while their TTL
// lasts; lookups of one host and port at the same time share their queries. It
// always ends within kLookupTimeoutMs. The result is valid until `done` runs or
// lookup_cancel is called.
enum { kLookupTimeoutMs = 6000 };
struct lookup *lookup_start(struct resolver *resolver, const char *host,
                            uint16_t port, lookup_cb *done, void *owner);

// lookup_cancel drops `lookup`; `done` will not run. NULL does nothing.
void lookup_cancel(struct lookup *lookup);

#endif
