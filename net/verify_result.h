// verify_result carries the reason why a verify callback of ours
// (SSL_CTX_set_custom_verify) refused a peer's certificates to struct
// tls_error: BoringSSL itself keeps reasons of its own verification only.

#ifndef ECHPROXY_NET_VERIFY_RESULT_H
#define ECHPROXY_NET_VERIFY_RESULT_H

#include <openssl/ssl.h>

// verify_result_set notes that `ssl` refuses its peer for `result`, an
// X509_V_ERR_ code.
void verify_result_set(SSL *ssl, long result);

// verify_result_get returns what was noted, or else what BoringSSL says.
long verify_result_get(const SSL *ssl);

#endif
