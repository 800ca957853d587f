#include "proxy/key_hint.h"

#include <criterion/criterion.h>
#include <string.h>

#include "proxy/setting.h"
#include "proxy/site_setting.h"

Test(key_hint, counts_the_letters_that_differ) {
  static const struct {
    const char *a;
    const char *b;
    size_t distance;
  } kCases[] = {
      {"mode", "mode", 0},  {"mdoe", "mode", 1},    {"mod", "mode", 1},
      {"moode", "mode", 1}, {"made", "mode", 1},    {"", "mode", 4},
      {"mode", "", 4},      {"workers", "mode", 5}, {"oedm", "mode", 3},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    cr_expect_eq(key_hint_distance(kCases[i].a, kCases[i].b),
                 kCases[i].distance, "%s %s", kCases[i].a, kCases[i].b);
  }
}

Test(key_hint, names_what_was_likely_meant) {
  static const struct {
    const char *section;
    const char *name;
    const char *hint;
  } kCases[] = {
      {"proxy", "mdoe", "did you mean 'mode'?"},
      {"proxy", "worker", "did you mean 'workers'?"},
      {"proxy", "Mode", "did you mean 'mode'?"},
      {"proxy", "upstream_proxy", "did you mean 'upstream-proxy'?"},
      {"resolver", "resolver-ac", "did you mean 'resolver-ca'?"},
      {"resolver", "mode", "it belongs in [proxy]"},
      {"proxy", "ech-from", "it belongs in [site \"NAME\"]"},
      {"site", "adress", "did you mean 'address'?"},
      {"site", "upstream-ca", "it belongs in [proxy]"},
      {"site", "color",
       "its keys are mode, ech, ech-from, address, client-cert, client-key, "
       "upstream-proxy"},
      {"resolver", "x",
       "its keys are resolver, bootstrap, local-domain, resolver-ca"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    char hint[kKeyHintSize];
    key_hint_write(hint, kCases[i].section, kCases[i].name);
    cr_expect_str_eq(hint, kCases[i].hint, "%s: %s", kCases[i].name, hint);
  }
}

Test(key_hint, bounds_what_it_compares) {
  char name[300];
  char hint[kKeyHintSize];
  memset(name, 'a', sizeof(name) - 1);
  name[sizeof(name) - 1] = '\0';
  key_hint_write(hint, "proxy", name);
  cr_expect_not_null(strstr(hint, "its keys are listen, "));
}

// Every name fits into the rows.
Test(key_hint, has_room_for_every_key) {
  size_t num;
  const struct setting *settings = setting_all(&num);
  for (size_t i = 0; i < num; i++) {
    cr_expect_leq(strlen(settings[i].name), (size_t)31);
  }
  const struct site_setting *of_sites = site_setting_all(&num);
  for (size_t i = 0; i < num; i++) {
    cr_expect_leq(strlen(of_sites[i].name), (size_t)31);
  }
}
