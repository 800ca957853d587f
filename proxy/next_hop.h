// next_hop writes the head of a forwarded message anew: what was for one hop
// only goes (RFC 9110, section 7.6.1), the framing is our own, and each
// connection carries one exchange.
//
// No Via field is added, though RFC 9110, section 7.6.3 asks for one: it would
// tell every site on a plain connection, and the network, that this user runs
// echproxy. What Via is for, finding loops, is not needed: a request that comes
// back to us is in origin-form and gets a local page.

#ifndef ECHPROXY_PROXY_NEXT_HOP_H
#define ECHPROXY_PROXY_NEXT_HOP_H

#include <stdbool.h>

#include "net/worker.h"
#include "proxy/authority.h"
#include "proxy/http_head.h"

// next_hop_request appends `head` as a request to the origin `authority`, with
// the Host that this makes (RFC 9112, section 3.2.2). `path` is the URL's path
// and query as it stood there.
void next_hop_request(struct bytes *out, const struct http_head *head,
                      const struct authority *authority, struct http_text path);

// next_hop_response appends the origin's response `head`; the body goes in
// chunks if `as_chunks`. A status below 200 is left without a Connection field:
// another response follows.
void next_hop_response(struct bytes *out, const struct http_head *head,
                       bool as_chunks);

// What Max-Forwards asks of an OPTIONS or TRACE request (RFC 9110, section
// 7.6.2).
enum max_forwards { MAX_FORWARDS_GO_ON, MAX_FORWARDS_STOP, MAX_FORWARDS_BAD };

// next_hop_max_forwards says whether a request may go to the next hop.
// next_hop_request counts the field down.
enum max_forwards next_hop_max_forwards(const struct http_head *head);

#endif
