// listener accepts the browsers' connections, the first step of every
// connection's way, and hands each to client.h. Each worker has one of its own
// for the same address, and the kernel spreads the connections among them
// (SO_REUSEPORT).

#ifndef ECHPROXY_PROXY_LISTENER_H
#define ECHPROXY_PROXY_LISTENER_H

#include <stddef.h>

#include "net/address.h"
#include "proxy/proxy.h"

struct listener;

// listener_open listens at `address`, port 0 for one that the kernel picks, and
// writes the one in use to `out_bound`. While `proxy` is full, new connections
// wait in the kernel's queue. NULL with the libuv error in `out_err` when the
// address cannot be had, as when anybody else listens there.
struct listener *listener_open(struct proxy *proxy, struct address *out_bound,
                               int *out_err, const struct address *address);

// listener_open_beside listens for another worker where `first`, of
// listener_open, does. Neither worker's loop runs yet. It fails as
// listener_open does.
struct listener *listener_open_beside(struct proxy *proxy, int *out_err,
                                      const struct listener *first);

// listener_close stops accepting, resets what waits in the queue, and releases
// `listener`. NULL does nothing.
void listener_close(struct listener *listener);

#endif
