// server_name is whom a TLS client asks for and whose certificate it accepts.

#ifndef ECHPROXY_ECH_SERVER_NAME_H
#define ECHPROXY_ECH_SERVER_NAME_H

#include <openssl/ssl.h>
#include <stdbool.h>

// server_name_ask makes the client `ssl` ask for `host`, a DNS name or an IP
// address without brackets, which is not sent as SNI (RFC 6066, section 3).
// False when `host` is neither.
bool server_name_ask(SSL *ssl, const char *host);

// server_name_expect makes `param` accept a certificate for `host` only: by
// subject alternative name, never by common name (RFC 9525, section 2). False
// when `host` is neither a name nor an address.
bool server_name_expect(X509_VERIFY_PARAM *param, const char *host);

// server_name_require does both for an `ssl` whose certificates BoringSSL
// verifies. While ECH is rejected, it verifies for the public name in the same
// way instead.
bool server_name_require(SSL *ssl, const char *host);

#endif
