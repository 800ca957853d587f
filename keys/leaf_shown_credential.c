#include <openssl/mem.h>

#include "keys/leaf_shown.h"

struct leaf_shown {
  SSL_CREDENTIAL *credential;  // not changed any more once it is whole
};

static SSL_CREDENTIAL *credential_of(CRYPTO_BUFFER *certificate,
                                     EVP_PKEY *key) {
  SSL_CREDENTIAL *credential = SSL_CREDENTIAL_new_x509();
  if (credential == NULL ||
      !SSL_CREDENTIAL_set1_cert_chain(credential, &certificate, 1) ||
      !SSL_CREDENTIAL_set1_private_key(credential, key)) {
    SSL_CREDENTIAL_free(credential);
    return NULL;
  }
  return credential;
}

struct leaf_shown *leaf_shown_new(CRYPTO_BUFFER *certificate, EVP_PKEY *key) {
  struct leaf_shown *shown = OPENSSL_malloc(sizeof(*shown));
  if (shown == NULL) {
    return NULL;
  }
  shown->credential = credential_of(certificate, key);
  if (shown->credential == NULL) {
    OPENSSL_free(shown);
    return NULL;
  }
  return shown;
}

void leaf_shown_free(struct leaf_shown *shown) {
  if (shown != NULL) {
    SSL_CREDENTIAL_free(shown->credential);
    OPENSSL_free(shown);
  }
}

bool leaf_shown_to(const struct leaf_shown *shown, SSL *ssl) {
  SSL_certs_clear(ssl);
  return SSL_add1_credential(ssl, shown->credential) == 1;
}
