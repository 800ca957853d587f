// client is a browser's connection until it is known what it asks for: SOCKS5
// (first byte 0x05), HTTP CONNECT, a request for an http:// site, or one for
// the proxy's own pages. It then hands the connection on and is gone.

#ifndef ECHPROXY_PROXY_CLIENT_H
#define ECHPROXY_PROXY_CLIENT_H

#include "net/stream.h"
#include "proxy/page_access.h"
#include "proxy/proxy.h"

// client_open takes the accepted connection `browser`. It has 10 seconds to
// ask.
void client_open(struct proxy *proxy, struct stream *browser);

// client_open_inside does the same within a tunnel to ech.internal, where there
// is nothing but the proxy's own pages to ask for over HTTP.
void client_open_inside(struct proxy *proxy, struct stream *browser,
                        const struct page_visitor *visitor);

#endif
