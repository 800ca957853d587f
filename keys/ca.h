// ca is the local certificate authority whose leaves greet the browser. It is
// made on first run, unique to the machine, and may sign server certificates
// only: P-256, path length 0. Its key never leaves the state directory.

#ifndef ECHPROXY_KEYS_CA_H
#define ECHPROXY_KEYS_CA_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "keys/key_error.h"

struct ca;
struct certificate_issuer;

// ca_open loads `ca.pem` and `ca-key.pem` from `state_dir`; when neither exists
// it makes the directory (0700) and both files. It refuses, with the reason in
// `out_error`, a key that others can read, half of a pair, a key that does not
// match its certificate, a certificate outside its time, and a CA that may do
// more than those made here. Two processes that start at once end up with the
// same CA. Released with ca_free.
struct ca *ca_open(const char *state_dir, struct key_error *out_error);

// ca_free wipes and releases `ca`. NULL does nothing.
void ca_free(struct ca *ca);

// ca_certificate returns the certificate, borrowed while `ca` lives.
X509 *ca_certificate(const struct ca *ca);

// ca_path returns the path of `ca.pem`, borrowed while `ca` lives.
const char *ca_path(const struct ca *ca);

// ca_issuer returns what certificate_write_leaf signs with, borrowed while `ca`
// lives. Any thread may use it.
const struct certificate_issuer *ca_issuer(const struct ca *ca);

#endif
