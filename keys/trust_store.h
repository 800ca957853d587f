// trust_store is what a site's or a resolver's certificate is verified against:
// the system's trust store, files that the user adds, and never our own CA,
// even where the user has put it among the system's.

#ifndef ECHPROXY_KEYS_TRUST_STORE_H
#define ECHPROXY_KEYS_TRUST_STORE_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "keys/key_error.h"

// trust_store_new loads the system's trust store (SSL_CERT_FILE when it is set,
// otherwise the bundle of Debian, Fedora, Alpine or SUSE, the first that
// exists) and then `extra_pem_file`, unless it is NULL. Certificates that hold
// the public key of `excluded` (which may be NULL) are left out. It fails, with
// the reason in `out_error`, when a named file has no certificate; without any
// system store it goes on with `extra_pem_file` alone and fails only when that
// is NULL too. Released with X509_STORE_free.
X509_STORE *trust_store_new(const char *extra_pem_file, X509 *excluded,
                            struct key_error *out_error);

#endif
