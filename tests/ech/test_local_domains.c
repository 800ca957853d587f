#include "ech/local_domains.h"

#include <criterion/criterion.h>

#include "support/leaks.h"

Test(local_domains, holds_a_domain_and_what_is_below_it) {
  struct local_domains d = {0};
  cr_assert_not(local_domains_contain(&d, "a.test"));
  cr_assert(local_domains_add(&d, "Corp.example."));
  cr_assert(local_domains_add(&d, "*.lan"));
  cr_assert(local_domains_add(&d, ".home.test"));
  static const struct {
    const char *name;
    bool is_local;
  } kCases[] = {
      {"corp.example", true},
      {"a.b.corp.example", true},
      {"xcorp.example", false},
      {"example", false},
      {"corp.example.com", false},
      {"x.lan", true},
      {"home.test", true},
      {"a.home.test", true},
      {"test", false},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    cr_assert_eq(local_domains_contain(&d, kCases[i].name), kCases[i].is_local,
                 "%s", kCases[i].name);
  }
  local_domains_cleanup(&d);
  cr_assert(leaks_none());
}

Test(local_domains, takes_no_text_that_is_no_domain) {
  char long_name[400];
  memset(long_name, 'a', sizeof(long_name));
  long_name[sizeof(long_name) - 1] = '\0';
  const char *const texts[] = {"",    ".",       "*.",      "a..b",   "a b",
                               "*.*", "a.*.com", "a.test/", long_name};
  struct local_domains d = {0};
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    cr_assert_not(local_domains_add(&d, texts[i]), "%s", texts[i]);
  }
  cr_assert_eq(d.num_domains, 0);
  local_domains_cleanup(&d);
}
