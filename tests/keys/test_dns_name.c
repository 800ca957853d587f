#include "keys/dns_name.h"

#include <criterion/criterion.h>
#include <string.h>

static const char kLabel63[] =
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

Test(dns_name, takes_host_names) {
  static const char *const kGood[] = {
      "a",
      "localhost",
      "www.example.com",
      "xn--bcher-kva.example",
      "a_b.c",
      "_dmarc.example",
      "-odd-.example",
      "1.2.3.4.example",
      "0x1.com",
      "EXAMPLE.Example",
      "1e1",
      kLabel63,
  };
  for (size_t i = 0; i < sizeof(kGood) / sizeof(kGood[0]); i++) {
    cr_expect(dns_name_valid(kGood[i]), "%s", kGood[i]);
  }
}

Test(dns_name, refuses_what_is_none) {
  static const char *const kBad[] = {
      "",
      ".",
      "a.",
      ".a",
      "a..b",
      "*.example",
      "a b",
      "a\nb",
      "b\xc3\xbc",
      "a/b",
      "[::1]",
      "::1",
      "1.2.3.4",
      "1.2.3",
      "a.1",
      "a.0x",
      "a.0xfF",
      "a.0X",
      "example.com:443",
      "a\"b",
      "a;b",
      "a\\b",
  };
  for (size_t i = 0; i < sizeof(kBad) / sizeof(kBad[0]); i++) {
    cr_expect_not(dns_name_valid(kBad[i]), "%s", kBad[i]);
  }
}

Test(dns_name, bounds_labels_and_names) {
  char name[300];
  memset(name, 'a', sizeof(name));
  name[64] = '\0';
  cr_expect_not(dns_name_valid(name), "a label of 64");
  memset(name, 'a', sizeof(name));
  for (size_t i = 63; i < sizeof(name); i += 64) {
    name[i] = '.';
  }
  name[253] = '\0';
  cr_expect(dns_name_valid(name), "253 octets");
  name[253] = 'a';
  name[254] = '\0';
  cr_expect_not(dns_name_valid(name), "254 octets");
}
