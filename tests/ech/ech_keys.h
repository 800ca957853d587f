// ech_keys is one ECH key of a test's server, and the ECHConfigList that a
// record publishes of it.

#ifndef ECHPROXY_TESTS_ECH_ECH_KEYS_H
#define ECHPROXY_TESTS_ECH_ECH_KEYS_H

#include <criterion/criterion.h>
#include <openssl/hpke.h>
#include <openssl/mem.h>
#include <openssl/ssl.h>

struct ech_keys {
  SSL_ECH_KEYS *keys;
  uint8_t *list;
  size_t list_len;
};

// ech_keys_new makes a key for `public_name`, released with ech_keys_free.
static inline struct ech_keys ech_keys_new(uint8_t config_id,
                                           const char *public_name) {
  struct ech_keys k = {.keys = SSL_ECH_KEYS_new()};
  EVP_HPKE_KEY *key = EVP_HPKE_KEY_new();
  uint8_t *config;
  size_t config_len;
  cr_assert(EVP_HPKE_KEY_generate(key, EVP_hpke_x25519_hkdf_sha256()));
  cr_assert(SSL_marshal_ech_config(&config, &config_len, config_id, key,
                                   public_name, 64));
  cr_assert(SSL_ECH_KEYS_add(k.keys, 1, config, config_len, key));
  cr_assert(SSL_ECH_KEYS_marshal_retry_configs(k.keys, &k.list, &k.list_len));
  OPENSSL_free(config);
  EVP_HPKE_KEY_free(key);
  return k;
}

static inline void ech_keys_free(struct ech_keys *k) {
  SSL_ECH_KEYS_free(k->keys);
  OPENSSL_free(k->list);
}

#endif
