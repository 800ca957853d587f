// resolver_connect makes one connection to a DNS server that is reached over
// TLS: dial, TLS with ECH if its configuration is known, a certificate that is
// good for the server's name, and the protocol agreed on.

#ifndef ECHPROXY_ECH_RESOLVER_CONNECT_H
#define ECHPROXY_ECH_RESOLVER_CONNECT_H

#include <openssl/ssl.h>

#include "ech/dns_server.h"
#include "ech/dns_session.h"
#include "ech/server_ech.h"
#include "net/stream.h"
#include "net/worker.h"

// resolver_ssl_ctx_new makes the settings that all connections to servers of
// `scheme` share, released with SSL_CTX_free. It keeps a reference of `trust`.
SSL_CTX *resolver_ssl_ctx_new(X509_STORE *trust, enum dns_server_scheme scheme);

struct resolver_connect;

// resolver_connect_cb receives the outcome: on CHANNEL_OK it takes `stream`,
// ready for the protocol, otherwise `stream` is NULL.
typedef void resolver_connect_cb(void *owner, enum channel_status status,
                                 struct stream *stream);

// resolver_connect_start connects to `server`, borrowed like `ctx` and `ech`
// until the end of the operation. When `ech` has a configuration, the server's
// name is sent encrypted or not at all. A rejection that is verified for the
// public name is followed by one more try, with what the server sent, or
// without ECH when it says that it has none; `ech` is told. The result is valid
// until `done` runs or resolver_connect_cancel is called.
struct resolver_connect *resolver_connect_start(
    struct worker *worker, const struct dns_server *server, SSL_CTX *ctx,
    struct server_ech *ech, resolver_connect_cb *done, void *owner);

// resolver_connect_cancel drops the attempt; `done` will not run. NULL does
// nothing.
void resolver_connect_cancel(struct resolver_connect *connect);

#endif
