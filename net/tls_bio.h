// tls_bio is the BIO between BoringSSL and the worker's buffers: it reads
// ciphertext from where the transport put it and appends records to the
// worker's out buffer. It never touches a socket.

#ifndef ECHPROXY_NET_TLS_BIO_H
#define ECHPROXY_NET_TLS_BIO_H

#include <openssl/bio.h>
#include <stddef.h>
#include <stdint.h>

#include "net/worker.h"

// tls_io is where a BIO reads and writes. It is embedded in the session.
struct tls_io {
  const uint8_t *in;  // ciphertext not yet read; the BIO moves on in it
  size_t in_len;
  struct bytes *out;
};

// tls_bio_new returns a BIO over `io`, which it borrows while it lives. An
// empty `in` reads as "retry"; the end of the stream is not told through it.
BIO *tls_bio_new(struct tls_io *io);

#endif
