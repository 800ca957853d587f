#include "keys/ech_key.h"

#include <criterion/criterion.h>
#include <openssl/base64.h>
#include <openssl/bytestring.h>
#include <openssl/curve25519.h>
#include <openssl/evp.h>
#include <openssl/hpke.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "keys/ca.h"
#include "keys/ech_public_name.h"
#include "keys/leaf.h"
#include "keys/secret_file.h"
#include "keys/support.h"

static struct ech_key *new_key(void) {
  struct key_error error;
  struct ech_key *key = ech_key_generate("public.example", 64, &error);
  cr_assert(key != NULL, "%s", error.text);
  return key;
}

// The names of RFC 9849, section 6.1.7.

Test(ech_key, takes_public_names_that_clients_accept) {
  static const char *const kGood[] = {"a",
                                      "public.example",
                                      "PUBLIC.Example",
                                      "a-b.c",
                                      "1.example",
                                      "xn--bcher-kva.example",
                                      "1.2.3.4.a",
                                      "example.1a",
                                      "0x1.example",
                                      "a.0xg",
                                      "a.0x-f",
                                      "a.x0",
                                      "cloudflare-ech.com"};
  for (size_t i = 0; i < sizeof(kGood) / sizeof(kGood[0]); i++) {
    cr_expect(ech_public_name_valid(kGood[i]), "%s", kGood[i]);
  }
}

Test(ech_key, refuses_public_names_that_clients_ignore) {
  static const char *const kBad[] = {
      "",     ".",      ".a",    "a.",     "a..b",       "-a.b",    "a-.b",
      "a.b-", "a_b.c",  "a b",   "*.a",    "a.\xc3\xbc", "1.2.3.4", "a.1",
      "a.0",  "a.0x",   "a.0X",  "a.0x1f", "a.0XfF",     "0x",      "127.1",
      "1",    "a.0123", "[::1]", "::1",    "a.b:1",      "a/b"};
  for (size_t i = 0; i < sizeof(kBad) / sizeof(kBad[0]); i++) {
    struct key_error error = {""};
    cr_expect_not(ech_public_name_valid(kBad[i]), "%s", kBad[i]);
    cr_expect(ech_key_generate(kBad[i], 0, &error) == NULL);
    cr_expect(strstr(error.text, "public name"));
  }
}

Test(ech_key, bounds_labels_at_63_and_public_names_at_255) {
  char name[300];
  memset(name, 'a', sizeof(name));
  name[63] = '\0';
  cr_expect(ech_public_name_valid(name));
  name[63] = 'a';
  name[64] = '\0';
  cr_expect_not(ech_public_name_valid(name));
  memset(name, 'a', sizeof(name));
  for (size_t i = 63; i < sizeof(name); i += 64) {
    name[i] = '.';
  }
  name[255] = '\0';
  cr_expect(ech_public_name_valid(name));
  name[255] = 'a';
  name[256] = '\0';
  cr_expect_not(ech_public_name_valid(name));
}

// The list against BoringSSL's own writer, which has the same cipher suites.
Test(ech_key, writes_the_config_that_boringssl_would) {
  struct ech_key *key = new_key();
  size_t len;
  const uint8_t *list = ech_key_config_list(key, &len);
  uint8_t raw[32];
  ech_key_private(key, raw);
  EVP_HPKE_KEY *hpke = EVP_HPKE_KEY_new();
  cr_assert(EVP_HPKE_KEY_init(hpke, EVP_hpke_x25519_hkdf_sha256(), raw, 32));
  uint8_t *config;
  size_t config_len;
  uint8_t config_id = list[6];
  cr_assert(SSL_marshal_ech_config(&config, &config_len, config_id, hpke,
                                   "public.example", 64));
  cr_assert_eq(len, config_len + 2);
  cr_assert_eq((list[0] << 8 | list[1]), (int)config_len);
  cr_assert_arr_eq(list + 2, config, config_len);
  OPENSSL_free(config);
  EVP_HPKE_KEY_free(hpke);
  ech_key_free(key);
  ech_key_free(NULL);
  cr_assert(no_leaks());
}

Test(ech_key, makes_a_new_key_each_time) {
  uint8_t a_raw[32], b_raw[32];
  struct ech_key *a = new_key();
  struct ech_key *b = new_key();
  ech_key_private(a, a_raw);
  ech_key_private(b, b_raw);
  cr_assert_arr_neq(a_raw, b_raw, 32);
  ech_key_free(a);
  ech_key_free(b);
}

static SSL_CTX *new_server(const struct ech_key *key) {
  size_t len;
  const uint8_t *list = ech_key_config_list(key, &len);
  uint8_t raw[32];
  ech_key_private(key, raw);
  EVP_HPKE_KEY *hpke = EVP_HPKE_KEY_new();
  SSL_ECH_KEYS *keys = SSL_ECH_KEYS_new();
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  cr_assert(EVP_HPKE_KEY_init(hpke, EVP_hpke_x25519_hkdf_sha256(), raw, 32));
  cr_assert(SSL_ECH_KEYS_add(keys, 1, list + 2, len - 2, hpke));
  cr_assert(SSL_CTX_set1_ech_keys(ctx, keys));
  SSL_ECH_KEYS_free(keys);
  EVP_HPKE_KEY_free(hpke);
  return ctx;
}

static bool ech_is_accepted(const struct ech_key *server_key,
                            const struct ech_key *client_key) {
  struct scratch scratch = scratch_new();
  struct ca *ca = ca_open(scratch.dir, NULL);
  struct leaf_cache *leaves = leaf_cache_new(ca, 4);
  SSL_CTX *server_ctx = new_server(server_key);
  SSL_CTX *client_ctx = SSL_CTX_new(TLS_method());
  SSL_CTX_set_verify(client_ctx, SSL_VERIFY_NONE, NULL);
  SSL *server = SSL_new(server_ctx);
  SSL *client = SSL_new(client_ctx);
  size_t len;
  const uint8_t *list = ech_key_config_list(client_key, &len);
  cr_assert(leaf_cache_use(leaves, server, "secret.example"));
  cr_assert(SSL_set1_ech_config_list(client, list, len));
  cr_assert(SSL_set_tlsext_host_name(client, "secret.example"));
  bool accepted = shake_hands(client, server) && SSL_ech_accepted(client) &&
                  SSL_ech_accepted(server);
  if (accepted) {
    cr_assert_str_eq(SSL_get_servername(server, TLSEXT_NAMETYPE_host_name),
                     "secret.example");
  }
  SSL_free(client);
  SSL_free(server);
  SSL_CTX_free(client_ctx);
  SSL_CTX_free(server_ctx);
  leaf_cache_free(leaves);
  ca_free(ca);
  scratch_remove(&scratch);
  return accepted;
}

Test(ech_key, is_accepted_in_a_handshake_with_its_own_config_only) {
  struct ech_key *key = new_key();
  struct ech_key *other = new_key();
  cr_assert(ech_is_accepted(key, key));
  cr_assert_not(ech_is_accepted(key, other));
  ech_key_free(key);
  ech_key_free(other);
  cr_assert(no_leaks());
}

// The file of RFC 9934.

static char *pem_of(const struct ech_key *key, size_t *out_len) {
  uint8_t *pem;
  cr_assert(ech_key_to_pem(key, &pem, out_len));
  char *text = calloc(1, *out_len + 1);
  memcpy(text, pem, *out_len);
  secret_file_free(pem, *out_len);
  return text;
}

static bool same_key(const struct ech_key *a, const struct ech_key *b) {
  uint8_t a_raw[32], b_raw[32];
  size_t a_len, b_len;
  const uint8_t *a_list = ech_key_config_list(a, &a_len);
  const uint8_t *b_list = ech_key_config_list(b, &b_len);
  ech_key_private(a, a_raw);
  ech_key_private(b, b_raw);
  return memcmp(a_raw, b_raw, 32) == 0 && a_len == b_len &&
         memcmp(a_list, b_list, a_len) == 0;
}

static struct ech_key *parse(const char *pem, struct key_error *error) {
  return ech_key_from_pem((const uint8_t *)pem, strlen(pem), error);
}

Test(ech_key, survives_the_way_through_a_file) {
  struct key_error error;
  struct ech_key *key = new_key();
  size_t len;
  char *pem = pem_of(key, &len);
  cr_assert(strncmp(pem, "-----BEGIN PRIVATE KEY-----\n", 28) == 0);
  cr_assert(strstr(pem,
                   "-----END PRIVATE KEY-----\n"
                   "-----BEGIN ECHCONFIG-----\n"));
  struct ech_key *copy = parse(pem, &error);
  cr_assert(copy != NULL, "%s", error.text);
  cr_assert(same_key(key, copy));
  ech_key_free(copy);
  ech_key_free(key);
  free(pem);
  cr_assert(no_leaks());
}

Test(ech_key, writes_the_48_bytes_of_rfc_8410) {
  static const uint8_t kPrefix[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30,
                                    0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e,
                                    0x04, 0x22, 0x04, 0x20};
  struct ech_key *key = new_key();
  size_t len;
  char *pem = pem_of(key, &len);
  BIO *bio = BIO_new_mem_buf(pem, (int)len);
  char *name, *header;
  uint8_t *der;
  long der_len;
  uint8_t raw[32];
  cr_assert(PEM_read_bio(bio, &name, &header, &der, &der_len));
  cr_assert_eq(der_len, 48);
  cr_assert_arr_eq(der, kPrefix, sizeof(kPrefix));
  ech_key_private(key, raw);
  cr_assert_arr_eq(der + 16, raw, 32);
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_free(der);
  BIO_free(bio);
  free(pem);
  ech_key_free(key);
}

Test(ech_key, refuses_every_truncation_or_reads_the_whole_key) {
  struct ech_key *key = new_key();
  size_t len;
  char *pem = pem_of(key, &len);
  size_t num_read = 0;
  for (size_t cut = 0; cut < len; cut++) {
    struct key_error error = {""};
    struct ech_key *part = ech_key_from_pem((uint8_t *)pem, cut, &error);
    if (part == NULL) {
      cr_assert(error.text[0] != '\0');
      continue;
    }
    cr_assert(same_key(key, part));
    ech_key_free(part);
    num_read++;
  }
  cr_assert(num_read <= 1, "all but the last line end is needed");
  free(pem);
  ech_key_free(key);
  cr_assert(no_leaks());
}

Test(ech_key, never_gives_a_key_that_does_not_fit_its_config) {
  struct ech_key *key = new_key();
  size_t len;
  char *pem = pem_of(key, &len);
  for (size_t i = 0; i < len; i++) {
    char kept = pem[i];
    pem[i] = kept == 'A' ? 'B' : 'A';
    struct ech_key *changed = parse(pem, NULL);
    if (changed != NULL) {
      // What may change is what nothing else depends on: the config_id, the
      // maximum_name_length, the public name.
      size_t a_len, b_len;
      const uint8_t *a = ech_key_config_list(key, &a_len);
      const uint8_t *b = ech_key_config_list(changed, &b_len);
      cr_assert_eq(a_len, b_len);
      uint8_t raw[32], public_key[32];
      ech_key_private(changed, raw);
      X25519_public_from_private(public_key, raw);
      cr_assert_arr_eq(a + 11, public_key, 32);
      cr_assert_arr_eq(b + 11, public_key, 32);
      ech_key_free(changed);
    }
    pem[i] = kept;
  }
  free(pem);
  ech_key_free(key);
  cr_assert(no_leaks());
}

// swap_config puts the ECHCONFIG block of `b` behind the key of `a`.
static char *swap_config(const char *a, const char *b) {
  const char *a_config = strstr(a, "-----BEGIN ECHCONFIG");
  const char *b_config = strstr(b, "-----BEGIN ECHCONFIG");
  char *out = calloc(1, strlen(a) + strlen(b));
  memcpy(out, a, (size_t)(a_config - a));
  strcat(out, b_config);
  return out;
}

Test(ech_key, says_which_block_is_wrong) {
  struct key_error error;
  struct ech_key *key = new_key();
  struct ech_key *other = new_key();
  size_t len;
  char *pem = pem_of(key, &len);
  char *other_pem = pem_of(other, &len);
  char *config_only = strstr(pem, "-----BEGIN ECHCONFIG");

  char *mixed = swap_config(pem, other_pem);
  cr_assert(parse(mixed, &error) == NULL);
  cr_assert(strstr(error.text, "belongs to the PRIVATE KEY"));
  cr_assert(parse(config_only, &error) == NULL);
  cr_assert(strstr(error.text, "no PRIVATE KEY block"));
  cr_assert(parse("!junk\n", &error) == NULL);
  cr_assert(strstr(error.text, "at byte 0: expected base64 or a PEM block"));

  char *key_only = strdup(pem);
  *strstr(key_only, "-----BEGIN ECHCONFIG") = '\0';
  cr_assert(parse(key_only, &error) == NULL);
  cr_assert(strstr(error.text, "no ECHCONFIG block"));

  // A list whose one entry is longer than the list.
  char *bad_list = calloc(1, 1024);
  snprintf(bad_list, 1024, "%s%s", key_only,
           "-----BEGIN ECHCONFIG-----\nAAX+DQAJAA==\n"
           "-----END ECHCONFIG-----\n");
  cr_assert(parse(bad_list, &error) == NULL);
  cr_assert(strstr(error.text, "at byte 2 of 7"), "%s", error.text);

  free(bad_list);
  free(key_only);
  free(mixed);
  free(pem);
  free(other_pem);
  ech_key_free(key);
  ech_key_free(other);
  cr_assert(no_leaks());
}

Test(ech_key, refuses_keys_of_other_kinds_and_sizes) {
  struct key_error error;
  // Ed25519, from RFC 8410, section 10.3.
  static const char kEd25519[] =
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
      "-----END PRIVATE KEY-----\n";
  cr_assert(parse(kEd25519, &error) == NULL);
  cr_assert(strstr(error.text, "no X25519 key"));
  uint8_t *huge = calloc(1, 1 << 20);
  cr_assert(ech_key_from_pem(huge, 1 << 20, &error) == NULL);
  cr_assert(strstr(error.text, "262144"));
  free(huge);
}

// A list in which an older configuration and one of an unknown version come
// first, as servers publish them while keys change.
Test(ech_key, finds_its_config_among_several) {
  struct key_error error;
  struct ech_key *key = new_key();
  struct ech_key *old = new_key();
  static const uint8_t kUnknown[] = {0xfe, 0x0a, 0x00, 0x02, 0x12, 0x34};
  size_t pem_len, len, old_len;
  char *pem = pem_of(key, &pem_len);
  const uint8_t *list = ech_key_config_list(key, &len);
  const uint8_t *old_list = ech_key_config_list(old, &old_len);
  CBB cbb, all;
  uint8_t *joined;
  size_t joined_len;
  cr_assert(CBB_init(&cbb, 256) && CBB_add_u16_length_prefixed(&cbb, &all) &&
            CBB_add_bytes(&all, kUnknown, sizeof(kUnknown)) &&
            CBB_add_bytes(&all, old_list + 2, old_len - 2) &&
            CBB_add_bytes(&all, list + 2, len - 2) &&
            CBB_finish(&cbb, &joined, &joined_len));
  BIO *bio = BIO_new(BIO_s_mem());
  *strstr(pem, "-----BEGIN ECHCONFIG") = '\0';
  cr_assert(BIO_puts(bio, pem) > 0);
  cr_assert(PEM_write_bio(bio, "ECHCONFIG", "", joined, (long)joined_len) > 0);
  const uint8_t *text;
  size_t text_len;
  cr_assert(BIO_mem_contents(bio, &text, &text_len));
  struct ech_key *found = ech_key_from_pem(text, text_len, &error);
  cr_assert(found != NULL, "%s", error.text);
  cr_assert(same_key(key, found));
  ech_key_free(found);
  BIO_free(bio);
  OPENSSL_free(joined);
  free(pem);
  ech_key_free(key);
  ech_key_free(old);
  cr_assert(no_leaks());
}

// The line for the zone.

static void check_line(const struct ech_key *key, const char *name,
                       uint16_t port, const char *wanted_start) {
  size_t list_len, decoded_len;
  const uint8_t *list = ech_key_config_list(key, &list_len);
  char *line = ech_key_zone_line(key, name, port);
  cr_assert(line != NULL);
  size_t start_len = strlen(wanted_start);
  cr_assert(strncmp(line, wanted_start, start_len) == 0, "%s", line);
  cr_assert(strpbrk(line, "\r\n") == NULL);
  uint8_t decoded[512];
  const char *base64 = line + start_len;
  cr_assert(EVP_DecodeBase64(decoded, &decoded_len, sizeof(decoded),
                             (const uint8_t *)base64, strlen(base64)));
  cr_assert_eq(decoded_len, list_len);
  cr_assert_arr_eq(decoded, list, list_len);
  OPENSSL_free(line);
}

Test(ech_key, writes_the_record_to_publish) {
  struct ech_key *key = new_key();
  check_line(key, "secret.example", 443,
             "secret.example. 1800 IN HTTPS 1 . alpn=\"h2,http/1.1\" ech=");
  check_line(key, "secret.example.", 443,
             "secret.example. 1800 IN HTTPS 1 . alpn=\"h2,http/1.1\" ech=");
  check_line(key, "*.example", 443,
             "*.example. 1800 IN HTTPS 1 . alpn=\"h2,http/1.1\" ech=");
  check_line(key, "secret.example", 8443,
             "_8443._https.secret.example. 1800 IN HTTPS 1 secret.example. "
             "alpn=\"h2,http/1.1\" ech=");
  ech_key_free(key);
  cr_assert(no_leaks());
}

Test(ech_key, writes_no_record_for_what_is_no_name) {
  static const char *const kBad[] = {"",    ".",   "a b", "a\nb",
                                     "a;b", "a..", "*",   "a.*.b"};
  struct ech_key *key = new_key();
  for (size_t i = 0; i < sizeof(kBad) / sizeof(kBad[0]); i++) {
    cr_expect(ech_key_zone_line(key, kBad[i], 443) == NULL, "%s", kBad[i]);
  }
  cr_expect(ech_key_zone_line(key, "*.example", 8443) == NULL);
  char name[1000];
  memset(name, 'a', sizeof(name) - 1);
  name[sizeof(name) - 1] = '\0';
  cr_expect(ech_key_zone_line(key, name, 443) == NULL);
  ech_key_free(key);
}
