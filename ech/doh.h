// doh is one DNS-over-HTTPS server (RFC 8484): POST over HTTP/2 on a TLS
// connection of our own that is made when first needed, kept while it is good,
// and made again when it is not. Nothing about a query is sent in the clear,
// and the server's own name is never looked up.

#ifndef ECHPROXY_ECH_DOH_H
#define ECHPROXY_ECH_DOH_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/doh_server.h"
#include "net/worker.h"

struct doh;

// doh_new makes a client for `server`, which it copies, whose certificate is
// verified against `trust`, of which it keeps a reference. It connects when the
// first query comes. Released with doh_free.
struct doh *doh_new(struct worker *worker, const struct doh_server *server,
                    X509_STORE *trust);

// doh_free drops the connection and all queries; none of their callbacks runs.
void doh_free(struct doh *doh);

#define DOH_STATUSES(X)                                                      \
  X(DOH_OK, "answered")                                                      \
  X(DOH_UNREACHABLE, "the DNS resolver could not be reached")                \
  X(DOH_NO_WAY, "the upstream proxy made no connection to the DNS resolver") \
  X(DOH_UNTRUSTED, "the DNS resolver's certificate could not be verified")   \
  X(DOH_TLS_FAILED, "the TLS handshake with the DNS resolver failed")        \
  X(DOH_HTTP_ERROR, "the DNS resolver answered with an HTTP error")          \
  X(DOH_NOT_DNS, "the DNS resolver answered with something that is not DNS") \
  X(DOH_BUSY, "too many DNS queries are waiting")                            \
  X(DOH_BROKEN, "the connection to the DNS resolver broke")                  \
  X(DOH_TIMEOUT, "the DNS resolver did not answer in time")

enum doh_status {
#define X(name, text) name,
  DOH_STATUSES(X)
#undef X
};

const char *doh_status_str(enum doh_status status);

struct doh_query;

// doh_query_cb receives the outcome; on DOH_OK `message` is a DNS message of at
// most 65535 octets, borrowed until it returns, otherwise NULL.
typedef void doh_query_cb(void *owner, enum doh_status status,
                          const uint8_t *message, size_t len);

// doh_query_start sends the DNS message `query`, which it copies. A query whose
// connection breaks before any part of the answer came is sent once more on a
// new one. When `timeout_ms` are over, DOH_TIMEOUT means that the server is
// alive but slow, DOH_BROKEN that its connection has gone silent, and
// DOH_UNREACHABLE that there is none yet. Of more than 1000 queries at a time
// the last get DOH_BUSY. The result is valid until `done` runs or
// doh_query_cancel is called.
struct doh_query *doh_query_start(struct doh *doh, const uint8_t *query,
                                  size_t len, uint64_t timeout_ms,
                                  doh_query_cb *done, void *owner);

// doh_query_cancel drops `query`; `done` will not run. NULL does nothing.
void doh_query_cancel(struct doh_query *query);

#endif
