// upstream_connect makes one connection to an address through an upstream
// proxy: it connects to the proxy and asks it for the address. dial.h is what
// uses it.

#ifndef ECHPROXY_NET_UPSTREAM_CONNECT_H
#define ECHPROXY_NET_UPSTREAM_CONNECT_H

#include "net/address.h"
#include "net/stream.h"
#include "net/upstream.h"
#include "net/worker.h"

struct upstream_connect;

// upstream_connect_cb receives the outcome. On `err` 0 it takes `stream`, which
// is the connection to the address: what the proxy sent behind its answer comes
// first. Otherwise `stream` is NULL, and upstream_error_text explains `err`.
typedef void upstream_connect_cb(void *owner, int err, struct stream *stream);

// upstream_connect_start connects to `target`, which it copies, through
// `upstream`, whose addresses are known and which outlives the operation. It
// sets no limit to the time that the proxy takes for its answers. The result
// is valid until `done` runs or upstream_connect_cancel is called.
struct upstream_connect *upstream_connect_start(struct worker *worker,
                                                const struct upstream *upstream,
                                                const struct address *target,
                                                upstream_connect_cb *done,
                                                void *owner);

// upstream_connect_cancel drops the attempt; `done` will not run. NULL does
// nothing.
void upstream_connect_cancel(struct upstream_connect *connect);

#endif
