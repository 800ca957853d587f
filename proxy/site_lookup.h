// site_lookup finds out how a site can be reached: what DNS says (ech/lookup.h)
// and what the user's rules put in its place. It stands between lookups and
// everybody in proxy/ who needs one.
//
// What is decided here:
// - A rule's `ech` goes before what the site publishes, and needs no answer to
//   the HTTPS query.
// - What the site publishes goes before `ech-from`. Without it, the other
//   name's configuration is used at the site's own addresses; when that cannot
//   be had, the answer is LOOKUP_FAILED, which nobody takes for "no ECH".
// - `address` replaces all addresses, but the HTTPS query is made all the same.
//   When it fails, the answer is LOOKUP_FAILED still, with the addresses.
// - With MODE_PASS, and for an IP address, no ECH is looked for in the rules.

#ifndef ECHPROXY_PROXY_SITE_LOOKUP_H
#define ECHPROXY_PROXY_SITE_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "ech/lookup.h"
#include "proxy/site_rule.h"

struct site_lookup;

// site_lookup_cb receives the outcome. It takes one reference of `answer`,
// which is never NULL and to which the rule was applied. `rule` is what is in
// force for the site; it is borrowed until the callback returns and may be
// copied while the set of rules lives.
typedef void site_lookup_cb(void *owner, struct lookup_answer *answer,
                            const struct site_rule *rule);

// site_lookup_start finds `host`, spelled as struct authority does, for `port`.
// `rules`, which may be NULL, is borrowed as long as it runs. It always ends
// within kSiteLookupTimeoutMs: one lookup, and at most one more after it. The
// result is valid until `done` runs or site_lookup_cancel is called, which is
// before the resolver is freed.
enum { kSiteLookupTimeoutMs = 2 * kLookupTimeoutMs };
struct site_lookup *site_lookup_start(struct resolver *resolver,
                                      const struct site_rules *rules,
                                      const char *host, uint16_t port,
                                      site_lookup_cb *done, void *owner);

// site_lookup_is_cached says of one that has just been started whether all that
// it asks for was in the cache.
bool site_lookup_is_cached(const struct site_lookup *lookup);

// site_lookup_cancel drops `lookup`; `done` will not run. NULL does nothing.
void site_lookup_cancel(struct site_lookup *lookup);

#endif
