// local_page answers requests that are meant for the proxy itself: the status
// page with its data, how to set the proxy up, and the CA's certificate. Who
// gets what is in page_access.h and docs/STATUS.md.

#ifndef ECHPROXY_PROXY_LOCAL_PAGE_H
#define ECHPROXY_PROXY_LOCAL_PAGE_H

#include "net/stream.h"
#include "proxy/local_answer.h"
#include "proxy/proxy.h"

// local_page_serve answers `request`, borrowed until it returns, and takes
// `browser`, paused; what followed the head has been unread.
void local_page_serve(struct proxy *proxy, struct stream *browser,
                      const struct local_request *request);

#endif
