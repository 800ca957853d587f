// resolution finds one host in DNS, with no memory of earlier answers: its
// HTTPS records, through AliasMode and CNAME, and the addresses that they need,
// all asked for in parallel (RFC 9460, section 3).
//
// What is decided here, where RFC 9460 leaves room or DESIGN.md is stricter:
// - SERVFAIL, a timeout and an answer that makes no sense end in LOOKUP_FAILED
//   (section 3.1), and so does an RRset with a malformed record, for which
//   section 2.2 would go on without: it may have held an ECH configuration.
//   So do more than kResolutionMaxAliases aliases, or aliases in a circle.
// - AliasMode to "." (section 2.5.1) is advice that a client may ignore; it
//   counts as no record.
// - AliasMode to a name without ServiceMode records is LOOKUP_NO_ECH with one
//   endpoint, that name, whose addresses are the answer's as well.
// - Hints are used where A and AAAA give nothing (section 7.3). A "." record
//   whose owner has no address of its own, as `_8443._https.` names seldom do,
//   is reached at the host's.
// - Addresses that cannot be looked up never change what the HTTPS records say.

#ifndef ECHPROXY_ECH_RESOLUTION_H
#define ECHPROXY_ECH_RESOLUTION_H

#include <stdint.h>

#include "ech/dns_client.h"
#include "ech/lookup_answer.h"
#include "net/worker.h"

enum {
  kResolutionMaxAliases = 8,
  kResolutionMaxTargets = 4,  // names besides the host that are looked up
  kResolutionGraceMs = 500,   // for the last addresses, when there are some
  kResolutionFailedTtl = 1,   // seconds: a burst asks a dead resolver once
  kResolutionMaxTtl = 86400,  // seconds
};

struct resolution;

// resolution_cb receives the outcome. It takes one reference of `answer`, which
// is never NULL.
typedef void resolution_cb(void *owner, struct lookup_answer *answer);

// resolution_start finds `host`, a public name in lower case, for `port`,
// within `timeout_ms`. The result is valid until `done` runs or
// resolution_cancel is called.
struct resolution *resolution_start(struct worker *worker,
                                    struct dns_client *client, const char *host,
                                    uint16_t port, uint64_t timeout_ms,
                                    resolution_cb *done, void *owner);

// resolution_cancel drops `resolution`; `done` will not run. NULL does nothing.
void resolution_cancel(struct resolution *resolution);

#endif
