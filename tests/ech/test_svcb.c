#include "ech/svcb.h"

#include <criterion/criterion.h>
#include <string.h>

#include "support/hex.h"
#include "support/mutate.h"

// "foo.example.com", as all of RFC 9460's vectors have it.
#define FOO "03 66 6f 6f 07 65 78 61 6d 70 6c 65 03 63 6f 6d 00 "
#define FOO_ORG "03 66 6f 6f 07 65 78 61 6d 70 6c 65 03 6f 72 67 00 "
#define ALPN_H2 "00 01 00 03 02 68 32 "

static bool parse(struct svcb *out, const char *hex) {
  static uint8_t rdata[4096];
  return svcb_parse(out, rdata, hex_decode(rdata, sizeof(rdata), hex));
}

// The service forms of RFC 9460, appendix D.2, and the alias of D.1.
Test(svcb, reads_the_alias_of_rfc_9460) {
  struct svcb s;
  cr_assert(parse(&s, "00 00 " FOO));
  cr_expect_eq(s.priority, 0);
  cr_expect_str_eq(s.target, "foo.example.com");
  cr_expect_eq(s.ech, NULL);
  cr_expect_eq(s.num_hints, 0);
}

Test(svcb, reads_the_owner_name_of_rfc_9460) {
  struct svcb s;
  cr_assert(parse(&s, "00 01 00"));
  cr_expect_eq(s.priority, 1);
  cr_expect_str_eq(s.target, ".");
  cr_expect(s.compatible);
  cr_expect(!s.has_port);
  cr_expect(!s.no_default_alpn);
  cr_expect_eq(s.alpn_len, 0);
}

Test(svcb, reads_the_port_of_rfc_9460) {
  struct svcb s;
  cr_assert(parse(&s, "00 10 " FOO "00 03 00 02 00 35"));
  cr_expect_eq(s.priority, 16);
  cr_expect_str_eq(s.target, "foo.example.com");
  cr_expect(s.has_port);
  cr_expect_eq(s.port, 53);
}

Test(svcb, reads_over_the_unknown_keys_of_rfc_9460) {
  struct svcb s;
  cr_assert(parse(&s, "00 01 " FOO "02 9b 00 05 68 65 6c 6c 6f"));
  cr_expect(s.compatible);
  cr_assert(parse(&s, "00 01 " FOO "02 9b 00 09 68 65 6c 6c 6f d2 71 6f 6f"));
  cr_expect(s.compatible);
  cr_expect_eq(s.priority, 1);
}

Test(svcb, reads_the_ipv6_hints_of_rfc_9460) {
  static const uint8_t kFirst[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x01};
  static const uint8_t kSecond[16] = {0x20, 0x01,        0x0d,
                                      0xb8, [13] = 0x53, [15] = 0x01};
  static const uint8_t kEmbedded[16] = {
      0x20, 0x01, 0x0d,        0xb8, 0x01, 0x22,
      0x03, 0x44, [12] = 0xc0, 0x00, 0x02, 0x21};
  struct svcb s;
  cr_assert(parse(&s, "00 01 " FOO "00 06 00 20 "
                      "20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 "
                      "20 01 0d b8 00 00 00 00 00 00 00 00 00 53 00 01"));
  cr_assert_eq(s.num_hints, 2);
  cr_expect(s.hints[0].is_ipv6);
  cr_expect_arr_eq(s.hints[0].ip, kFirst, 16);
  cr_expect_arr_eq(s.hints[1].ip, kSecond, 16);
  cr_expect_eq(s.hints[0].port, 0);
  cr_assert(parse(&s,
                  "00 01 07 65 78 61 6d 70 6c 65 03 63 6f 6d 00 "
                  "00 06 00 10 "
                  "20 01 0d b8 01 22 03 44 00 00 00 00 c0 00 02 21"));
  cr_expect_str_eq(s.target, "example.com");
  cr_assert_eq(s.num_hints, 1);
  cr_expect_arr_eq(s.hints[0].ip, kEmbedded, 16);
}

Test(svcb, reads_the_mandatory_keys_of_rfc_9460) {
  static const uint8_t kHint[4] = {192, 0, 2, 1};
  struct svcb s;
  cr_assert(parse(&s, "00 10 " FOO_ORG "00 00 00 04 00 01 00 04 "
                      "00 01 00 09 02 68 32 05 68 33 2d 31 39 "
                      "00 04 00 04 c0 00 02 01"));
  cr_expect_str_eq(s.target, "foo.example.org");
  cr_expect(s.compatible);
  cr_expect_eq(s.alpn_len, 9);
  cr_expect_arr_eq(s.alpn, "\2h2\5h3-19", 9);
  cr_assert_eq(s.num_hints, 1);
  cr_expect(!s.hints[0].is_ipv6);
  cr_expect_arr_eq(s.hints[0].ip, kHint, 4);
}

Test(svcb, reads_the_escaped_alpn_of_rfc_9460) {
  struct svcb s;
  cr_assert(parse(
      &s, "00 10 " FOO_ORG "00 01 00 0c 08 66 5c 6f 6f 2c 62 61 72 02 68 32"));
  cr_expect_eq(s.alpn_len, 12);
  cr_expect_arr_eq(s.alpn, "\010f\\oo,bar\2h2", 12);
}

Test(svcb, refuses_the_failure_cases_of_rfc_9460) {
  static const char *const kCases[] = {
      // key123=abc key123=def
      "00 01 " FOO "00 7b 00 03 61 62 63 00 7b 00 03 64 65 66",
      // mandatory, alpn, port, ipv4hint and ipv6hint without a value
      "00 01 " FOO "00 00 00 00",
      "00 01 " FOO "00 01 00 00",
      "00 01 " FOO "00 03 00 00",
      "00 01 " FOO "00 04 00 00",
      "00 01 " FOO "00 06 00 00",
      // no-default-alpn=abc, without and with an alpn
      "00 01 " FOO "00 02 00 03 61 62 63",
      "00 01 " FOO ALPN_H2 "00 02 00 03 61 62 63",
      // mandatory=key123 without key123
      "00 01 " FOO "00 00 00 02 00 7b",
      // mandatory=mandatory
      "00 01 " FOO "00 00 00 02 00 00",
      // mandatory=key123,key123 key123=abc
      "00 01 " FOO "00 00 00 04 00 7b 00 7b 00 7b 00 03 61 62 63",
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct svcb s;
    cr_expect(!parse(&s, kCases[i]), "%s", kCases[i]);
  }
}

Test(svcb, refuses_other_malformed_parameters) {
  static const char *const kCases[] = {
      "",
      "00",
      "00 01",
      // keys that descend, also those that nobody knows
      "00 01 00 00 03 00 02 01 bb " ALPN_H2,
      "00 01 00 02 9b 00 00 02 9a 00 00",
      // the invalid key
      "00 01 00 ff ff 00 00",
      // a header, a length or a value that is cut off
      "00 01 00 00",
      "00 01 00 00 03 00",
      "00 01 00 00 03 00 02 01",
      "00 01 00 02 9b 00 05 01",
      // mandatory: half a key, descending, one present and one not
      "00 01 00 00 00 00 03 00 01 00 " ALPN_H2,
      "00 01 00 00 00 00 04 00 03 00 01 " ALPN_H2 "00 03 00 02 01 bb",
      "00 01 00 00 00 00 04 00 01 00 03 " ALPN_H2,
      "00 01 00 00 00 00 04 00 01 00 03 " ALPN_H2 "00 04 00 04 01 02 03 04",
      "00 01 00 00 00 00 02 ff ff",
      // alpn: an empty id, an id that is cut off
      "00 01 00 00 01 00 01 00",
      "00 01 00 00 01 00 04 02 68 32 00",
      "00 01 00 00 01 00 03 03 68 32",
      // no-default-alpn without alpn
      "00 01 00 00 02 00 00",
      "00 01 00 00 02 00 00 00 03 00 02 01 bb",
      // port of 1 and 3 octets
      "00 01 00 00 03 00 01 35",
      "00 01 00 00 03 00 03 00 35 00",
      // hints that are no addresses
      "00 01 00 00 04 00 03 c0 00 02",
      "00 01 00 00 04 00 05 c0 00 02 01 00",
      "00 01 00 00 06 00 04 c0 00 02 01",
      "00 01 00 00 06 00 11 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 00",
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct svcb s;
    cr_expect(!parse(&s, kCases[i]), "%s", kCases[i]);
  }
}

Test(svcb, refuses_a_target_that_is_no_host_name) {
  static const char *const kCases[] = {
      "00 01 c0 0c",              // compressed
      "00 01 03 66 6f 6f",        // no end
      "00 01 03 66 6f 6f c0 0c",  // compressed tail
      "00 01 40 61 00",           // reserved label type
      "00 01 03 66 2e 6f 00",     // "f.o"
      "00 01 03 66 5c 6f 00",     // "f\o"
      "00 01 03 66 00 6f 00",     // NUL
      "00 01 03 66 20 6f 00",     // space
      "00 01 03 66 c3 bc 00",     // UTF-8
      "00 01 01 2a 00",           // "*"
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct svcb s;
    cr_expect(!parse(&s, kCases[i]), "%s", kCases[i]);
  }
}

Test(svcb, writes_the_target_in_lower_case) {
  struct svcb s;
  cr_assert(parse(&s, "00 01 05 5f 38 34 34 33 06 5f 48 54 54 50 73 01 41 00"));
  cr_expect_str_eq(s.target, "_8443._https.a");
}

Test(svcb, bounds_the_length_of_the_target) {
  // Labels of 63, 63, 63 and `last` octets.
  for (size_t last = 60; last <= 63; last++) {
    uint8_t rdata[300] = {0, 1};
    size_t len = 2;
    for (int i = 0; i < 4; i++) {
      size_t label_len = i == 3 ? last : 63;
      rdata[len++] = (uint8_t)label_len;
      memset(rdata + len, 'a', label_len);
      len += label_len;
    }
    rdata[len++] = 0;
    struct svcb s;
    bool fits = last <= 61;  // 3 * 64 + 61 = 253
    cr_expect_eq(svcb_parse(&s, rdata, len), fits, "%zu", last);
    cr_expect(!fits || strlen(s.target) == 3 * 64 + last);
  }
}

Test(svcb, knows_which_mandatory_keys_it_understands) {
  struct svcb s;
  cr_assert(parse(&s, "00 01 00 00 00 00 06 00 01 00 03 00 05 " ALPN_H2
                      "00 03 00 02 20 fb 00 05 00 01 00"));
  cr_expect(s.compatible);
  cr_expect_eq(s.port, 8443);
  // key7, and key667 with other keys passed over on the way.
  cr_assert(parse(&s, "00 01 00 00 00 00 02 00 07 00 07 00 00"));
  cr_expect(!s.compatible);
  cr_assert(parse(&s, "00 01 00 00 00 00 04 00 01 02 9b " ALPN_H2
                      "00 03 00 02 20 fb 02 9b 00 00"));
  cr_expect(!s.compatible);
}

Test(svcb, takes_no_default_alpn_beside_alpn) {
  struct svcb s;
  cr_assert(parse(&s, "00 01 00 " ALPN_H2 "00 02 00 00"));
  cr_expect(s.no_default_alpn);
}

Test(svcb, hands_out_ech_as_it_stands) {
  struct svcb s;
  cr_assert(parse(&s, "00 01 00 00 05 00 03 de ad 00"));
  cr_expect_eq(s.ech_len, 3);
  cr_expect_arr_eq(s.ech, "\xde\xad", 3);
  cr_assert(parse(&s, "00 01 00 00 05 00 00"));
  cr_expect_neq(s.ech, NULL);
  cr_expect_eq(s.ech_len, 0);
}

Test(svcb, ignores_values_in_alias_mode) {
  struct svcb s;
  cr_assert(parse(&s, "00 00 " FOO "00 03 00 01 35 00 05 00 01 00"));
  cr_expect(!s.has_port);
  cr_expect_eq(s.ech, NULL);
  cr_expect(!parse(&s, "00 00 " FOO "00 03 00 09 35"));
  cr_expect(!parse(&s, "00 00 " FOO "00 05 00 00 00 03 00 00"));
}

Test(svcb, drops_hints_over_its_limit) {
  uint8_t rdata[512] = {0, 1, 0, 0, 4, 0, 4 * (kSvcbMaxHints + 3)};
  struct svcb s;
  cr_assert(svcb_parse(&s, rdata, 7 + 4 * (kSvcbMaxHints + 3)));
  cr_expect_eq(s.num_hints, kSvcbMaxHints);
}

Test(svcb, leaves_its_output_alone_when_it_fails) {
  struct svcb s = {.port = 1234};
  cr_assert(!parse(&s, "00 01 00 00 03 00 02 01 bb 00 03 00 02 01 bb"));
  cr_expect_eq(s.port, 1234);
}

// expect_sane touches all that the parser hands out.
static void expect_sane(void *owner, const uint8_t *rdata, size_t len) {
  size_t *num_good = owner;
  struct svcb s;
  if (!svcb_parse(&s, rdata, len)) {
    return;
  }
  bool inside = (s.alpn == NULL || (s.alpn >= rdata && s.alpn_len <= len &&
                                    s.alpn + s.alpn_len <= rdata + len)) &&
                (s.ech == NULL || (s.ech >= rdata && s.ech_len <= len &&
                                   s.ech + s.ech_len <= rdata + len)) &&
                s.num_hints <= kSvcbMaxHints && strlen(s.target) < kDnsNameSize;
  if (!inside) {
    cr_assert_fail("points outside the record");
  }
  (*num_good)++;
}

Test(svcb, survives_every_truncation_and_change) {
  uint8_t rdata[256];
  size_t len =
      hex_decode(rdata, sizeof(rdata),
                 "00 10 " FOO
                 "00 00 00 04 00 01 00 04 "
                 "00 01 00 0c 02 68 32 08 68 74 74 70 2f 31 2e 31 00 02 00 00 "
                 "00 03 00 02 20 fb 00 04 00 08 c0 00 02 01 c0 00 02 02 "
                 "00 05 00 06 00 04 fe 0d 00 00 "
                 "00 06 00 10 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 "
                 "02 9b 00 02 68 69");
  size_t num_good = 0;
  expect_sane(&num_good, rdata, len);
  cr_assert_eq(num_good, 1);
  mutate_truncate(rdata, len, expect_sane, &num_good);
  mutate_insert(rdata, len, expect_sane, &num_good);
  mutate_change(rdata, len, expect_sane, &num_good);
  cr_expect_gt(num_good, 1);
}
