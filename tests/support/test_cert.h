// test_cert makes certificates for tests: P-256, valid now, in memory.

#ifndef ECHPROXY_TESTS_SUPPORT_TEST_CERT_H
#define ECHPROXY_TESTS_SUPPORT_TEST_CERT_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct test_cert {
  X509 *cert;
  EVP_PKEY *key;
};

// What to make; what is left out is NULL or false.
struct test_cert_spec {
  const char *names;               // as in "DNS:a.test,DNS:b.test,IP:127.0.0.1"
  const char *common_name;         // NULL: one that is nobody else's
  const struct test_cert *issuer;  // NULL: self-signed
  bool is_ca;
  bool is_expired;
};

// test_cert_new makes a certificate and its key, released with test_cert_free.
// It aborts on failure.
struct test_cert *test_cert_new(const struct test_cert_spec *spec);

// test_cert_free releases `cert`. NULL does nothing.
void test_cert_free(struct test_cert *cert);

// test_cert_use makes `ctx` show `cert`.
void test_cert_use(SSL_CTX *ctx, const struct test_cert *cert);

// test_cert_trust makes `ctx` verify its peer against `root` alone.
void test_cert_trust(SSL_CTX *ctx, const struct test_cert *root);

#endif
