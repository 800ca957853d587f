// client_side makes the ClientHello that BoringSSL's client sends.

#ifndef ECHPROXY_TESTS_SUPPORT_CLIENT_SIDE_H
#define ECHPROXY_TESTS_SUPPORT_CLIENT_SIDE_H

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <string.h>

// client_side_hello begins the handshake of `ssl`, which it releases, and
// writes the handshake message of its first flight to `out`. It returns its
// length, or 0 when the client refuses to begin.
static inline size_t client_side_hello(SSL *ssl, uint8_t *out,
                                       size_t out_size) {
  enum { kRecordHeaderLen = 5 };
  BIO *written = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), written);
  SSL_connect(ssl);
  const uint8_t *flight;
  size_t len;
  bool ok = BIO_mem_contents(written, &flight, &len) &&
            len > kRecordHeaderLen && flight[0] == SSL3_RT_HANDSHAKE &&
            len - kRecordHeaderLen <= out_size;
  if (ok) {
    len -= kRecordHeaderLen;
    memcpy(out, flight + kRecordHeaderLen, len);
  }
  SSL_free(ssl);
  return ok ? len : 0;
}

#endif
