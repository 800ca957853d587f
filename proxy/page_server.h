// page_server gives a page (page.h) to a browser that expects a site: over
// HTTP/1.1 or HTTP/2, whatever the TLS handshake has settled on.

#ifndef ECHPROXY_PROXY_PAGE_SERVER_H
#define ECHPROXY_PROXY_PAGE_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "net/stream.h"
#include "proxy/page.h"
#include "proxy/proxy.h"

#define PAGE_PROTOCOLS(X)   \
  X(PAGE_HTTP1, "http/1.1") \
  X(PAGE_H2, "h2")          \
  X(PAGE_NO_PROTOCOL, "")

// What a page is served over. PAGE_NO_PROTOCOL is a browser that offers
// nothing that we know: it gets HTTP/1.1, and no ALPN says so.
enum page_protocol {
#define X(name, alpn) name,
  PAGE_PROTOCOLS(X)
#undef X
};

// page_protocol_str returns the ALPN protocol.
const char *page_protocol_str(enum page_protocol protocol);

// page_protocol_choose returns the first protocol in the browser's list (u8
// length and protocol, repeated) that pages are served over, as a browser lists
// them in the order of its preference (RFC 7301, section 3.1).
enum page_protocol page_protocol_choose(const uint8_t *offered, size_t len);

// page_serve answers the next request on `browser` with `page` (over HTTP/2 all
// that come together), then closes it: at the latest after 10 seconds. A
// request's head is at most 16 KiB. It takes `browser`, copies `page` and
// registers itself with `proxy`.
void page_serve(struct proxy *proxy, struct stream *browser,
                enum page_protocol protocol, const struct page *page);

#endif
