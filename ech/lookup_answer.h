// lookup_answer is what a lookup found out about a host: where it can be
// reached and with which ECH configuration. Answers stay in the cache by the
// thousand, so they take no more memory than what they hold.

#ifndef ECHPROXY_ECH_LOOKUP_ANSWER_H
#define ECHPROXY_ECH_LOOKUP_ANSWER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

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

// The detail of every LOOKUP_NXDOMAIN that DNS was asked about, or that it
// would be no use to ask about.
extern const char kLookupNoSuchName[];

enum {
  kLookupMaxEndpoints = 16,
  kLookupMaxAddresses = 16,  // for the host, and for each endpoint
};

// One way to reach the host, from one ServiceMode record.
struct endpoint {
  uint16_t priority;
  const char *target;
  const uint8_t *ech;  // a list with a usable entry, or NULL
  size_t ech_len;
  // The protocols that the record claims, as svcb.h gives them; with
  // `no_default_alpn` false, http/1.1 is meant as well.
  const uint8_t *alpn;
  size_t alpn_len;
  bool no_default_alpn;
  const struct address *addresses;  // with the port to connect to
  size_t num_addresses;
};

// A lookup's result. It is immutable and counted, by all threads that share it:
// who wants to keep it calls lookup_answer_ref.
struct lookup_answer {
  enum lookup_status status;
  // One sentence in plain English that says why, without host names; static.
  // For LOOKUP_FAILED the cause, such as channel_status_str's.
  const char *detail;
  // With LOOKUP_ECH and LOOKUP_NO_ECH: endpoints with ECH first, then by
  // priority, equals shuffled. None with LOOKUP_NO_ECH when all records ask for
  // more than we know (`mandatory`): RFC 9460, section 9.5 then asks for no
  // upgrade of http either.
  const struct endpoint *endpoints;
  size_t num_endpoints;
  // The host's own A and AAAA with the port asked for; those of the name that
  // AliasMode leads to, if that has no ServiceMode records (RFC 9460, section
  // 3). May be empty.
  const struct address *addresses;
  size_t num_addresses;
  uint32_t ttl;  // seconds that it may be kept; 0: for this use only
  // Seconds that the ECH configurations may be kept, `ttl` or more: the
  // addresses may change sooner. Whoever makes the answer sets it; 0 unless
  // LOOKUP_ECH.
  uint32_t ech_ttl;
  // The end of the longer of the two in uv_now's time, set by who found it.
  uint64_t expires_at;
  atomic_uint num_refs;  // lookup_answer_ref's own
};

// lookup_answer_new makes an answer with one reference. It copies `endpoints`,
// with all that they point to, sorted and shuffled as above, and `addresses`.
struct lookup_answer *lookup_answer_new(enum lookup_status status,
                                        const char *detail, uint32_t ttl,
                                        const struct endpoint *endpoints,
                                        size_t num_endpoints,
                                        const struct address *addresses,
                                        size_t num_addresses);

// lookup_answer_leads_to_loopback says whether one of the addresses, the
// endpoints' included, is this machine's loopback (address.h), which any name
// in DNS can have.
bool lookup_answer_leads_to_loopback(const struct lookup_answer *answer);

// lookup_answer_ref adds a reference.
void lookup_answer_ref(struct lookup_answer *answer);

// lookup_answer_unref drops one reference. NULL does nothing.
void lookup_answer_unref(struct lookup_answer *answer);

#endif
