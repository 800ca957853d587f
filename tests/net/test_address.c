#include "net/address.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

Test(address, knows_loopback) {
  static const struct {
    const char *ip;
    bool is_loopback;
  } kCases[] = {
      {"127.0.0.1", true},
      {"127.255.0.3", true},
      {"::1", true},
      {"::ffff:127.0.0.2", false},
      {"126.0.0.1", false},
      {"0.0.0.0", false},
      {"::", false},
      {"::2", false},
      {"::ffff:192.0.2.1", false},
      {"2001:db8::1", false},
      {"7f00::1", false},
      {"::127.0.0.1", false},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct address address;
    cr_assert(address_from_ip(&address, kCases[i].ip, 1));
    cr_expect_eq(address_is_loopback(&address), kCases[i].is_loopback, "%s",
                 kCases[i].ip);
  }
}

Test(address, reads_and_writes_what_it_should) {
  static const struct {
    const char *text;
    const char *formatted;  // NULL: refused
  } kCases[] = {
      {"127.0.0.1:443", "127.0.0.1:443"},
      {"0.0.0.0:0", "0.0.0.0:0"},
      {"255.255.255.255:65535", "255.255.255.255:65535"},
      {"[::1]:8450", "[::1]:8450"},
      {"[2001:DB8:0:0::1]:1", "[2001:db8::1]:1"},
      {"[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.1]:80"},
      {"", NULL},
      {":", NULL},
      {":443", NULL},
      {"127.0.0.1", NULL},
      {"127.0.0.1:", NULL},
      {"127.0.0.1:65536", NULL},
      {"127.0.0.1:000443", NULL},
      {"127.0.0.1:+443", NULL},
      {"127.0.0.1:44 ", NULL},
      {"127.0.0.1:443x", NULL},
      {"127.1:443", NULL},
      {"0127.0.0.1:443", NULL},
      {"[127.0.0.1]:443", NULL},
      {"::1:443", NULL},
      {"::1", NULL},
      {"[::1]", NULL},
      {"[::1:443", NULL},
      {"::1]:443", NULL},
      {"[]:443", NULL},
      {"[:443", NULL},
      {"[fe80::1%lo]:443", NULL},
      {"localhost:443", NULL},
      {"[1111:2222:3333:4444:5555:6666:7777:8888:9999]:443", NULL},
      {"11111111111111111111111111111111111111111111111111111111111111:1",
       NULL},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct address address;
    bool ok = address_from_host_port(&address, kCases[i].text);
    cr_expect_eq(ok, kCases[i].formatted != NULL, "%s", kCases[i].text);
    if (ok && kCases[i].formatted != NULL) {
      char text[kAddressTextSize];
      cr_expect_str_eq(address_format(text, &address), kCases[i].formatted);
    }
  }
}

Test(address, reads_an_ip_with_or_without_brackets) {
  static const struct {
    const char *text;
    bool ok;
    bool is_ipv6;
  } kCases[] = {
      {"192.0.2.1", true, false},
      {"2001:db8::1", true, true},
      {"[2001:db8::1]", true, true},
      {"[192.0.2.1]", false, false},
      {"[2001:db8::1", false, false},
      {"2001:db8::1]", false, false},
      {"[", false, false},
      {"[]", false, false},
      {"", false, false},
      {"fe80::1%1", false, false},
      {"192.0.2.1:1", false, false},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct address address = {.port = 7};
    bool ok = address_from_ip(&address, kCases[i].text, 853);
    cr_expect_eq(ok, kCases[i].ok, "%s", kCases[i].text);
    cr_expect_eq(address.port, ok ? 853 : 7, "%s", kCases[i].text);
    if (ok) {
      cr_expect_eq(address.is_ipv6, kCases[i].is_ipv6, "%s", kCases[i].text);
    }
  }
}

Test(address, survives_the_way_through_a_sockaddr) {
  static const char *const kTexts[] = {"192.0.2.1:443", "[2001:db8::1]:8443"};
  for (size_t i = 0; i < 2; i++) {
    struct address in;
    struct address out;
    struct sockaddr_storage sa;
    char text[kAddressTextSize];
    cr_assert(address_from_host_port(&in, kTexts[i]));
    socklen_t len = address_to_sockaddr(&sa, &in);
    cr_assert_eq(len, in.is_ipv6 ? sizeof(struct sockaddr_in6)
                                 : sizeof(struct sockaddr_in));
    cr_assert(address_from_sockaddr(&out, (struct sockaddr *)&sa));
    cr_assert_str_eq(address_format(text, &out), kTexts[i]);
  }
  struct sockaddr unix_sa = {.sa_family = AF_UNIX};
  struct address out;
  cr_assert_not(address_from_sockaddr(&out, &unix_sa));
}

Test(address, has_room_for_the_longest_text) {
  struct address address = {.port = 65535, .is_ipv6 = true};
  char text[kAddressTextSize];
  memset(address.ip, 0xff, sizeof(address.ip));
  cr_assert_str_eq(address_format(text, &address),
                   "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

Test(address, tells_what_the_kernel_takes_for_this_machine) {
  static const char *const kHere[] = {
      "127.0.0.1", "127.255.0.9", "0.0.0.0",          "0.0.0.1",
      "::1",       "::",          "::ffff:127.0.0.1", "::ffff:0.0.0.0"};
  static const char *const kElsewhere[] = {
      "128.0.0.1", "10.127.0.1", "192.0.2.1",       "::ffff:192.0.2.1",
      "fd00::1",   "7f00::1",    "2001:db8::7f00:1"};
  struct address address;
  for (size_t i = 0; i < sizeof kHere / sizeof kHere[0]; i++) {
    cr_assert(address_from_ip(&address, kHere[i], 80));
    cr_expect(address_leads_to_loopback(&address), "%s", kHere[i]);
  }
  for (size_t i = 0; i < sizeof kElsewhere / sizeof kElsewhere[0]; i++) {
    cr_assert(address_from_ip(&address, kElsewhere[i], 80));
    cr_expect_not(address_leads_to_loopback(&address), "%s", kElsewhere[i]);
  }
}
