#include "ech/client_hello.h"

#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <string.h>

#include "support/client_side.h"
#include "support/hex_hello.h"
#include "support/mutate.h"

enum { kMaxLen = kHexHelloSize };

static bool parse(struct client_hello *out, const char *extensions) {
  static uint8_t message[kMaxLen];
  return client_hello_parse(out, message, hex_hello(message, extensions));
}

// boringssl_hello is what a client of BoringSSL sends for secret.example.
static size_t boringssl_hello(uint8_t out[kMaxLen], uint16_t min_version,
                              uint16_t max_version, bool grease) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  SSL *ssl = SSL_new(ctx);
  SSL_set_min_proto_version(ssl, min_version);
  SSL_set_max_proto_version(ssl, max_version);
  SSL_set_tlsext_host_name(ssl, "secret.example");
  SSL_set_alpn_protos(ssl, (const uint8_t *)"\2h2\10http/1.1", 12);
  SSL_set_enable_ech_grease(ssl, grease);
  size_t len = client_side_hello(ssl, out, kMaxLen);
  SSL_CTX_free(ctx);
  cr_assert_gt(len, 0);
  return len;
}

Test(client_hello, reads_what_boringssl_sends) {
  uint8_t message[kMaxLen];
  struct client_hello hello;
  size_t len = boringssl_hello(message, TLS1_2_VERSION, TLS1_3_VERSION, false);
  cr_assert(client_hello_parse(&hello, message, len));
  cr_expect_str_eq(hello.server_name, "secret.example");
  cr_expect_eq(hello.ech, CLIENT_HELLO_NO_ECH);
  cr_expect_eq(hello.alpn_len, 12);
  cr_expect_arr_eq(hello.alpn, "\2h2\10http/1.1", 12);
  cr_expect(hello.alpn > message && hello.alpn + 12 <= message + len);
  cr_expect(hello.offers_tls13);
  cr_expect(hello.offers_tls12);
}

Test(client_hello, tells_the_versions_offered) {
  uint8_t message[kMaxLen];
  struct client_hello hello;
  size_t len = boringssl_hello(message, TLS1_3_VERSION, TLS1_3_VERSION, false);
  cr_assert(client_hello_parse(&hello, message, len));
  cr_expect(hello.offers_tls13);
  cr_expect(!hello.offers_tls12);
  len = boringssl_hello(message, TLS1_2_VERSION, TLS1_2_VERSION, false);
  cr_assert(client_hello_parse(&hello, message, len));
  cr_expect(!hello.offers_tls13);
  cr_expect(hello.offers_tls12);
  // Only GREASE, and only a version that does not exist yet.
  cr_assert(parse(&hello, "002b 0005 04 3a3a 0305"));
  cr_expect(!hello.offers_tls13);
  cr_expect(!hello.offers_tls12);
}

Test(client_hello, takes_grease_for_ech) {
  uint8_t message[kMaxLen];
  struct client_hello hello;
  size_t len = boringssl_hello(message, TLS1_3_VERSION, TLS1_3_VERSION, true);
  cr_assert(client_hello_parse(&hello, message, len));
  cr_expect_eq(hello.ech, CLIENT_HELLO_ECH_OUTER);
  cr_expect_gt(hello.ech_payload_len, 100);
  cr_expect_str_eq(hello.server_name, "secret.example");
}

Test(client_hello, reads_a_hello_without_extensions) {
  struct client_hello hello;
  cr_assert(parse(&hello, NULL));
  cr_expect_str_eq(hello.server_name, "");
  cr_expect_eq(hello.alpn, NULL);
  cr_expect(hello.offers_tls12);
  cr_assert(parse(&hello, ""));
  cr_expect_str_eq(hello.server_name, "");
}

Test(client_hello, reads_ech) {
  struct client_hello hello;
  cr_assert(parse(&hello, "fe0d 000d 00 0001 0003 2a 0001 aa 0002 bbbb"));
  cr_expect_eq(hello.ech, CLIENT_HELLO_ECH_OUTER);
  cr_expect_eq(hello.ech_config_id, 0x2a);
  cr_expect_eq(hello.ech_payload_len, 2);
  // The second hello, after a HelloRetryRequest.
  cr_assert(parse(&hello, "fe0d 000b 00 0001 0003 2a 0000 0001 bb"));
  cr_expect_eq(hello.ech, CLIENT_HELLO_ECH_OUTER);
  cr_assert(parse(&hello, "fe0d 0001 01"));
  cr_expect_eq(hello.ech, CLIENT_HELLO_ECH_INNER);
}

Test(client_hello, refuses_junk_in_extensions) {
  static const char *const kCases[] = {
      // the block itself
      "00", "0000 00", "1234 0001",
      // an extension twice, known or not
      "1234 0000 1234 0000", "fe0d 0001 01 fe0d 0001 01",
      "0000 0006 0004 00 0001 61 0000 0006 0004 00 0001 61",
      // server_name
      "0000 0000", "0000 0002 0000",
      "0000 0005 0003 00 0000",                // empty
      "0000 0006 0004 01 0001 61",             // not a host_name
      "0000 000a 0008 00 0001 61 00 0001 62",  // two
      "0000 0007 0004 00 0001 61 00",          // left over
      "0000 0006 0005 00 0001 61",             // cut off
      "0000 0006 0004 00 0002 61",             // cut off
      "0000 0008 0006 00 0003 61 00 62",       // NUL
      "0000 0008 0006 00 0003 61 20 62",       // space
      "0000 0008 0006 00 0003 61 1b 62",       // escape
      "0000 0007 0005 00 0002 c3bc",           // UTF-8
      // alpn
      "0010 0000", "0010 0002 0000", "0010 0003 0001 00",
      "0010 0005 0003 02 6832 00", "0010 0005 0003 03 6832",
      "0010 0006 0003 02 6832 00",
      // supported_versions
      "002b 0000", "002b 0001 00", "002b 0002 01 03", "002b 0004 03 0304 03",
      "002b 0004 02 0304 00",
      // encrypted_client_hello
      "fe0d 0000", "fe0d 0001 00", "fe0d 0001 02", "fe0d 0002 01 00",
      "fe0d 000a 00 0001 0003 2a 0000 0000",        // no payload
      "fe0d 000c 00 0001 0003 2a 0000 0001 bb 00",  // left over
      "fe0d 000b 00 0001 0003 2a 0000 0002 bb",     // cut off
      "fe0d 000b 00 0001 0003 2a 0004 0001 bb",     // cut off
  };
  struct client_hello hello;
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    cr_expect(!parse(&hello, kCases[i]), "%s", kCases[i]);
  }
}

Test(client_hello, bounds_the_server_name) {
  for (unsigned name_len = 254; name_len <= 257; name_len++) {
    uint8_t message[kMaxLen];
    char text[2048];
    int used = snprintf(text, sizeof(text), "0000 %04x %04x 00 %04x",
                        name_len + 5, name_len + 3, name_len);
    for (unsigned i = 0; i < name_len; i++) {
      used += snprintf(text + used, sizeof(text) - (size_t)used, "61");
    }
    struct client_hello hello;
    bool fits = name_len < kClientHelloNameSize;
    size_t len = hex_hello(message, text);
    cr_expect_eq(client_hello_parse(&hello, message, len), fits);
    cr_expect(!fits || strlen(hello.server_name) == name_len);
  }
}

Test(client_hello, refuses_other_messages) {
  uint8_t message[kMaxLen];
  struct client_hello hello;
  size_t len = hex_hello(message, NULL);
  cr_assert(client_hello_parse(&hello, message, len));
  message[0] = 2;
  cr_expect(!client_hello_parse(&hello, message, len), "a ServerHello");
  message[0] = 1;
  cr_expect(!client_hello_parse(&hello, message, len + 1), "one octet more");
  // The session id's length, the cipher suites' and the compressions'.
  message[38] = 33;
  cr_expect(!client_hello_parse(&hello, message, len));
  message[38] = 0;
  message[40] = 1;
  cr_expect(!client_hello_parse(&hello, message, len));
  message[40] = 0;
  cr_expect(!client_hello_parse(&hello, message, len));
}

static void expect_sane(void *owner, const uint8_t *bytes, size_t len) {
  size_t *num_good = owner;
  struct client_hello hello;
  if (!client_hello_parse(&hello, bytes, len)) {
    return;
  }
  if (hello.alpn != NULL &&
      (hello.alpn < bytes || hello.alpn > bytes + len ||
       hello.alpn_len > (size_t)(bytes + len - hello.alpn))) {
    cr_assert_fail("points outside the message");
  }
  if (strlen(hello.server_name) >= kClientHelloNameSize ||
      hello.ech_payload_len > len) {
    cr_assert_fail("longer than it can be");
  }
  (*num_good)++;
}

Test(client_hello, survives_every_truncation_and_change) {
  uint8_t message[kMaxLen];
  size_t num_good = 0;
  size_t len = boringssl_hello(message, TLS1_2_VERSION, TLS1_3_VERSION, true);
  expect_sane(&num_good, message, len);
  cr_assert_eq(num_good, 1);
  mutate_truncate(message, len, expect_sane, &num_good);
  mutate_insert(message, len, expect_sane, &num_good);
  cr_expect_eq(num_good, 1, "a hello has the length that it says");
  mutate_change(message, len, expect_sane, &num_good);
  cr_expect_gt(num_good, 1);
}
