// ech_offer is how an SSL is made to offer ECH, and how its rejection is known.

#ifndef ECHPROXY_ECH_ECH_OFFER_H
#define ECHPROXY_ECH_ECH_OFFER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/tls.h"

// ech_offer_set makes `ssl`, a client of `host`, offer the usable entry of
// `list`, and nothing but that: a list in which nothing is supported is success
// for SSL_set1_ech_config_list, and a hello in the clear follows. False when
// there is no usable entry, or when its public name is `host` itself: that
// would be just as clear, whoever published it.
bool ech_offer_set(SSL *ssl, const char *host, const uint8_t *list, size_t len);

// ech_offer_was_rejected says whether a handshake failed because the server,
// authenticated for the public name, rejected ECH (RFC 9849, section 6.1.6).
bool ech_offer_was_rejected(const struct tls_error *error);

#endif
