#include "keys/ech_record.h"

#include <criterion/criterion.h>
#include <openssl/mem.h>

#include "keys/support.h"

static const uint8_t kList[] = {0x00, 0x03, 0x61, 0x62, 0x63};  // AANhYmM=

static struct ech_record *make(const char *name, uint16_t port,
                               const char *alpn) {
  struct key_error error = {""};
  struct ech_record *record =
      ech_record_new(name, port, 300, alpn, kList, sizeof(kList), &error);
  cr_expect((record == NULL) ==
            (error.text[0] != '\0' && strstr(error.text, "memory") == NULL));
  return record;
}

static void expect_text(char *text, const char *wanted) {
  cr_assert_not_null(text);
  cr_expect_str_eq(text, wanted);
  OPENSSL_free(text);
}

Test(ech_record, is_written_in_three_forms) {
  struct ech_record *record = make("a.example", 443, "h2,http/1.1");
  expect_text(ech_record_zone_line(record),
              "a.example. 300 IN HTTPS 1 . alpn=\"h2,http/1.1\" ech=AANhYmM=");
  expect_text(ech_record_generic_line(record),
              "a.example. 300 IN TYPE65 \\# 28 "
              "0001"
              "00"
              "0001000c"
              "026832"
              "08687474702f312e31"
              "00050005"
              "0003616263");
  expect_text(ech_record_nsupdate(record),
              "update delete a.example. TYPE65\n"
              "update add a.example. 300 TYPE65 \\# 28 "
              "0001"
              "00"
              "0001000c"
              "026832"
              "08687474702f312e31"
              "00050005"
              "0003616263\n"
              "send\n");
  cr_expect_str_eq(ech_record_target(record), "");
  cr_expect_str_eq(ech_record_base64(record), "AANhYmM=");
  ech_record_free(record);
  ech_record_free(NULL);
  cr_assert(no_leaks());
}

Test(ech_record, for_a_port_stands_at_another_name) {
  struct ech_record *record = make("a.example.", 8443, "");
  expect_text(ech_record_zone_line(record),
              "_8443._https.a.example. 300 IN HTTPS 1 a.example. "
              "ech=AANhYmM=");
  expect_text(ech_record_generic_line(record),
              "_8443._https.a.example. 300 IN TYPE65 \\# 22 "
              "0001"
              "0161076578616d706c6500"
              "00050005"
              "0003616263");
  cr_expect_str_eq(ech_record_target(record), "a.example");
  ech_record_free(record);
  cr_assert(no_leaks());
}

Test(ech_record, may_be_for_a_wildcard_of_the_default_port) {
  struct ech_record *record = make("*.example", 443, "h3");
  expect_text(ech_record_zone_line(record),
              "*.example. 300 IN HTTPS 1 . alpn=\"h3\" ech=AANhYmM=");
  ech_record_free(record);
  cr_expect_null(make("*.example", 444, "h3"));
}

Test(ech_record, refuses_what_no_zone_can_hold) {
  static const char *const kNames[] = {"",    ".", "a b", "a\nb",  "a;b",
                                       "a..", "*", "a\"", "a.*.b", "1.2.3.4"};
  static const char *const kAlpn[] = {",",     "h2,",    ",h2",  "h2,,h3",
                                      "h2 h3", "h2\"",   "h\\2", "h2\nx",
                                      "(",     "h2;http"};
  for (size_t i = 0; i < sizeof(kNames) / sizeof(kNames[0]); i++) {
    cr_expect_null(make(kNames[i], 443, "h2"), "%s", kNames[i]);
  }
  for (size_t i = 0; i < sizeof(kAlpn) / sizeof(kAlpn[0]); i++) {
    cr_expect_null(make("a.example", 443, kAlpn[i]), "%s", kAlpn[i]);
  }
  char long_name[300];
  memset(long_name, 'a', sizeof(long_name));
  for (size_t i = 63; i < sizeof(long_name); i += 64) {
    long_name[i] = '.';
  }
  long_name[253] = '\0';
  struct ech_record *record = make(long_name, 443, "h2");
  cr_expect_not_null(record, "a name of 253 octets");
  ech_record_free(record);
  cr_expect_null(make(long_name, 8443, "h2"), "no room for the port");
  char long_alpn[300];
  memset(long_alpn, 'a', sizeof(long_alpn));
  long_alpn[256] = '\0';
  cr_expect_null(make("a.example", 443, long_alpn));
  cr_assert(no_leaks());
}

Test(ech_record, refuses_a_list_that_is_too_long) {
  struct key_error error;
  uint8_t *list = calloc(1, 65536);
  cr_expect_null(ech_record_new("a.example", 443, 1, "", list, 65536, &error));
  cr_expect(strstr(error.text, "65536"));
  free(list);
}
