// tunnel is the life of one connection through the proxy, from the browser's
// request for a host to the last byte relayed.

#ifndef ECHPROXY_PROXY_TUNNEL_H
#define ECHPROXY_PROXY_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "net/stream.h"
#include "proxy/front.h"
#include "proxy/proxy.h"

// tunnel_open reaches `host` (a DNS name of at most 253 octets, or an IP
// address without brackets; copied) at `port` for `browser`, which it takes,
// paused and not answered yet. Bytes that followed the request have been
// unread. `is_from_here` says that the browser's connection is one over
// loopback: others do not reach this machine's loopback addresses.
void tunnel_open(struct proxy *proxy, struct stream *browser,
                 enum front_kind kind, const char *host, uint16_t port,
                 bool is_from_here);

#endif
