// status_data gives what the proxy has done to whoever has the token: the
// objects of /api/ and /metrics (status/status_json.h, status/metrics_text.h).

#ifndef ECHPROXY_PROXY_STATUS_DATA_H
#define ECHPROXY_PROXY_STATUS_DATA_H

#include <stdbool.h>
#include <stddef.h>

#include "net/stream.h"
#include "proxy/local_answer.h"
#include "proxy/proxy.h"

// status_data_status returns the object of /api/status and its length. Without
// its age two are the same when nothing has changed. Released with free.
char *status_data_status(const struct proxy *proxy, bool with_age,
                         size_t *out_len);

// Each of these answers `request` and takes `browser`.
void status_data_send_status(struct proxy *proxy, struct stream *browser,
                             const struct local_request *request);
void status_data_send_visits(struct proxy *proxy, struct stream *browser,
                             const struct local_request *request);
void status_data_send_visit(struct proxy *proxy, struct stream *browser,
                            const struct local_request *request);
void status_data_send_metrics(struct proxy *proxy, struct stream *browser,
                              const struct local_request *request);

#endif
