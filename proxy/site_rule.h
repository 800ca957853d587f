// site_rule holds what the [site "PATTERN"] sections of the configuration file
// say, and finds what of it is in force for one site: for each key, the closest
// section that sets it.

#ifndef ECHPROXY_PROXY_SITE_RULE_H
#define ECHPROXY_PROXY_SITE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/lookup_answer.h"
#include "ech/origin_session.h"
#include "keys/client_identity.h"
#include "net/address.h"
#include "net/upstream.h"
#include "proxy/proxy.h"
#include "proxy/site_pattern.h"

// What a section can say. What stands under one key here is set and overridden
// as one: the client certificate and its key, and the two ways to name an ECH
// configuration.
enum site_key {
  SITE_MODE,
  SITE_ECH,
  SITE_ADDRESS,
  SITE_IDENTITY,
  SITE_UPSTREAM
};

enum { kNumSiteKeys = SITE_UPSTREAM + 1 };

// One section. What it does not set is zero.
struct site_section {
  struct site_pattern pattern;
  bool sets[kNumSiteKeys];
  enum proxy_mode mode;
  uint8_t *ech;    // a list with a usable entry; or
  size_t ech_len;  //
  char *ech_from;  // the name whose list is borrowed
  struct address addresses[kLookupMaxAddresses];  // with port 0
  size_t num_addresses;
  struct client_identity *identity;
  struct upstream *upstream;     // NULL, when it is set: none
  struct origin_identity shown;  // the same, as ech/origin.h takes it
};

struct site_rules;

// site_rules_new makes an empty set; site_rules_free releases it with all of
// its sections. NULL does nothing.
struct site_rules *site_rules_new(void);
void site_rules_free(struct site_rules *rules);

// site_rules_add adds an empty section, which `rules` owns, for its caller to
// fill. NULL when there is one with this pattern already.
struct site_section *site_rules_add(struct site_rules *rules,
                                    const struct site_pattern *pattern);

// What is in force for a site: the section that each key is taken from, NULL
// where none sets it. They live as long as the set.
struct site_rule {
  const struct site_section *from[kNumSiteKeys];
};

// site_rules_resolve finds the upstream proxies that are known by name, as
// upstream_resolve does. On failure `*out_section` is the section of the one
// that was not found.
bool site_rules_resolve(const struct site_rules *rules, const char **out_why,
                        const struct site_section **out_section);

// site_rule_for_host finds what the sections for names say of `host`, spelled
// as struct authority does. `rules` may be NULL: nothing.
void site_rule_for_host(struct site_rule *out, const struct site_rules *rules,
                        const char *host);

// site_rule_add_ranges adds, for keys that are not set yet, what the ranges say
// that one of `addresses` is in.
void site_rule_add_ranges(struct site_rule *rule,
                          const struct site_rules *rules,
                          const struct address *addresses,
                          size_t num_addresses);

// site_rule_mode returns the rule's mode, or `otherwise`.
enum proxy_mode site_rule_mode(const struct site_rule *rule,
                               enum proxy_mode otherwise);

// site_rule_identity returns the client certificate for the site, or NULL. It
// lives as long as the set.
const struct origin_identity *site_rule_identity(const struct site_rule *rule);

// site_rule_upstream returns the upstream proxy for the site or NULL, where the
// rule says one or that there is none, or `otherwise`.
const struct upstream *site_rule_upstream(const struct site_rule *rule,
                                          const struct upstream *otherwise);

// site_rule_sections writes the sections that are in force, each once, the one
// with the first key first, and returns how many.
size_t site_rule_sections(const struct site_section *out[kNumSiteKeys],
                          const struct site_rule *rule);

// site_rule_keys writes the names of the configuration file's keys that are
// taken from `section`, and returns how many.
enum { kMaxSiteKeyNames = 8 };
size_t site_rule_keys(const char *out[kMaxSiteKeyNames],
                      const struct site_rule *rule,
                      const struct site_section *section);

#endif
