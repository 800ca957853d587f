#include "proxy/site_rule.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "net/xalloc.h"

struct site_rules {
  struct site_section **sections;
  size_t num_sections;
};

struct site_rules *site_rules_new(void) {
  return xcalloc(1, sizeof(struct site_rules));
}

static void section_free(struct site_section *section) {
  free(section->ech);
  free(section->ech_from);
  client_identity_free(section->identity);
  upstream_free(section->upstream);
  free(section);
}

void site_rules_free(struct site_rules *rules) {
  if (rules == NULL) {
    return;
  }
  for (size_t i = 0; i < rules->num_sections; i++) {
    section_free(rules->sections[i]);
  }
  free(rules->sections);
  free(rules);
}

struct site_section *site_rules_add(struct site_rules *rules,
                                    const struct site_pattern *pattern) {
  for (size_t i = 0; i < rules->num_sections; i++) {
    if (site_pattern_equal(&rules->sections[i]->pattern, pattern)) {
      return NULL;
    }
  }
  struct site_section *section = xcalloc(1, sizeof(*section));
  section->pattern = *pattern;
  rules->sections =
      xrealloc(rules->sections,
               (rules->num_sections + 1) * sizeof(struct site_section *));
  rules->sections[rules->num_sections++] = section;
  return section;
}

bool site_rules_resolve(const struct site_rules *rules, const char **out_why,
                        const struct site_section **out_section) {
  for (size_t i = 0; rules != NULL && i < rules->num_sections; i++) {
    struct upstream *upstream = rules->sections[i]->upstream;
    if (upstream != NULL && !upstream_resolve(upstream, out_why)) {
      *out_section = rules->sections[i];
      return false;
    }
  }
  return true;
}

// Takes from `section` the keys for which nothing as close has been found.
static void take(struct site_rule *rule, unsigned best[kNumSiteKeys],
                 const struct site_section *section, unsigned closeness) {
  for (int key = 0; key < kNumSiteKeys; key++) {
    if (section->sets[key] && closeness > best[key]) {
      best[key] = closeness;
      rule->from[key] = section;
    }
  }
}

void site_rule_for_host(struct site_rule *out, const struct site_rules *rules,
                        const char *host) {
  unsigned best[kNumSiteKeys] = {0};
  *out = (struct site_rule){{NULL}};
  for (size_t i = 0; rules != NULL && i < rules->num_sections; i++) {
    const struct site_section *section = rules->sections[i];
    take(out, best, section, site_pattern_match_host(&section->pattern, host));
  }
}

void site_rule_add_ranges(struct site_rule *rule,
                          const struct site_rules *rules,
                          const struct address *addresses,
                          size_t num_addresses) {
  unsigned best[kNumSiteKeys];
  for (int key = 0; key < kNumSiteKeys; key++) {
    best[key] = rule->from[key] != NULL ? UINT_MAX : 0;
  }
  for (size_t i = 0; rules != NULL && i < rules->num_sections; i++) {
    const struct site_section *section = rules->sections[i];
    for (size_t k = 0; k < num_addresses; k++) {
      take(rule, best, section,
           site_pattern_match_address(&section->pattern, &addresses[k]));
    }
  }
}

enum proxy_mode site_rule_mode(const struct site_rule *rule,
                               enum proxy_mode otherwise) {
  const struct site_section *section = rule->from[SITE_MODE];
  return section != NULL ? section->mode : otherwise;
}

const struct origin_identity *site_rule_identity(const struct site_rule *rule) {
  const struct site_section *section = rule->from[SITE_IDENTITY];
  return section != NULL ? &section->shown : NULL;
}

const struct upstream *site_rule_upstream(const struct site_rule *rule,
                                          const struct upstream *otherwise) {
  const struct site_section *section = rule->from[SITE_UPSTREAM];
  return section != NULL ? section->upstream : otherwise;
}

size_t site_rule_sections(const struct site_section *out[kNumSiteKeys],
                          const struct site_rule *rule) {
  size_t num = 0;
  for (int key = 0; key < kNumSiteKeys; key++) {
    bool is_new = rule->from[key] != NULL;
    for (size_t i = 0; i < num; i++) {
      is_new &= out[i] != rule->from[key];
    }
    if (is_new) {
      out[num++] = rule->from[key];
    }
  }
  return num;
}

size_t site_rule_keys(const char *out[kMaxSiteKeyNames],
                      const struct site_rule *rule,
                      const struct site_section *section) {
  size_t num = 0;
  if (rule->from[SITE_MODE] == section) {
    out[num++] = "mode";
  }
  if (rule->from[SITE_ECH] == section) {
    out[num++] = section->ech != NULL ? "ech" : "ech-from";
  }
  if (rule->from[SITE_ADDRESS] == section) {
    out[num++] = "address";
  }
  if (rule->from[SITE_IDENTITY] == section) {
    out[num++] = "client-cert";
    out[num++] = "client-key";
  }
  if (rule->from[SITE_UPSTREAM] == section) {
    out[num++] = "upstream-proxy";
  }
  assert(num <= kMaxSiteKeyNames);
  return num;
}
