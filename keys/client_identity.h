// client_identity is what proves to a site who the user is: a certificate chain
// and its private key, read from two PEM files and checked to belong together.
// It is only ever shown inside a handshake that hides it.

#ifndef ECHPROXY_KEYS_CLIENT_IDENTITY_H
#define ECHPROXY_KEYS_CLIENT_IDENTITY_H

#include <openssl/base.h>
#include <stddef.h>

#include "keys/key_error.h"

enum { kClientIdentityMaxChain = 16 };

// All is owned by the identity and immutable. It is what SSL_set_chain_and_key
// takes.
struct client_identity {
  CRYPTO_BUFFER **chain;  // the leaf first, each one's DER
  size_t chain_len;       // at least 1
  EVP_PKEY *key;
};

// client_identity_load reads the leaf and what follows it from `cert_path`, and
// the key (PKCS#8, or its older RSA and EC forms; not encrypted) from
// `key_path`, which may be the same file and which nobody but its owner may
// read. NULL with the reason in `out_error` when a file is missing or no such
// thing, when the two do not belong together, or when TLS 1.3 has no use for
// such a key. Released with client_identity_free.
struct client_identity *client_identity_load(const char *cert_path,
                                             const char *key_path,
                                             struct key_error *out_error);

// client_identity_free releases `identity`. NULL does nothing.
void client_identity_free(struct client_identity *identity);

#endif
