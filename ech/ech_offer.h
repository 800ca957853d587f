// ech_offer is the client's side of ECH on one SSL: offering a configuration,
// and reading what a server that rejected it said (RFC 9849, section 6.1.6).

#ifndef ECHPROXY_ECH_ECH_OFFER_H
#define ECHPROXY_ECH_ECH_OFFER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/config_list.h"
#include "net/tls.h"

// ech_offer_set makes `ssl` offer the usable entry of `list`, and nothing but
// that: a list in which nothing is supported is success for
// SSL_set1_ech_config_list, and a hello in the clear follows. False when there
// is no usable entry. `out_public_name` is what an observer sees.
bool ech_offer_set(SSL *ssl, char out_public_name[kEchPublicNameSize],
                   const uint8_t *list, size_t len);

// ech_offer_was_rejected says whether a handshake failed because the server,
// authenticated for the public name, rejected ECH.
bool ech_offer_was_rejected(const struct tls_error *error);

// What a server that rejected ECH wants.
enum ech_retry {
  ECH_RETRY_REPLACES,  // another try with its retry configurations
  ECH_RETRY_DISABLES,  // no ECH: it has securely switched it off
  ECH_RETRY_UNUSABLE,  // nothing that we can do
};

// ech_offer_retry reads the retry configurations, which are borrowed from
// `ssl`.
enum ech_retry ech_offer_retry(const SSL *ssl, const uint8_t **out_list,
                               size_t *out_len);

#endif
