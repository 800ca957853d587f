// doh_connect makes one connection to a DoH server: dial, TLS, a certificate
// that is good for the server's name, and HTTP/2 agreed on.

#ifndef ECHPROXY_ECH_DOH_CONNECT_H
#define ECHPROXY_ECH_DOH_CONNECT_H

#include <openssl/ssl.h>

#include "ech/doh.h"
#include "net/stream.h"

// doh_ssl_ctx_new makes the settings that all connections to DoH servers share,
// released with SSL_CTX_free. It keeps a reference of `trust`.
SSL_CTX *doh_ssl_ctx_new(X509_STORE *trust);

struct doh_connect;

// doh_connect_cb receives the outcome: on DOH_OK it takes `stream`, ready for
// HTTP/2, otherwise `stream` is NULL.
typedef void doh_connect_cb(void *owner, enum doh_status status,
                            struct stream *stream);

// doh_connect_start connects to `server`, borrowed like `ctx` until the end of
// the operation. The result is valid until `done` runs or doh_connect_cancel is
// called.
struct doh_connect *doh_connect_start(struct worker *worker,
                                      const struct doh_server *server,
                                      SSL_CTX *ctx, doh_connect_cb *done,
                                      void *owner);

// doh_connect_cancel drops the attempt; `done` will not run. NULL does nothing.
void doh_connect_cancel(struct doh_connect *connect);

#endif
