// ca_rotation replaces the local CA by a new one, or ends it, and remembers the
// certificates of those that were: somebody may still trust them.

#ifndef ECHPROXY_KEYS_CA_ROTATION_H
#define ECHPROXY_KEYS_CA_ROTATION_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "keys/key_error.h"

enum {
  kCaMaxKnown = 65,
  kCaFingerprintSize = 96,  // 32 octets in hexadecimal, colons, a NUL
};

// The certificates that the CA of one state directory has had.
struct ca_known {
  X509 *certificates[kCaMaxKnown];
  size_t num;
  bool has_current;  // the first one is that of ca.pem
};

// ca_rotate makes a new CA in `state_dir`, whatever state the one that is there
// is in; without one it just makes it. The old key is overwritten and gone, the
// old certificate goes to `ca-former.pem`. Who is running with the old CA goes
// on with it. False with the reason in `out_error`; then either the old CA or
// none that ca_open takes is left, and it can be called again.
bool ca_rotate(const char *state_dir, struct key_error *out_error);

// ca_delete overwrites and removes the CA's key and certificate. With
// `keep_certificates` those go to, or stay in, `ca-former.pem`; otherwise
// nothing is left, and the directory goes too when it is empty then. Nothing to
// delete is no failure.
bool ca_delete(const char *state_dir, bool keep_certificates,
               struct key_error *out_error);

// ca_known_read reads the certificates of the CA in `state_dir` and of those
// that it replaced, the latest last. Nothing is made; none is no failure, and
// neither is a `ca.pem` that holds none. False with the reason in `out_error`
// when a file cannot be read. Either way `known` is released with
// ca_known_cleanup.
bool ca_known_read(struct ca_known *known, const char *state_dir,
                   struct key_error *out_error);
void ca_known_cleanup(struct ca_known *known);

// ca_fingerprint writes the certificate's SHA-256 as browsers show it.
void ca_fingerprint(X509 *certificate, char out[kCaFingerprintSize]);

#endif
