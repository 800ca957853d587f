// trust is what certificates are verified against, those of sites and those of
// resolvers, as the options say.

#ifndef ECHPROXY_PROXY_TRUST_H
#define ECHPROXY_PROXY_TRUST_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "keys/key_error.h"
#include "proxy/options.h"

struct trust {
  X509_STORE *sites;
  X509_STORE *resolvers;
};

// trust_init loads both stores, without `own_ca`, which may be NULL. False with
// the reason in `out_error`. Either way `trust` is released with trust_cleanup.
bool trust_init(struct trust *trust, struct key_error *out_error,
                const struct options *options, X509 *own_ca);
void trust_cleanup(struct trust *trust);

// trust_read_own_ca reads the local CA's certificate from the state directory
// `state_dir` (NULL: the default one) into `*out_ca`, released with X509_free,
// or NULL when there is no CA yet; it makes none. False with the reason in
// `out_error` when there is one that cannot be read.
bool trust_read_own_ca(X509 **out_ca, struct key_error *out_error,
                       const char *state_dir);

#endif
