#include "proxy/site_pattern.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct site_pattern pattern(const char *text) {
  struct site_pattern p;
  const char *why = "";
  cr_assert(site_pattern_parse(&p, text, &why), "%s: %s", text, why);
  return p;
}

static bool matches(const char *text, const char *host) {
  struct site_pattern p = pattern(text);
  return site_pattern_match_host(&p, host) > 0;
}

static bool has_address(const char *text, const char *ip) {
  struct site_pattern p = pattern(text);
  struct address address;
  cr_assert(address_from_ip(&address, ip, 443));
  return site_pattern_match_address(&p, &address) > 0;
}

Test(site_pattern, has_one_spelling_for_each) {
  static const struct {
    const char *text;
    enum site_pattern_kind kind;
    const char *told;
  } kCases[] = {
      {"*", SITE_ALL, "*"},
      {"WWW.Bank.Example", SITE_EXACT, "www.bank.example"},
      {"bank.example.", SITE_EXACT, "bank.example"},
      {"*.Bank.example.", SITE_BELOW, "*.bank.example"},
      {"*.test", SITE_BELOW, "*.test"},
      {"localhost", SITE_EXACT, "localhost"},
      {"192.0.2.1", SITE_EXACT, "192.0.2.1"},
      {"2001:DB8:0::1", SITE_EXACT, "2001:db8::1"},
      {"104.16.0.0/13", SITE_RANGE, "104.16.0.0/13"},
      {"0.0.0.0/0", SITE_RANGE, "0.0.0.0/0"},
      {"192.0.2.1/32", SITE_RANGE, "192.0.2.1/32"},
      {"2606:4700:0::/32", SITE_RANGE, "2606:4700::/32"},
      {"2001:db8::1/128", SITE_RANGE, "2001:db8::1/128"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct site_pattern p = pattern(kCases[i].text);
    cr_expect_eq(p.kind, kCases[i].kind, "%s", kCases[i].text);
    cr_expect_str_eq(p.text, kCases[i].told);
  }
}

Test(site_pattern, refuses_what_means_nothing) {
  static const char *const kBad[] = {
      "",           ".",           "*.",           "**",
      "*a.example", "a.*.example", "*.*.example",  "a..example",
      "a b",        "b\xc3\xbc.x", "*.192.0.2.1",  "https://a.example/",
      "a.example/", "192.0.2.0/",  "192.0.2.0/33", "192.0.2.0/-1",
      "192.0.2/24", "1.2.3.4/x",   "1.2.3.4/0008", "192.0.2.1/24",
      "11.0.0.0/7", "::/129",      "[::]/0",       "2001:db8::1/127",
      "a.test:443", "/24",         "1.2.3.4/8/8",
  };
  for (size_t i = 0; i < sizeof(kBad) / sizeof(kBad[0]); i++) {
    struct site_pattern p;
    const char *why = NULL;
    cr_expect_not(site_pattern_parse(&p, kBad[i], &why), "%s", kBad[i]);
    cr_expect_not_null(why);
  }
}

Test(site_pattern, takes_the_longest_name_and_no_longer_one) {
  char text[300] = "*.";
  for (size_t i = 0; i < 126; i++) {
    strcat(text, "a.");
  }
  text[strlen(text) - 1] = 'b';  // 253 octets behind the "*."
  const char *why;
  struct site_pattern p;
  cr_assert(site_pattern_parse(&p, text, &why));
  cr_expect_str_eq(p.text, text);
  strcat(text, "ccc");
  cr_expect_not(site_pattern_parse(&p, text, &why));
}

Test(site_pattern, matches_names_whole_and_below) {
  static const struct {
    const char *pattern;
    const char *host;
    bool matches;
  } kCases[] = {
      {"*", "a.example", true},
      {"*", "192.0.2.1", true},
      {"bank.example", "bank.example", true},
      {"bank.example", "www.bank.example", false},
      {"bank.example", "ank.example", false},
      {"*.bank.example", "bank.example", false},
      {"*.bank.example", "www.bank.example", true},
      {"*.bank.example", "a.b.c.bank.example", true},
      {"*.bank.example", "notbank.example", false},
      {"*.bank.example", ".bank.example", false},
      {"*.bank.example", "bank.example.org", false},
      {"192.0.2.1", "192.0.2.1", true},
      {"192.0.2.1", "192.0.2.10", false},
      {"192.0.2.0/24", "192.0.2.1", false},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    cr_expect_eq(matches(kCases[i].pattern, kCases[i].host), kCases[i].matches,
                 "%s, %s", kCases[i].pattern, kCases[i].host);
  }
}

Test(site_pattern, puts_the_closer_first) {
  static const char *const kOrder[] = {"*", "*.example", "*.b.example",
                                       "*.a.b.example", "x.a.b.example"};
  unsigned last = 0;
  for (size_t i = 0; i < sizeof(kOrder) / sizeof(kOrder[0]); i++) {
    struct site_pattern p = pattern(kOrder[i]);
    unsigned closeness = site_pattern_match_host(&p, "x.a.b.example");
    cr_expect_gt(closeness, last, "%s", kOrder[i]);
    last = closeness;
  }
}

Test(site_pattern, matches_addresses_bit_by_bit) {
  static const struct {
    const char *range;
    const char *in;
    const char *out;
  } kCases[] = {
      {"104.16.0.0/13", "104.23.255.255", "104.24.0.0"},
      {"104.16.0.0/13", "104.16.0.0", "104.15.255.255"},
      {"192.0.2.128/25", "192.0.2.255", "192.0.2.127"},
      {"192.0.2.1/32", "192.0.2.1", "192.0.2.0"},
      {"0.0.0.0/0", "255.255.255.255", "2001:db8::1"},
      {"2606:4700::/32", "2606:4700:ffff::1", "2606:4701::"},
      {"2001:db8:8000::/33", "2001:db8:ffff::", "2001:db8:7fff::"},
      {"::/0", "2001:db8::1", "192.0.2.1"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    cr_expect(has_address(kCases[i].range, kCases[i].in), "%s",
              kCases[i].range);
    cr_expect_not(has_address(kCases[i].range, kCases[i].out), "%s",
                  kCases[i].range);
  }
  cr_expect_not(has_address("*", "192.0.2.1"), "only ranges have addresses");
  cr_expect_not(has_address("192.0.2.1", "192.0.2.1"));
}
