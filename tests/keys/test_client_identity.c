#include "keys/client_identity.h"

#include <criterion/criterion.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/pool.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/stat.h>

#include "support/leaks.h"
#include "support/scratch.h"

// A CA, two identities below it, and files of all of them.
struct bed {
  struct scratch *scratch;
  struct test_cert *ca;
  struct test_cert *alice;
  struct test_cert *bob;
};

static struct test_cert *below(const struct test_cert *ca) {
  return test_cert_new(&(struct test_cert_spec){.issuer = ca});
}

static struct bed bed_new(void) {
  struct bed b = {.scratch = scratch_new()};
  b.ca = test_cert_new(&(struct test_cert_spec){.is_ca = true});
  b.alice = below(b.ca);
  b.bob = below(b.ca);
  scratch_cert(b.scratch, "ca", b.ca);
  scratch_cert(b.scratch, "alice", b.alice);
  scratch_cert(b.scratch, "bob", b.bob);
  return b;
}

static void bed_free(struct bed *b) {
  scratch_free(b->scratch);
  test_cert_free(b->alice);
  test_cert_free(b->bob);
  test_cert_free(b->ca);
  cr_assert(leaks_none());
}

static struct client_identity *load(const struct bed *b, const char *cert,
                                    const char *key, struct key_error *error) {
  return client_identity_load(scratch_path(b->scratch, cert),
                              scratch_path(b->scratch, key), error);
}

// Joins files of the scratch directory to a new one.
static void join(const struct bed *b, const char *out, const char *first,
                 const char *second) {
  const char *a =
      scratch_read(b->scratch, scratch_path(b->scratch, first), NULL);
  const char *c =
      scratch_read(b->scratch, scratch_path(b->scratch, second), NULL);
  const char *both = scratch_format(b->scratch, "a comment\n%s\n%s", a, c);
  scratch_write(b->scratch, out, both, strlen(both));
}

static void expect_refused(const struct bed *b, const char *cert,
                           const char *key, const char *why) {
  struct key_error error = {""};
  cr_expect_null(load(b, cert, key, &error), "%s", why);
  cr_expect_not_null(strstr(error.text, why), "%s, not %s", error.text, why);
  cr_expect_null(load(b, cert, key, NULL));
}

Test(client_identity, is_a_chain_and_its_key) {
  struct bed b = bed_new();
  struct key_error error;
  join(&b, "chain.pem", "alice.crt", "ca.crt");
  struct client_identity *i = load(&b, "chain.pem", "alice.key", &error);
  cr_assert_not_null(i, "%s", error.text);
  cr_assert_eq(i->chain_len, 2);
  cr_expect_eq(EVP_PKEY_cmp(i->key, b.alice->key), 1);
  uint8_t *der = NULL;
  int len = i2d_X509(b.alice->cert, &der);
  cr_assert_eq(CRYPTO_BUFFER_len(i->chain[0]), (size_t)len);
  cr_expect_eq(memcmp(CRYPTO_BUFFER_data(i->chain[0]), der, (size_t)len), 0);
  OPENSSL_free(der);
  client_identity_free(i);
  client_identity_free(NULL);
  bed_free(&b);
}

Test(client_identity, may_be_in_one_file) {
  struct bed b = bed_new();
  struct key_error error;
  join(&b, "both.pem", "alice.key", "alice.crt");
  struct client_identity *i = load(&b, "both.pem", "both.pem", &error);
  cr_assert_not_null(i, "%s", error.text);
  cr_expect_eq(i->chain_len, 1);
  client_identity_free(i);
  bed_free(&b);
}

// Writes `key` encrypted with a passphrase.
static void lock_key(const struct bed *b, const char *name, EVP_PKEY *key) {
  char password[] = "secret";
  BIO *bio = BIO_new(BIO_s_mem());
  const uint8_t *pem;
  size_t len;
  cr_assert(PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), password,
                                          6, NULL, NULL));
  cr_assert(BIO_mem_contents(bio, &pem, &len));
  scratch_write(b->scratch, name, pem, len);
  BIO_free(bio);
}

Test(client_identity, is_refused_with_the_reason) {
  static const char kEmpty[] = "nothing\n";
  static const char kBroken[] =
      "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
  struct bed b = bed_new();
  scratch_write(b.scratch, "empty.pem", kEmpty, sizeof(kEmpty) - 1);
  scratch_write(b.scratch, "broken.pem", kBroken, sizeof(kBroken) - 1);
  join(&b, "half.pem", "alice.crt", "broken.pem");
  join(&b, "swapped.pem", "ca.crt", "alice.crt");
  lock_key(&b, "locked.key", b.alice->key);
  static const struct {
    const char *cert;
    const char *key;
    const char *why;
  } kCases[] = {
      {"none.crt", "alice.key", "none.crt: No such file"},
      {"alice.crt", "none.key", "none.key: No such file"},
      {"empty.pem", "alice.key", "does not hold 1 to 16 certificates"},
      {"broken.pem", "alice.key", "does not hold 1 to 16 certificates"},
      {"half.pem", "alice.key", "does not hold 1 to 16 certificates"},
      {"alice.key", "alice.key", "does not hold 1 to 16 certificates"},
      {"alice.crt", "empty.pem", "holds no private key"},
      {"alice.crt", "alice.crt", "holds no private key"},
      {"alice.crt", "locked.key", "encrypted with a passphrase"},
      {"alice.crt", "bob.key", "is not that of the first certificate"},
      {"swapped.pem", "alice.key", "your own certificate stands first"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    expect_refused(&b, kCases[i].cert, kCases[i].key, kCases[i].why);
  }
  bed_free(&b);
}

Test(client_identity, has_a_limit_to_its_chain) {
  struct bed b = bed_new();
  struct key_error error;
  join(&b, "2.pem", "alice.crt", "alice.crt");
  join(&b, "4.pem", "2.pem", "2.pem");
  join(&b, "8.pem", "4.pem", "4.pem");
  join(&b, "16.pem", "8.pem", "8.pem");
  join(&b, "17.pem", "16.pem", "ca.crt");
  struct client_identity *i = load(&b, "16.pem", "alice.key", &error);
  cr_assert_not_null(i, "%s", error.text);
  client_identity_free(i);
  expect_refused(&b, "17.pem", "alice.key", "1 to 16 certificates");
  bed_free(&b);
}

Test(client_identity, has_a_key_that_nobody_else_may_read) {
  static const mode_t kModes[] = {0640, 0604, 0620, 0660, 0644};
  struct bed b = bed_new();
  struct key_error error;
  const char *key = scratch_path(b.scratch, "alice.key");
  for (size_t i = 0; i < sizeof(kModes) / sizeof(kModes[0]); i++) {
    cr_assert_eq(chmod(key, kModes[i]), 0);
    expect_refused(&b, "alice.crt", "alice.key", "chmod 600");
  }
  cr_assert_eq(chmod(key, 0400), 0);
  cr_assert_eq(chmod(scratch_path(b.scratch, "alice.crt"), 0644), 0);
  struct client_identity *i = load(&b, "alice.crt", "alice.key", &error);
  cr_assert_not_null(i, "%s", error.text);
  client_identity_free(i);
  bed_free(&b);
}

static EVP_PKEY *ec_key(int curve) {
  EC_KEY *ec = EC_KEY_new_by_curve_name(curve);
  EVP_PKEY *key = EVP_PKEY_new();
  cr_assert(EC_KEY_generate_key(ec) && EVP_PKEY_assign_EC_KEY(key, ec));
  return key;
}

static EVP_PKEY *rsa_key(int bits) {
  RSA *rsa = RSA_new();
  BIGNUM *e = BN_new();
  EVP_PKEY *key = EVP_PKEY_new();
  cr_assert(BN_set_word(e, RSA_F4) && RSA_generate_key_ex(rsa, bits, e, NULL) &&
            EVP_PKEY_assign_RSA(key, rsa));
  BN_free(e);
  return key;
}

static EVP_PKEY *ed25519_key(void) {
  static const uint8_t kSeed[32] = {7};
  return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, kSeed,
                                      sizeof(kSeed));
}

// Says whether an identity with `key`, which it takes, can be loaded.
static bool loads_with(const struct bed *b, EVP_PKEY *key) {
  struct test_cert *c = below(b->ca);
  struct key_error error = {""};
  cr_assert(X509_set_pubkey(c->cert, key));
  cr_assert(X509_sign(c->cert, b->ca->key, EVP_sha256()) != 0);
  EVP_PKEY_free(c->key);
  c->key = key;
  scratch_cert(b->scratch, "kind", c);
  struct client_identity *i = load(b, "kind.crt", "kind.key", &error);
  cr_expect(i != NULL || strstr(error.text, "kind that is not supported"), "%s",
            error.text);
  bool ok = i != NULL;
  client_identity_free(i);
  test_cert_free(c);
  return ok;
}

Test(client_identity, has_a_key_that_tls_1_3_can_use) {
  struct bed b = bed_new();
  cr_expect(loads_with(&b, ec_key(NID_secp384r1)));
  cr_expect(loads_with(&b, ec_key(NID_secp521r1)));
  cr_expect(loads_with(&b, rsa_key(2048)));
  cr_expect(loads_with(&b, ed25519_key()));
  cr_expect_not(loads_with(&b, ec_key(NID_secp224r1)));
  cr_expect_not(loads_with(&b, rsa_key(1024)));
  bed_free(&b);
}
