// tls13_script is the server's side of one TLS 1.3 handshake, byte by byte, for
// what no TLS library sends: it refuses ECH with an `encrypted_client_hello`
// extension of any content (RFC 9849, section 5), proves to be the public name
// or fails to, and stops where it is told to. X25519, AES-128-GCM with SHA-256
// and ECDSA P-256 only. All of it blocks.

#ifndef ECHPROXY_TESTS_SUPPORT_TLS13_SCRIPT_H
#define ECHPROXY_TESTS_SUPPORT_TLS13_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/test_cert.h"

// What to send after the client's hello.
struct tls13_script {
  const struct test_cert *cert;
  bool has_ech;  // the extension is there, with these bytes
  const uint8_t *ech;
  size_t ech_len;
  bool only_server_hello;  // nothing after it
  bool is_forged;          // CertificateVerify is not by the certificate's key
  bool is_tampered;        // Finished does not fit the handshake
};

// tls13_script_read_hello reads the record with the client's hello and returns
// the handshake message's length, or 0 when there was none.
size_t tls13_script_read_hello(int fd, uint8_t *out, size_t out_size);

// tls13_script_answer answers the handshake message `hello` on `fd`. False: the
// client offers no X25519 key share or is gone.
bool tls13_script_answer(int fd, const struct tls13_script *script,
                         const uint8_t *hello, size_t hello_len);

#endif
