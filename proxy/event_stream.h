// event_stream tells a watcher what happens as it happens, as server-sent
// events (WHATWG HTML, section 9.2): `status`, the object of /api/status, and
// `visit`, a row of /api/visits.

#ifndef ECHPROXY_PROXY_EVENT_STREAM_H
#define ECHPROXY_PROXY_EVENT_STREAM_H

#include "net/stream.h"
#include "proxy/local_answer.h"
#include "proxy/proxy.h"

// event_stream_open answers `request` with the stream, which goes on until the
// watcher leaves or the proxy stops or drains, and takes `browser`. It looks
// for something new every 100 ms. A watcher who does not read is told nothing
// more until he does, and then what is the case by then. There are at most 16
// (kMaxWatchers): another gets a 503.
void event_stream_open(struct proxy *proxy, struct stream *browser,
                       const struct local_request *request);

#endif
