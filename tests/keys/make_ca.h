// make_ca puts a CA of chosen validity into a state directory, as another day's
// run of the program would have.

#ifndef ECHPROXY_TESTS_KEYS_MAKE_CA_H
#define ECHPROXY_TESTS_KEYS_MAKE_CA_H

#include <openssl/mem.h>
#include <openssl/pem.h>
#include <time.h>

#include "keys/certificate.h"
#include "keys/support.h"

enum { kDay = 24 * 60 * 60 };

static inline void put_key(const char *dir, EVP_PKEY *key) {
  char path[256];
  FILE *file = fopen(in_dir(path, dir, "ca-key.pem"), "w");
  cr_assert(file != NULL && chmod(path, 0600) == 0);
  cr_assert(PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
  cr_assert(fclose(file) == 0);
}

static inline void put_certificate(const char *dir, const uint8_t *der,
                                   size_t len) {
  char path[256];
  FILE *file = fopen(in_dir(path, dir, "ca.pem"), "w");
  cr_assert(file != NULL);
  cr_assert(PEM_write(file, "CERTIFICATE", "", der, (long)len) > 0);
  cr_assert(fclose(file) == 0);
}

// make_ca counts `from` and `to` in seconds from now.
static inline void make_ca(const char *dir, int64_t from, int64_t to) {
  int64_t now = time(NULL);
  struct certificate_period period = {now + from, now + to};
  uint8_t *der;
  size_t len;
  EVP_PKEY *key = certificate_new_key();
  cr_assert(certificate_write_root(key, "test CA", period, &der, &len));
  put_key(dir, key);
  put_certificate(dir, der, len);
  OPENSSL_free(der);
  EVP_PKEY_free(key);
}

#endif
