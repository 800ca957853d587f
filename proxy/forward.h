// forward carries one absolute-form http:// request to its site and the answer
// back (RFC 9112, section 3.2.2), without the fields that are for one hop only
// (RFC 9110, section 7.6.1). Nothing hides a plain http:// site from the
// network.

#ifndef ECHPROXY_PROXY_FORWARD_H
#define ECHPROXY_PROXY_FORWARD_H

#include <stdbool.h>

#include "net/stream.h"
#include "proxy/http_head.h"
#include "proxy/proxy.h"

// forward_open sends the request `head`, borrowed until it returns, to its
// site, and takes `browser`, paused; what followed the head has been unread. In
// MODE_STRICT, or when the site has an HTTPS record (RFC 9460, section 9.5) or
// an ECH configuration from a site rule, the browser is not forwarded in the
// clear: the latter two get a 307 to https. Unless the browser `is_from_here`,
// on a connection over loopback, it does not reach this machine's.
void forward_open(struct proxy *proxy, struct stream *browser,
                  const struct http_head *head, bool is_from_here);

// forward_answer_no_site answers a request for an http:// site as forward_open
// does when DNS says that the site does not exist, and takes `browser`.
void forward_answer_no_site(struct stream *browser, bool is_head);

#endif
