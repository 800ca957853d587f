// config is one configuration made ready to be used: the options, the trust
// stores and users that they name, and what the connections to all sites share.
// It never changes. A reload makes another, and what began under the one before
// goes on with it: so it is counted, by all threads.

#ifndef ECHPROXY_PROXY_CONFIG_H
#define ECHPROXY_PROXY_CONFIG_H

#include <openssl/x509.h>
#include <stdatomic.h>

#include "keys/key_error.h"
#include "proxy/options.h"
#include "proxy/trust.h"
#include "proxy/user_list.h"

struct config {
  struct options options;
  struct trust trust;
  struct user_list *users;  // who may use the proxy; NULL: who can reach it
  struct origin *origin;    // ech/origin.h
  atomic_uint num_refs;     // config_ref's own
};

// config_new makes one of `options`, which it takes and leaves empty, with one
// reference. Certificates are verified without `own_ca`. NULL, with the reason
// in `out_error`, when a file that the options name cannot be used.
struct config *config_new(struct options *options, X509 *own_ca,
                          struct key_error *out_error);

// config_ref adds a reference and returns `config`; config_unref drops one.
// NULL does nothing.
struct config *config_ref(struct config *config);
void config_unref(struct config *config);

#endif
