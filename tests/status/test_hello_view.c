#include "status/hello_view.h"

#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <string.h>

#include "ech/ech_keys.h"
#include "net/xalloc.h"
#include "support/client_side.h"
#include "support/hex_hello.h"
#include "support/mutate.h"

enum { kMaxLen = kHexHelloSize, kHeadFields = 7 };

static const struct hello_field *find(const struct hello_view *view,
                                      const char *name) {
  for (size_t i = 0; i < view->num_fields; i++) {
    if (strcmp(view->fields[i].name, name) == 0) {
      return &view->fields[i];
    }
  }
  return NULL;
}

static const char *value_of(const struct hello_view *view, const char *name) {
  const struct hello_field *field = find(view, name);
  return field == NULL ? "no such field" : field->value;
}

static const struct hello_field *last(const struct hello_view *view) {
  cr_assert_gt(view->num_fields, 0);
  return &view->fields[view->num_fields - 1];
}

// expect_whole says that each of `len` octets is in one field, in their order,
// and that every value can be shown.
static void expect_whole(const struct hello_view *view, size_t len) {
  size_t offset = 0;
  for (size_t i = 0; i < view->num_fields; i++) {
    const struct hello_field *field = &view->fields[i];
    cr_assert_eq(field->offset, offset, "%s", field->name);
    offset += field->len;
    cr_assert_neq(field->name[0], '\0');
    cr_assert_neq(field->value[0], '\0', "%s", field->name);
    for (const char *c = field->value; *c != '\0'; c++) {
      cr_assert(*c >= ' ' && *c < 0x7f, "%s", field->value);
    }
  }
  cr_assert_eq(offset, len);
  cr_assert_eq(view->message_len, len);
}

// expect_value reads a hello of the one extension that is given in hex.
static void expect_value(const char *extension, int32_t code, const char *name,
                         const char *value) {
  uint8_t message[kMaxLen];
  struct hello_view view;
  size_t len = hex_hello(message, extension);
  hello_view_init(&view, message, len);
  cr_assert_eq(view.num_fields, kHeadFields + 2, "%s", extension);
  const struct hello_field *field = last(&view);
  cr_expect_str_eq(field->name, name);
  cr_expect_eq(field->code, code, "%s", name);
  cr_expect_str_eq(field->value, value);
  cr_expect_eq(field->offset + field->len, len);
  expect_whole(&view, len);
  hello_view_cleanup(&view);
}

Test(hello_view, shows_what_comes_before_the_extensions) {
  static const struct {
    const char *name;
    const char *value;
    size_t offset;
    size_t len;
  } kFields[] = {
      {"msg_type", "client_hello (1)", 0, 1},
      {"length", "43 octets", 1, 3},
      {"legacy_version", "TLS 1.2", 4, 2},
      {"random",
       "0000000000000000000000000000000000000000000000000000000000000000", 6,
       32},
      {"legacy_session_id", "empty", 38, 1},
      {"cipher_suites", "TLS_AES_128_GCM_SHA256", 39, 4},
      {"legacy_compression_methods", "null", 43, 2},
      {"extensions", "0 octets", 45, 2},
  };
  uint8_t message[kMaxLen];
  struct hello_view view;
  hello_view_init(&view, message, hex_hello(message, ""));
  cr_assert_eq(view.num_fields, sizeof(kFields) / sizeof(kFields[0]));
  cr_expect_eq(view.message_len, 47);
  for (size_t i = 0; i < view.num_fields; i++) {
    cr_expect_str_eq(view.fields[i].name, kFields[i].name);
    cr_expect_str_eq(view.fields[i].value, kFields[i].value);
    cr_expect_eq(view.fields[i].code, -1);
    cr_expect_eq(view.fields[i].offset, kFields[i].offset);
    cr_expect_eq(view.fields[i].len, kFields[i].len);
  }
  hello_view_cleanup(&view);
}

Test(hello_view, reads_a_hello_without_extensions) {
  uint8_t message[kMaxLen];
  struct hello_view view;
  size_t len = hex_hello(message, NULL);
  hello_view_init(&view, message, len);
  cr_expect_eq(view.num_fields, kHeadFields);
  expect_whole(&view, len);
  hello_view_cleanup(&view);
}

Test(hello_view, shows_session_id_and_cipher_suites) {
  uint8_t message[kMaxLen];
  struct hello_view view;
  size_t len = hex_decode(
      message, sizeof(message),
      "01 000039 0301 "
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff "
      "03 abcdef 000e 1a1a 1302 c02b 009e 00ff 1303 9999 02 0001");
  hello_view_init(&view, message, len);
  expect_whole(&view, len);
  cr_expect_str_eq(value_of(&view, "legacy_version"), "TLS 1.0");
  cr_expect_str_eq(
      value_of(&view, "random"),
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff");
  cr_expect_str_eq(value_of(&view, "legacy_session_id"), "abcdef");
  cr_expect_str_eq(
      value_of(&view, "cipher_suites"),
      "GREASE, TLS_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,"
      " TLS_DHE_RSA_WITH_AES_128_GCM_SHA256, TLS_EMPTY_RENEGOTIATION_INFO_SCSV,"
      " TLS_CHACHA20_POLY1305_SHA256, unknown (0x9999)");
  cr_expect_str_eq(value_of(&view, "legacy_compression_methods"),
                   "null, unknown (0x01)");
  hello_view_cleanup(&view);
}

Test(hello_view, shows_extensions) {
  static const struct {
    const char *extension;
    int32_t code;
    const char *name;
    const char *value;
  } kCases[] = {
      {"0000 0010 000e 00 000b 63646e2e6578616d706c65", 0, "server_name",
       "cdn.example"},
      // What is no host name can be shown all the same.
      {"0000 0009 0007 00 0004 611b00e9", 0, "server_name", "a\\x1b\\x00\\xe9"},
      {"0005 0005 01 0000 0000", 5, "status_request", "OCSP"},
      {"000a 000e 000c 2a2a 11ec 001d 0017 0100 1234", 10, "supported_groups",
       "GREASE, X25519MLKEM768, X25519, secp256r1, ffdhe2048, unknown "
       "(0x1234)"},
      {"000b 0002 01 00", 11, "ec_point_formats", "uncompressed"},
      {"000d 000a 0008 0403 0804 0401 0904", 13, "signature_algorithms",
       "ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256, rsa_pkcs1_sha256, "
       "mldsa44"},
      {"0032 0004 0002 0807", 50, "signature_algorithms_cert", "ed25519"},
      {"0022 0004 0002 0203", 34, "delegated_credential", "ecdsa_sha1"},
      {"0010 000e 000c 02 6832 08 687474702f312e31", 16,
       "application_layer_protocol_negotiation", "h2, http/1.1"},
      {"0010 000b 0009 02 3a3a 02 2c5c 02 6832", 16,
       "application_layer_protocol_negotiation", "GREASE, ,\\, h2"},
      {"4469 0005 0003 02 6832", 17513, "application_settings", "h2"},
      {"44cd 0005 0003 02 6832", 17613, "application_settings", "h2"},
      {"0012 0000", 18, "signed_certificate_timestamp", "offered"},
      {"0015 0003 000000", 21, "padding", "3 octets"},
      {"0017 0000", 23, "extended_master_secret", "offered"},
      {"001b 0007 06 0002 0001 0003", 27, "compress_certificate",
       "brotli, zlib, zstd"},
      {"001c 0002 4001", 28, "record_size_limit", "16385 octets"},
      {"0023 0000", 35, "session_ticket", "empty"},
      {"0023 0001 ff", 35, "session_ticket", "1 octet"},
      {"0029 0011 0008 0002 aaaa 00000001 0005 02 bbbb 01 cc", 41,
       "pre_shared_key", "1 identity, 2 binders, 17 octets"},
      {"002b 0007 06 0a0a 0304 0303", 43, "supported_versions",
       "GREASE, TLS 1.3, TLS 1.2"},
      {"002d 0004 03 01 00 0b", 45, "psk_key_exchange_modes",
       "psk_dhe_ke, psk_ke, GREASE"},
      {"0031 0000", 49, "post_handshake_auth", "offered"},
      {"0033 000e 000c 4a4a 0001 00 001d 0003 aabbcc", 51, "key_share",
       "GREASE (1 octet), X25519 (3 octets)"},
      {"0033 0002 0000", 51, "key_share", "none"},
      {"fe0d 000d 00 0001 0003 2a 0001 aa 0002 bbbb", 65037,
       "encrypted_client_hello",
       "outer, HKDF-SHA256 and ChaCha20Poly1305, config id 42, enc of 1 octet, "
       "payload of 2 octets"},
      {"fe0d 0001 01", 65037, "encrypted_client_hello", "inner"},
      {"fd00 0005 04 000a 0033", 64768, "ech_outer_extensions",
       "supported_groups, key_share"},
      {"ff01 0001 00", 65281, "renegotiation_info", "empty"},
      {"5a5a 0000", 0x5a5a, "GREASE", "empty"},
      {"5a6a 0000", 0x5a6a, "unknown (0x5a6a)", "empty"},
      {"5a5b 0002 0000", 0x5a5b, "unknown (0x5a5b)", "2 octets"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    expect_value(kCases[i].extension, kCases[i].code, kCases[i].name,
                 kCases[i].value);
  }
}

Test(hello_view, goes_on_after_an_extension_that_is_malformed) {
  static const char *const kBodies[] = {
      "0000 0005 0003 00 0001",  // a name that ends too early
      "0000 0002 0000",
      "0000 0005 0003 00 0000",
      "0010 0003 0001 00",
      "0010 0006 0003 02 6832 00",  // an octet left over
      "000a 0005 0003 001d 00",     // half a group
      "0017 0001 00",
      "0029 0004 0000 0000",
      "002b 0000",
      "0033 0005 0003 001d 00",
      "fe0d 0001 02",
      "fe0d 000a 00 0001 0003 2a 0000 0000",
  };
  for (size_t i = 0; i < sizeof(kBodies) / sizeof(kBodies[0]); i++) {
    char extensions[128];
    uint8_t message[kMaxLen];
    struct hello_view view;
    snprintf(extensions, sizeof(extensions), "%s 0023 0000", kBodies[i]);
    size_t len = hex_hello(message, extensions);
    hello_view_init(&view, message, len);
    cr_assert_eq(view.num_fields, kHeadFields + 3, "%s", kBodies[i]);
    const struct hello_field *field = &view.fields[kHeadFields + 1];
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "malformed, %zu octet%s", field->len - 4,
             field->len == 5 ? "" : "s");
    cr_expect_str_eq(field->value, wanted);
    cr_expect_str_eq(last(&view)->name, "session_ticket");
    expect_whole(&view, len);
    hello_view_cleanup(&view);
  }
}

Test(hello_view, tells_where_a_message_goes_wrong) {
  static const struct {
    const char *message;
    size_t offset;
  } kCases[] = {
      {"02 000001 00", 0},  // another message
      {"0100", 0},          // too few octets to say how long it is
      // a session id of 33 octets, in a message of which more is to come
      {"01 000200 0303 "
       "0000000000000000000000000000000000000000000000000000000000000000 21 "
       "000000000000000000000000000000000000000000000000000000000000000000 ff",
       38},
      // no cipher suite, half of one; no compression
      {"01 000027 0303 "
       "0000000000000000000000000000000000000000000000000000000000000000 00 "
       "0000 0100",
       39},
      {"01 000028 0303 "
       "0000000000000000000000000000000000000000000000000000000000000000 00 "
       "0001 13 0100",
       39},
      {"01 000028 0303 "
       "0000000000000000000000000000000000000000000000000000000000000000 00 "
       "0002 1301 00",
       43},
      // extensions that end after the message, and before it
      {"01 00002b 0303 "
       "0000000000000000000000000000000000000000000000000000000000000000 00 "
       "0002 1301 0100 0001",
       45},
      {"01 00002c 0303 "
       "0000000000000000000000000000000000000000000000000000000000000000 00 "
       "0002 1301 0100 0000 ff",
       45},
      // octets after the message
      {"01 00002b 0303 "
       "0000000000000000000000000000000000000000000000000000000000000000 00 "
       "0002 1301 0100 0000 ffff",
       47},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    uint8_t message[kMaxLen];
    struct hello_view view;
    size_t len = hex_decode(message, sizeof(message), kCases[i].message);
    hello_view_init(&view, message, len);
    cr_expect_str_eq(last(&view)->name, "malformed", "case %zu", i);
    cr_expect_eq(last(&view)->offset, kCases[i].offset, "case %zu", i);
    expect_whole(&view, len);
    hello_view_cleanup(&view);
  }
}

Test(hello_view, says_what_was_not_kept) {
  uint8_t message[kMaxLen];
  struct hello_view view;
  size_t len = hex_hello(message, "0017 0000 0015 0008 0000000000000000");
  hello_view_init(&view, message, len - 3);
  cr_assert_eq(view.num_fields, kHeadFields + 3);
  cr_expect_str_eq(last(&view)->name, "not kept");
  cr_expect_str_eq(last(&view)->value, "12 octets, of which 9 were kept");
  cr_expect_eq(last(&view)->code, -1);
  expect_whole(&view, len);
  hello_view_cleanup(&view);
  // Where an extension ends.
  hello_view_init(&view, message, len - 12);
  cr_expect_str_eq(last(&view)->value, "12 octets, of which 0 were kept");
  hello_view_cleanup(&view);
}

Test(hello_view, shows_long_lists_in_part) {
  char extension[1024] = "000a 00ca 00c8";
  for (size_t i = 0; i < 100; i++) {
    strcat(extension, " 001d");
  }
  uint8_t message[kMaxLen];
  struct hello_view view;
  hello_view_init(&view, message, hex_hello(message, extension));
  const char *value = value_of(&view, "supported_groups");
  cr_assert_eq(strlen(value), 64 * 8 - 2 + strlen(" and 36 more"));
  cr_expect_str_eq(value + 64 * 8 - 2, " and 36 more");
  hello_view_cleanup(&view);
}

// The two ClientHellos of BoringSSL's client with ECH.
struct hellos {
  uint8_t outer[kMaxLen];
  size_t outer_len;
  uint8_t inner[kMaxLen];
  size_t inner_len;
};

static void on_message(int is_write, int version, int content_type,
                       const void *data, size_t len, SSL *ssl, void *arg) {
  struct hellos *hellos = arg;
  (void)is_write, (void)version, (void)ssl;
  if (content_type == SSL3_RT_CLIENT_HELLO_INNER) {
    cr_assert_leq(len, sizeof(hellos->inner));
    memcpy(hellos->inner, data, len);
    hellos->inner_len = len;
  }
}

static void make_hellos(struct hellos *out) {
  struct ech_keys keys = ech_keys_new(42, "public.example");
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  SSL_CTX_set_grease_enabled(ctx, 1);
  SSL *ssl = SSL_new(ctx);
  SSL_set_tlsext_host_name(ssl, "secret.example");
  SSL_set_alpn_protos(ssl, (const uint8_t *)"\2h2\10http/1.1", 12);
  cr_assert(SSL_set1_ech_config_list(ssl, keys.list, keys.list_len));
  SSL_set_msg_callback(ssl, on_message);
  SSL_set_msg_callback_arg(ssl, out);
  out->outer_len = client_side_hello(ssl, out->outer, sizeof(out->outer));
  SSL_CTX_free(ctx);
  ech_keys_free(&keys);
  cr_assert(out->outer_len > 0 && out->inner_len > 0);
}

Test(hello_view, shows_both_hellos_of_ech) {
  static struct hellos hellos;
  struct hello_view outer, inner;
  make_hellos(&hellos);
  hello_view_init(&outer, hellos.outer, hellos.outer_len);
  hello_view_init(&inner, hellos.inner, hellos.inner_len);
  expect_whole(&outer, hellos.outer_len);
  expect_whole(&inner, hellos.inner_len);
  cr_expect_str_eq(value_of(&outer, "server_name"), "public.example");
  cr_expect_str_eq(value_of(&inner, "server_name"), "secret.example");
  cr_expect(strstr(value_of(&outer, "encrypted_client_hello"),
                   "outer, HKDF-SHA256") != NULL);
  cr_expect(strstr(value_of(&outer, "encrypted_client_hello"),
                   "config id 42, enc of 32 octets") != NULL);
  cr_expect_str_eq(value_of(&inner, "encrypted_client_hello"), "inner");
  cr_expect_str_neq(value_of(&outer, "random"), value_of(&inner, "random"));
  cr_expect_str_eq(value_of(&inner, "supported_versions"), "GREASE, TLS 1.3");
  cr_expect_eq(find(&outer, "malformed"), NULL);
  hello_view_cleanup(&outer);
  hello_view_cleanup(&inner);
}

static void expect_sane(void *owner, const uint8_t *bytes, size_t len) {
  struct hello_view view;
  (void)owner;
  hello_view_init(&view, bytes, len);
  expect_whole(&view, view.message_len);
  cr_assert(view.message_len >= len);
  hello_view_cleanup(&view);
}

Test(hello_view, survives_every_truncation_and_change) {
  static struct hellos hellos;
  make_hellos(&hellos);
  mutate_truncate(hellos.outer, hellos.outer_len, expect_sane, NULL);
  mutate_insert(hellos.outer, hellos.outer_len, expect_sane, NULL);
  mutate_flip(hellos.outer, hellos.outer_len, expect_sane, NULL);
}
