// tcp is a TCP connection as a stream. TCP_NODELAY is always on.

#ifndef ECHPROXY_NET_TCP_H
#define ECHPROXY_NET_TCP_H

#include <stdbool.h>
#include <uv.h>

#include "net/address.h"
#include "net/stream.h"
#include "net/worker.h"

// tcp_accept takes the next connection of the listening handle `server` of
// `worker`'s loop, from within its connection callback. It returns the stream,
// released with stream_close, or NULL with the libuv error in `out_err`.
struct stream *tcp_accept(struct worker *worker, uv_stream_t *server,
                          int *out_err);

// tcp_ends says who is at the two ends of the connection `stream`, which must
// be one of TCP itself. IPv4 that an IPv6 socket carries is told as IPv4. False
// when the connection is gone already.
bool tcp_ends(const struct stream *stream, struct address *out_peer,
              struct address *out_local);

struct tcp_connect;

// tcp_connect_cb receives the outcome: on `err` 0 it takes `stream`, otherwise
// `stream` is NULL and `err` a libuv error.
typedef void tcp_connect_cb(void *owner, int err, struct stream *stream);

// tcp_connect_start connects to `address`, which it copies. The result is valid
// until `done` runs or tcp_connect_cancel is called.
struct tcp_connect *tcp_connect_start(struct worker *worker,
                                      const struct address *address,
                                      tcp_connect_cb *done, void *owner);

// tcp_connect_cancel drops the attempt; `done` will not run. NULL does nothing.
void tcp_connect_cancel(struct tcp_connect *connect);

#endif
