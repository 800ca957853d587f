// probe is how the status page learns whether the browser that shows it sends
// its requests through this proxy (http://ech.internal/probe?KEY) and trusts
// the local CA (https). Only the page knows the key. To whoever does not, there
// is nothing: no script of another site can tell that we are here.

#ifndef ECHPROXY_PROXY_PROBE_H
#define ECHPROXY_PROXY_PROBE_H

#include <stdbool.h>

#include "net/stream.h"
#include "proxy/local_answer.h"

// probe_is_asked says whether `request` is for the probe.
bool probe_is_asked(const struct local_request *request);

// probe_answer answers it, with `key` as the right one, and takes `browser`.
void probe_answer(struct stream *browser, const struct local_request *request,
                  const char *key);

// probe_answer_nobody ends a request as if there was nothing at its address,
// and takes `browser`.
void probe_answer_nobody(struct stream *browser,
                         const struct local_request *request);

#endif
