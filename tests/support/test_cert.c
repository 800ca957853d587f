#include "support/test_cert.h"

#include <openssl/bn.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static void must(bool ok) {
  if (!ok) {
    abort();
  }
}

static EVP_PKEY *new_key(void) {
  EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  EVP_PKEY *key = EVP_PKEY_new();
  must(ec != NULL && key != NULL && EC_KEY_generate_key(ec) &&
       EVP_PKEY_assign_EC_KEY(key, ec));
  return key;
}

static void set_serial(X509 *cert) {
  uint64_t serial;
  RAND_bytes((uint8_t *)&serial, sizeof(serial));
  must(ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1));
}

static void add_extension(X509 *cert, int nid, const char *value) {
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
  X509_EXTENSION *ext = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
  must(ext != NULL && X509_add_ext(cert, ext, -1));
  X509_EXTENSION_free(ext);
}

static void set_names(X509 *cert, const struct test_cert_spec *spec) {
  X509_NAME *name = X509_get_subject_name(cert);
  // Two roots of the same name would pass for each other until the signature.
  uint8_t random[8];
  char text[32] = "test ";
  RAND_bytes(random, sizeof(random));
  for (size_t i = 0; i < sizeof(random); i++) {
    text[5 + i] = (char)('a' + random[i] % 26);
  }
  const char *common_name =
      spec->common_name != NULL ? spec->common_name : text;
  must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                  (const uint8_t *)common_name, -1, -1, 0));
  const X509 *issuer = spec->issuer != NULL ? spec->issuer->cert : cert;
  must(X509_set_issuer_name(cert, X509_get_subject_name(issuer)));
}

struct test_cert *test_cert_new(const struct test_cert_spec *spec) {
  struct test_cert *c = calloc(1, sizeof(*c));
  must(c != NULL);
  c->key = new_key();
  c->cert = X509_new();
  must(c->cert != NULL && X509_set_version(c->cert, X509_VERSION_3) &&
       X509_set_pubkey(c->cert, c->key));
  set_serial(c->cert);
  set_names(c->cert, spec);
  long day = 24 * 3600;
  must(X509_gmtime_adj(X509_getm_notBefore(c->cert), -2 * day) != NULL &&
       X509_gmtime_adj(X509_getm_notAfter(c->cert),
                       spec->is_expired ? -day : day) != NULL);
  add_extension(c->cert, NID_basic_constraints,
                spec->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (spec->names != NULL) {
    add_extension(c->cert, NID_subject_alt_name, spec->names);
  }
  EVP_PKEY *signer = spec->issuer != NULL ? spec->issuer->key : c->key;
  must(X509_sign(c->cert, signer, EVP_sha256()) != 0);
  return c;
}

void test_cert_free(struct test_cert *c) {
  if (c == NULL) {
    return;
  }
  X509_free(c->cert);
  EVP_PKEY_free(c->key);
  free(c);
}

void test_cert_use(SSL_CTX *ctx, const struct test_cert *cert) {
  must(SSL_CTX_use_certificate(ctx, cert->cert) &&
       SSL_CTX_use_PrivateKey(ctx, cert->key));
}

void test_cert_trust(SSL_CTX *ctx, const struct test_cert *root) {
  must(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), root->cert));
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
}
