// tls is a TLS session over another stream, client or server, itself a stream
// once its handshake is done. It knows nothing of ECH or certificates: whoever
// makes the SSL sets it up. It reads the SSL's bytes straight from the worker's
// buffer and sends many records with one write. A client's records begin small
// (record_size.h).

#ifndef ECHPROXY_NET_TLS_H
#define ECHPROXY_NET_TLS_H

#include <openssl/ssl.h>

#include "net/stream.h"
#include "net/worker.h"

struct tls;

// What a handshake comes to.
enum tls_status {
  TLS_OK,
  // The select-certificate callback asked to wait (server side): the whole
  // ClientHello is in, nothing was sent. Go on with tls_handshake_start, or
  // take the connection back with tls_unwrap.
  TLS_PAUSED,
  // The session failed; `struct tls_error` says how.
  TLS_FAILED,
};

// Why a handshake failed.
struct tls_error {
  int uv_err;          // the transport's error or end (UV_EOF), or 0
  bool via_upstream;   // `uv_err` is of a dial through an upstream proxy
  uint32_t ssl_err;    // BoringSSL's first packed error, or 0 (ERR_GET_REASON)
  long verify_result;  // X509_V_OK, or why the peer's chain was refused
  uint8_t alert;       // the fatal alert received from the peer, or 0
};

// tls_error_text writes one line in plain English that says why, without any
// host name, and returns `out`.
const char *tls_error_text(char *out, size_t out_size,
                           const struct tls_error *error);

// tls_client_new and tls_server_new make a session over `transport`, which they
// take, with `ssl`, which they take as well; its BIOs are set here. Released
// with tls_close.
struct tls *tls_client_new(struct worker *worker, struct stream *transport,
                           SSL *ssl);
struct tls *tls_server_new(struct worker *worker, struct stream *transport,
                           SSL *ssl);

// tls_handshake_cb receives the outcome of tls_handshake_start; `error` is set
// on TLS_FAILED only and borrowed until it returns. On TLS_FAILED the alert, if
// the SSL made one, has been handed to the transport, but for a server whose
// handshake never paused: that sends nothing, so that tls_unwrap is possible.
typedef void tls_handshake_cb(void *owner, enum tls_status status,
                              const struct tls_error *error);

// tls_handshake_start begins the handshake, or goes on with it after
// TLS_PAUSED. `done` runs once unless the session is closed before.
void tls_handshake_start(struct tls *tls, tls_handshake_cb *done, void *owner);

// tls_stream returns the session as a stream, once the handshake's outcome was
// TLS_OK. It is the same object: stream_close on it closes `tls`.
struct stream *tls_stream(struct tls *tls);

// tls_ssl returns the SSL, borrowed while `tls` lives. Reading and writing with
// it is left to this module.
SSL *tls_ssl(struct tls *tls);

// tls_alert returns the fatal alert that the peer has ended the session with,
// once on_end has told of UV_EPROTO, or 0.
uint8_t tls_alert(const struct tls *tls);

// tls_unwrap gives the transport of a server session back as it was before the
// session: paused, with all bytes read so far unread, and its end, if that was
// met, still to be told. The outcome must have been TLS_PAUSED or a TLS_FAILED
// that neither paused nor answered the ClientHello. It releases `tls`, and the
// caller takes the transport and sets its events.
struct stream *tls_unwrap(struct tls *tls);

// tls_hello_bytes returns the bytes that a server session has read until its
// handshake paused or failed before that, borrowed until the next call on
// `tls`.
const uint8_t *tls_hello_bytes(const struct tls *tls, size_t *out_len);

// tls_close drops the session and its transport, in any state. NULL does
// nothing.
void tls_close(struct tls *tls);

#endif
