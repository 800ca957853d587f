// server_name is whom a TLS client asks for and whose certificate it accepts.

#ifndef ECHPROXY_ECH_SERVER_NAME_H
#define ECHPROXY_ECH_SERVER_NAME_H

#include <openssl/ssl.h>
#include <stdbool.h>

// server_name_require makes the client `ssl` ask for `host`, a DNS name or an
// IP address without brackets, and accept a certificate for it only: by subject
// alternative name, never by common name (RFC 9525, section 2). An IP address
// is not sent as SNI (RFC 6066, section 3). While ECH is rejected, BoringSSL
// verifies for the public name in the same way instead. False when `host` is
// neither.
bool server_name_require(SSL *ssl, const char *host);

#endif
