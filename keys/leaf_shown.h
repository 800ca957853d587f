// leaf_shown is a leaf with its key, in the form in which this BoringSSL lets
// many servers' sessions show it with the least work. Upstream's takes one
// SSL_CREDENTIAL for all of them (leaf_shown_credential.c); Debian's, which has
// none, reads certificate and key for each anew (leaf_shown_legacy.c).

#ifndef ECHPROXY_KEYS_LEAF_SHOWN_H
#define ECHPROXY_KEYS_LEAF_SHOWN_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct leaf_shown;

// leaf_shown_new keeps references of `certificate` and `key`. Released with
// leaf_shown_free; sessions that show it may live longer. The two
// belong together. NULL when out of memory.
struct leaf_shown *leaf_shown_new(CRYPTO_BUFFER *certificate, EVP_PKEY *key);
void leaf_shown_free(struct leaf_shown *shown);

// leaf_shown_to makes `ssl`, a server's before its handshake chooses a
// certificate, show `shown` alone, and nothing that it was given before. False
// when out of memory. It may be called by many threads for the same `shown`.
bool leaf_shown_to(const struct leaf_shown *shown, SSL *ssl);

#endif
