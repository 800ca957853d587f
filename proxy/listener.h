// listener accepts the browsers' connections, the first step of every
// connection's way, and hands each to client.h.

#ifndef ECHPROXY_PROXY_LISTENER_H
#define ECHPROXY_PROXY_LISTENER_H

#include <stddef.h>

#include "net/address.h"
#include "proxy/proxy.h"

struct listener;

// listener_open listens at `address`, port 0 for one that the kernel picks, and
// writes the one in use to `out_bound`. While `proxy` has `max_connections`
// open, new ones wait in the kernel's queue. NULL with the libuv error in
// `out_err` when the address cannot be had.
struct listener *listener_open(struct proxy *proxy, struct address *out_bound,
                               int *out_err, const struct address *address,
                               size_t max_connections);

// listener_close stops accepting, resets what waits in the queue, and releases
// `listener`. NULL does nothing.
void listener_close(struct listener *listener);

#endif
