// residue looks for what a certificate leaves in the files of a store that it
// has been removed from.

#ifndef ECHPROXY_TESTS_SUPPORT_RESIDUE_H
#define ECHPROXY_TESTS_SUPPORT_RESIDUE_H

#include <openssl/x509.h>
#include <stdbool.h>

// residue_found says whether any 24 octets of the certificate, or "echproxy",
// are in a file in the directory `dir` whose name has `.db` in it, journals
// included. It names the first on standard error.
bool residue_found(const char *dir, X509 *certificate);

#endif
