#include "proxy/site_rule.h"

#include <criterion/criterion.h>
#include <string.h>

#include "support/leaks.h"

static struct site_section *add(struct site_rules *rules, const char *text) {
  struct site_pattern pattern;
  const char *why;
  cr_assert(site_pattern_parse(&pattern, text, &why), "%s", text);
  return site_rules_add(rules, &pattern);
}

static void set(struct site_rules *rules, const char *text, enum site_key key) {
  struct site_section *section = add(rules, text);
  cr_assert_not_null(section);
  section->sets[key] = true;
}

// The pattern that `key` is taken from, or "".
static const char *from(const struct site_rule *rule, enum site_key key) {
  return rule->from[key] == NULL ? "" : rule->from[key]->pattern.text;
}

Test(site_rule, takes_each_key_from_the_closest_section_that_sets_it) {
  static const struct {
    const char *host;
    const char *mode;
    const char *ech;
  } kCases[] = {
      {"bank.example", "*", ""},
      {"www.bank.example", "www.bank.example", "*.bank.example"},
      {"x.bank.example", "*", "*.bank.example"},
      {"a.deep.bank.example", "*.deep.bank.example", "*.bank.example"},
      {"deep.bank.example", "*", "*.bank.example"},
      {"other.test", "*", ""},
      {"192.0.2.1", "192.0.2.1", ""},
  };
  struct site_rules *rules = site_rules_new();
  // The order in the file does not count.
  set(rules, "www.bank.example", SITE_MODE);
  set(rules, "*", SITE_MODE);
  set(rules, "*.deep.bank.example", SITE_MODE);
  set(rules, "*.bank.example", SITE_ECH);
  set(rules, "192.0.2.1", SITE_MODE);
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct site_rule rule;
    site_rule_for_host(&rule, rules, kCases[i].host);
    cr_expect_str_eq(from(&rule, SITE_MODE), kCases[i].mode);
    cr_expect_str_eq(from(&rule, SITE_ECH), kCases[i].ech);
  }
  site_rules_free(rules);
  cr_assert(leaks_none());
}

Test(site_rule, takes_from_ranges_what_no_name_says) {
  struct site_rules *rules = site_rules_new();
  struct address addresses[2];
  struct site_rule rule;
  address_from_ip(&addresses[0], "192.0.2.1", 443);
  address_from_ip(&addresses[1], "104.16.1.1", 443);
  set(rules, "104.16.0.0/13", SITE_ECH);
  set(rules, "104.16.0.0/16", SITE_ECH);
  set(rules, "0.0.0.0/0", SITE_ECH);
  set(rules, "named.test", SITE_ECH);

  site_rule_for_host(&rule, rules, "a.test");
  cr_expect_str_eq(from(&rule, SITE_ECH), "");
  site_rule_add_ranges(&rule, rules, addresses, 1);
  cr_expect_str_eq(from(&rule, SITE_ECH), "0.0.0.0/0");
  site_rule_for_host(&rule, rules, "a.test");
  site_rule_add_ranges(&rule, rules, addresses, 2);
  cr_expect_str_eq(from(&rule, SITE_ECH), "104.16.0.0/16");
  site_rule_for_host(&rule, rules, "named.test");
  site_rule_add_ranges(&rule, rules, addresses, 2);
  cr_expect_str_eq(from(&rule, SITE_ECH), "named.test");
  site_rules_free(rules);
}

Test(site_rule, is_nothing_without_rules) {
  struct site_rule rule;
  const struct site_section *sections[kNumSiteKeys];
  site_rule_for_host(&rule, NULL, "a.test");
  site_rule_add_ranges(&rule, NULL, NULL, 0);
  cr_expect_eq(site_rule_mode(&rule, MODE_STRICT), MODE_STRICT);
  cr_expect_null(site_rule_identity(&rule));
  cr_expect_eq(site_rule_sections(sections, &rule), 0);
}

Test(site_rule, has_one_section_for_a_pattern) {
  struct site_rules *rules = site_rules_new();
  cr_expect_not_null(add(rules, "a.test"));
  cr_expect_null(add(rules, "A.test."));
  cr_expect_not_null(add(rules, "*.a.test"));
  site_rules_free(rules);
  cr_assert(leaks_none());
}

Test(site_rule, tells_which_keys_are_from_which_section) {
  struct site_rules *rules = site_rules_new();
  const struct site_section *sections[kNumSiteKeys];
  const char *names[kMaxSiteKeyNames];
  struct site_rule rule;
  struct site_section *below = add(rules, "*.a.test");
  below->sets[SITE_MODE] = below->sets[SITE_ECH] = true;
  below->sets[SITE_IDENTITY] = true;
  below->mode = MODE_PASS;
  set(rules, "w.a.test", SITE_ADDRESS);
  site_rule_for_host(&rule, rules, "w.a.test");
  cr_expect_eq(site_rule_mode(&rule, MODE_STRICT), MODE_PASS);
  cr_assert_eq(site_rule_sections(sections, &rule), 2);
  cr_expect_eq(sections[0], below);
  cr_assert_eq(site_rule_keys(names, &rule, sections[0]), 4);
  cr_expect_str_eq(names[0], "mode");
  cr_expect_str_eq(names[1], "ech-from");
  cr_expect_str_eq(names[3], "client-key");
  cr_assert_eq(site_rule_keys(names, &rule, sections[1]), 1);
  cr_expect_str_eq(names[0], "address");
  site_rules_free(rules);
}
