#include "ech/wire_name.h"

#include <criterion/criterion.h>
#include <string.h>

Test(wire_name, brings_text_into_one_form) {
  char name[kDnsNameSize];
  cr_assert(wire_name_normalize(name, "WWW.Example"));
  cr_expect_str_eq(name, "www.example");
  cr_assert(wire_name_normalize(name, "_8443._https.xn--bcher-kva"));
  cr_expect_str_eq(name, "_8443._https.xn--bcher-kva");
  cr_assert(wire_name_normalize(name, "a"));
  cr_expect_str_eq(name, "a");
}

Test(wire_name, refuses_text_that_is_no_name) {
  static const char *const kCases[] = {
      "",
      ".",
      ".a",
      "a.",
      "a..b",
      "a b",
      "a\\.b",
      "a/b",
      "a:1",
      "*.a",
      "\xc3\xbc",
      "a\n",
      "[::1]",
      "a@b",
      // A label of 64 octets.
      "1234567890123456789012345678901234567890123456789012345678901234.a",
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    char name[kDnsNameSize] = "untouched";
    cr_expect(!wire_name_normalize(name, kCases[i]), "%s", kCases[i]);
    cr_expect_str_eq(name, "untouched");
  }
}

Test(wire_name, takes_253_characters_and_no_more) {
  char text[300];
  char name[kDnsNameSize];
  memset(text, 'a', sizeof(text));
  for (size_t i = 63; i < sizeof(text); i += 64) {
    text[i] = '.';
  }
  text[254] = '\0';
  cr_expect(!wire_name_normalize(name, text));
  text[253] = '\0';
  cr_expect(wire_name_normalize(name, text));
  cr_expect_str_eq(name, text);
}

Test(wire_name, reads_back_what_it_writes) {
  static const char *const kNames[] = {"a", "www.example", "_1._https.a-b.c"};
  for (size_t i = 0; i < sizeof(kNames) / sizeof(kNames[0]); i++) {
    uint8_t wire[256];
    size_t len;
    CBB cbb;
    CBS cbs;
    char name[kDnsNameSize];
    cr_assert(CBB_init_fixed(&cbb, wire, sizeof(wire)));
    cr_assert(wire_name_write(&cbb, kNames[i]));
    cr_assert(CBB_finish(&cbb, NULL, &len));
    cr_expect_eq(len, strlen(kNames[i]) + 2);
    CBS_init(&cbs, wire, len);
    cr_assert(wire_name_read(name, &cbs));
    cr_expect_eq(CBS_len(&cbs), 0);
    cr_expect_str_eq(name, kNames[i]);
  }
}

Test(wire_name, fails_when_there_is_no_room) {
  uint8_t wire[5];
  CBB cbb;
  cr_assert(CBB_init_fixed(&cbb, wire, sizeof(wire)));
  cr_expect(!wire_name_write(&cbb, "example"));
  CBB_cleanup(&cbb);
}

Test(wire_name, reads_the_root_as_a_dot) {
  CBS cbs;
  char name[kDnsNameSize];
  CBS_init(&cbs, (const uint8_t *)"\0rest", 5);
  cr_assert(wire_name_read(name, &cbs));
  cr_expect_str_eq(name, ".");
  cr_expect_eq(CBS_len(&cbs), 4);
}
