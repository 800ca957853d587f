// certificate_names says whom a certificate is for, from its octets alone:
// making an X509 of them costs as much as a third of a signature. It is for
// certificates that X509 has found good before, and agrees with it as far as it
// says yes (server_name_expect); where it says no, X509 is to be asked.

#ifndef ECHPROXY_ECH_CERTIFICATE_NAMES_H
#define ECHPROXY_ECH_CERTIFICATE_NAMES_H

#include <openssl/bytestring.h>
#include <stdbool.h>

// certificate_names_hold says whether the one subjectAltName extension of
// `certificate`, in DER, holds `host`: a DNS name, which a wildcard may match
// that is the whole first label (RFC 9525, section 6.3), or an IP address
// without brackets. False for what is no certificate, or has a field or a kind
// of name that the certificates of sites do not have.
bool certificate_names_hold(CBS certificate, const char *host);

#endif
