#include <openssl/mem.h>
#include <openssl/pool.h>

#include "keys/leaf_shown.h"

struct leaf_shown {
  CRYPTO_BUFFER *certificate;
  EVP_PKEY *key;
};

struct leaf_shown *leaf_shown_new(CRYPTO_BUFFER *certificate, EVP_PKEY *key) {
  struct leaf_shown *shown = OPENSSL_malloc(sizeof(*shown));
  if (shown == NULL) {
    return NULL;
  }
  CRYPTO_BUFFER_up_ref(certificate);
  EVP_PKEY_up_ref(key);
  *shown = (struct leaf_shown){.certificate = certificate, .key = key};
  return shown;
}

void leaf_shown_free(struct leaf_shown *shown) {
  if (shown != NULL) {
    CRYPTO_BUFFER_free(shown->certificate);
    EVP_PKEY_free(shown->key);
    OPENSSL_free(shown);
  }
}

bool leaf_shown_to(const struct leaf_shown *shown, SSL *ssl) {
  CRYPTO_BUFFER *certificate = shown->certificate;
  return SSL_set_chain_and_key(ssl, &certificate, 1, shown->key, NULL) == 1;
}
