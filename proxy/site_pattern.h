// site_pattern says which sites a [site "PATTERN"] section of the configuration
// file is about: a name, all names below one, every site, or those with an
// address in a range.

#ifndef ECHPROXY_PROXY_SITE_PATTERN_H
#define ECHPROXY_PROXY_SITE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "net/address.h"
#include "proxy/authority.h"

enum site_pattern_kind {
  SITE_ALL,    // "*"
  SITE_BELOW,  // "*.bank.example": any depth, but not bank.example itself
  SITE_EXACT,  // "www.bank.example", or one IP address as browsers ask for it
  SITE_RANGE,  // "104.16.0.0/13", "2606:4700::/32"
};

enum { kSitePatternTextSize = kAuthorityHostSize + 8 };

struct site_pattern {
  enum site_pattern_kind kind;
  char text[kSitePatternTextSize];  // as it is told: one spelling for each
  char host[kAuthorityHostSize];    // SITE_EXACT, and SITE_BELOW what
                                    // comes after the "*."
  struct address network;           // SITE_RANGE
  unsigned prefix_len;
};

// site_pattern_parse reads `text`. On failure `*out_why` is a static text that
// says what is wrong with it.
bool site_pattern_parse(struct site_pattern *out, const char *text,
                        const char **out_why);

// site_pattern_equal says whether both mean the same sites.
bool site_pattern_equal(const struct site_pattern *a,
                        const struct site_pattern *b);

// site_pattern_match_host returns 0 when `host`, as struct authority spells it,
// is not meant, else a number that is higher the closer the pattern is: exact
// names beat the longest wildcard, and that beats "*". Ranges match no host.
unsigned site_pattern_match_host(const struct site_pattern *pattern,
                                 const char *host);

// site_pattern_match_address does the same for ranges and an address: the
// longest prefix is the closest.
unsigned site_pattern_match_address(const struct site_pattern *pattern,
                                    const struct address *address);

#endif
