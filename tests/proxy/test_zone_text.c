#include "proxy/zone_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support/leaks.h"
#include "support/mutate.h"

// Base64 of 00 02 fe 0d: what it says is not zone_text's concern.
#define LIST "AAL+DQ=="

static const uint8_t kList[] = {0x00, 0x02, 0xfe, 0x0d};

Test(zone_text, finds_the_configuration_in_every_form_of_a_record) {
  static const char *const kForms[] = {
      "ech=" LIST,
      "ech=\"" LIST "\"\n",
      "ECH=" LIST,
      "alpn=h2 ech=" LIST " ipv6hint=::1",
      "alpn=\"h2,http/1.1\" no-default-alpn ech=" LIST,
      "1 . alpn=h2 ech=" LIST,
      "secret.example. 1800 IN HTTPS 1 . ech=" LIST,
      "secret.example. IN 1800 https 1 . alpn=h2 ech=" LIST,
      "secret.example. HTTPS 16 pool.example. ech=" LIST " port=8443",
      "_8443._https.secret.example.\tTYPE65\t1\t.\tech=" LIST "\r\n",
      "; a comment\n\nsecret.example. HTTPS ( 1 . ; why\n ech=" LIST " )\n",
      "HTTPS 1 . key5=\\000\\002\\254\\013",
      "1 . alpn=\"a b;(c\" ech=" LIST " ; the end",
      // What RFC 3597 makes of it: priority 1, the root, key 5.
      "secret.example. 1800 IN TYPE65 \\# 11 0001 00 0005 0004 0002fe0d",
      "secret.example. HTTPS \\# 11 00010000050004 0002FE0D\n",
      "\\# 11 0001000005000400 02fe0d",
  };
  for (size_t i = 0; i < sizeof(kForms) / sizeof(kForms[0]); i++) {
    struct zone_text_fault fault = {0, NULL};
    uint8_t *out = NULL;
    size_t len = 0;
    size_t text_len = strlen(kForms[i]);
    cr_expect(zone_text_found(kForms[i], text_len), "%s", kForms[i]);
    cr_assert(zone_text_parse(&out, &len, kForms[i], text_len, &fault),
              "%s: at %zu: %s", kForms[i], fault.offset, fault.expected);
    cr_assert_eq(len, sizeof(kList), "%s", kForms[i]);
    cr_assert_arr_eq(out, kList, len);
    free(out);
  }
  cr_assert(leaks_none());
}

Test(zone_text, says_at_which_byte_a_record_goes_wrong) {
  static const struct {
    const char *text;
    size_t offset;
    const char *expected;
  } kWrong[] = {
      {"ech=A!AA", 5, "base64"},
      {"1 . ech=\"A!AA\"", 10, "base64"},
      {"ech=", 4, "base64"},
      {"1 . ech", 7, "base64"},
      {"1 . alpn=h2 HTTPS", 17, "the data"},
      {"a. HTTPS x . ech=" LIST, 9, "a priority"},
      {"a. HTTPS 0 b.", 9, "a priority from 1"},
      {"a. HTTPS 65536 . ech=" LIST, 9, "a priority"},
      {"a. HTTPS 1 .", 12, "ech= in the record"},
      {"a. HTTPS 1", 10, "ech= in the record"},
      {"a. HTTPS", 8, "the data"},
      {"1 . ech=" LIST " ech=" LIST, 17, "no more than once"},
      {"1 . ech=" LIST " key5=x", 17, "no more than once"},
      {"1 . al_pn=h2 ech=" LIST, 4, "a SvcParam"},
      {"1 . =h2 ech=" LIST, 4, "a SvcParam"},
      {"1 . alpn=\"h2 ech=" LIST, 25, "\" at the end"},
      {"1 . ( ech=" LIST, 18, ") at the end"},
      {"1 . ) ech=" LIST, 4, "no ) without"},
      {"1 . key5=\\25", 9, "three digits"},
      {"1 . key5=\\256", 9, "up to 255"},
      {"1 . ech=" LIST "\na. HTTPS 1 . ech=" LIST, 17, "one record"},
      {"a. TYPE65 \\#", 12, "the number of octets"},
      {"a. TYPE65 \\# x", 13, "the number of octets"},
      {"a. TYPE65 \\# 2 0001", 15, "the data of an HTTPS record"},
      {"a. TYPE65 \\# 3 000100", 15, "a record with ech"},
      {"a. TYPE65 \\# 4 000100", 13, "octets that follow"},
      {"a. TYPE65 \\# 3 0001zz", 19, "hexadecimal"},
      {"a. TYPE65 \\# 3 00010", 20, "two hexadecimal digits"},
  };
  for (size_t i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); i++) {
    struct zone_text_fault fault = {0, NULL};
    uint8_t *out = NULL;
    size_t len = 0;
    const char *text = kWrong[i].text;
    cr_assert_not(zone_text_parse(&out, &len, text, strlen(text), &fault), "%s",
                  text);
    cr_assert_not_null(fault.expected, "%s", text);
    cr_expect(strstr(fault.expected, kWrong[i].expected), "%s: %s", text,
              fault.expected);
    cr_expect_eq(fault.offset, kWrong[i].offset, "%s: %zu", text, fault.offset);
  }
  cr_assert(leaks_none());
}

Test(zone_text, takes_nothing_else_for_a_record) {
  static const char *const kOthers[] = {
      "", LIST, "httpss", "speech=1", "-----BEGIN ECHCONFIG-----", "#"};
  for (size_t i = 0; i < sizeof(kOthers) / sizeof(kOthers[0]); i++) {
    cr_expect_not(zone_text_found(kOthers[i], strlen(kOthers[i])), "%s",
                  kOthers[i]);
  }
}

static void reads_or_refuses(void *owner, const uint8_t *text, size_t len) {
  struct zone_text_fault fault;
  uint8_t *out = NULL;
  size_t out_len;
  size_t *num_refused = owner;
  if (zone_text_parse(&out, &out_len, (const char *)text, len, &fault)) {
    free(out);
    return;
  }
  cr_assert_not_null(fault.expected);
  cr_assert(fault.offset <= len);
  ++*num_refused;
}

Test(zone_text, reads_or_refuses_whatever_changes) {
  static const char kText[] =
      "a. 1 IN HTTPS ( 1 . key5=\"\\000\\001\" alpn=h2 ) ; x";
  static const char kGeneric[] = "a. TYPE65 \\# 11 00010000050004 0002fe0d";
  size_t num = 0;
  mutate_truncate((const uint8_t *)kText, sizeof(kText) - 1, reads_or_refuses,
                  &num);
  mutate_change((const uint8_t *)kText, sizeof(kText) - 1, reads_or_refuses,
                &num);
  mutate_change((const uint8_t *)kGeneric, sizeof(kGeneric) - 1,
                reads_or_refuses, &num);
  mutate_insert((const uint8_t *)kGeneric, sizeof(kGeneric) - 1,
                reads_or_refuses, &num);
  cr_assert_gt(num, 1000);
}

Test(zone_text, bounds_the_words_of_a_record) {
  char text[1024] = "";
  for (int i = 0; i < kZoneTextMaxTokens + 1; i++) {
    strcat(text, "a ");
  }
  struct zone_text_fault fault;
  uint8_t *out;
  size_t len;
  cr_assert_not(zone_text_parse(&out, &len, text, strlen(text), &fault));
  cr_assert_eq(fault.offset, 2 * kZoneTextMaxTokens);
}
