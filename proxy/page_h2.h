// page_h2 is the HTTP/2 (RFC 9113) of a page: a server's session that gives one
// response to every request and ends with it. It takes and makes bytes and does
// no I/O; page_server.h moves them.

#ifndef ECHPROXY_PROXY_PAGE_H2_H
#define ECHPROXY_PROXY_PAGE_H2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/worker.h"

struct page_h2;

// page_h2_new makes a session that answers with `response`, a whole HTTP/1.1
// response as page_write makes it, which it borrows while it lives. Released
// with page_h2_free; NULL does nothing.
struct page_h2 *page_h2_new(const uint8_t *response, size_t len);
void page_h2_free(struct page_h2 *h2);

// page_h2_read takes what the browser has sent. False when that is not HTTP/2,
// or more than a browser has to say to get a page.
bool page_h2_read(struct page_h2 *h2, const uint8_t *data, size_t len);

// page_h2_write appends what is to be sent now to `out`. False when the session
// is broken.
bool page_h2_write(struct page_h2 *h2, struct bytes *out);

// page_h2_is_over says whether a request has been answered whole, with all that
// came along with it, and the browser been told that no more will be.
bool page_h2_is_over(const struct page_h2 *h2);

#endif
