// policy decides from the lookup and the mode, the site's own where a rule has
// one, what becomes of a tunnel: the table in docs/ARCHITECTURE.md. It is pure.

#ifndef ECHPROXY_PROXY_POLICY_H
#define ECHPROXY_PROXY_POLICY_H

#include "ech/lookup.h"
#include "ech/origin.h"
#include "proxy/front.h"
#include "proxy/proxy.h"
#include "proxy/site_rule.h"

enum policy_action {
  POLICY_INTERCEPT,  // end the browser's TLS, reach the site with ECH
  POLICY_PASS,       // the browser's own bytes, untouched
  POLICY_REFUSE,
};

struct policy_decision {
  enum policy_action action;
  enum front_refusal refusal;  // with POLICY_REFUSE
  const char *why;  // one static sentence; NULL with POLICY_INTERCEPT, and with
                    // POLICY_PASS unless that is what the user asked for
};

// policy_reads_hello_first says whether a tunnel to `host`, an address, may
// hide a name, which only the ClientHello tells. That is worth waiting for on
// the port where browsers always speak first.
bool policy_reads_hello_first(const char *host, uint16_t port,
                              const struct site_rule *rule);

// policy_for_lookup decides when the lookup's answer is in.
struct policy_decision policy_for_lookup(enum proxy_mode mode,
                                         const struct lookup_answer *answer);

// policy_for_named decides what becomes of a tunnel whose ClientHello is for
// another name than was asked for, from the lookup of that name: a program that
// looks names up elsewhere asks for an address, and the name is still to hide.
struct policy_decision policy_for_named(enum proxy_mode mode,
                                        const struct lookup_answer *answer);

// policy_for_other_bytes decides what becomes of a tunnel whose first bytes are
// not TLS, or are a ClientHello without a name to hide.
enum policy_action policy_for_other_bytes(enum proxy_mode mode);

// policy_for_origin decides what becomes of an intercepted tunnel whose site
// was not reached: the one way back to the clear is the authenticated server's
// own word that it has switched ECH off (RFC 9849, section 6.1.6).
enum policy_action policy_for_origin(enum proxy_mode mode,
                                     enum origin_status status);

#endif
