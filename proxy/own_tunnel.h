// own_tunnel answers a tunnel to ech.internal itself: that name is ours and is
// never looked up. On port 443 there is TLS with a leaf of the local CA in it,
// so that a browser that trusts the CA reaches our pages over https.

#ifndef ECHPROXY_PROXY_OWN_TUNNEL_H
#define ECHPROXY_PROXY_OWN_TUNNEL_H

#include <stdint.h>

#include "net/stream.h"
#include "proxy/front.h"
#include "proxy/page_access.h"
#include "proxy/proxy.h"

// own_tunnel_open answers `browser`, which it takes, paused; bytes that
// followed the request have been unread. Within the tunnel it has 10 seconds
// for a handshake and as long for a request. On other ports than 80 and 443
// there is nothing.
void own_tunnel_open(struct proxy *proxy, struct stream *browser,
                     enum front_kind kind, uint16_t port,
                     const struct page_visitor *visitor);

#endif
