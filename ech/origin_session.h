// origin_session makes the SSL of a session with a site: what is offered, what
// is accepted, and with which secrets.

#ifndef ECHPROXY_ECH_ORIGIN_SESSION_H
#define ECHPROXY_ECH_ORIGIN_SESSION_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/site_verifier.h"

// A client certificate: the chain's DER, leaf first, and the leaf's key.
struct origin_identity {
  CRYPTO_BUFFER *const *chain;
  size_t chain_len;
  EVP_PKEY *key;
};

// origin_context_new makes the settings that all sessions share. Released with
// SSL_CTX_free.
SSL_CTX *origin_context_new(void);

// What one session is made of; everything is borrowed.
struct origin_session_spec {
  struct site_verifier *verifier;  // outlives the handshake
  const char *host;
  const uint8_t *alpn;  // to offer; `alpn_len` 0: none
  size_t alpn_len;
  const uint8_t *ech;  // the list to offer ECH with, or NULL for none
  size_t ech_len;
  const struct origin_identity *identity;  // or NULL
};

// origin_session_new makes a client of `ctx` as `spec` says. NULL when that is
// not possible: a host that cannot be a name or address, a list without a
// usable configuration or with the host as the public name, protocols that are
// malformed, a certificate and a key that do not fit. Released with SSL_free.
SSL *origin_session_new(SSL_CTX *ctx, const struct origin_session_spec *spec);

#endif
