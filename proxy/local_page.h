// local_page answers requests that are meant for the proxy itself (origin-form,
// RFC 9112, section 3.2.1): what it is, how to point a browser at it, and the
// CA's certificate.

#ifndef ECHPROXY_PROXY_LOCAL_PAGE_H
#define ECHPROXY_PROXY_LOCAL_PAGE_H

#include "net/stream.h"
#include "proxy/http_head.h"
#include "proxy/proxy.h"

// local_page_serve answers the request `head`, borrowed until it returns, and
// takes `browser`, paused. The Host must be 'localhost' or an IP address: a
// name could be one that a site's script has turned to this machine (DNS
// rebinding).
void local_page_serve(struct proxy *proxy, struct stream *browser,
                      const struct http_head *head);

#endif
