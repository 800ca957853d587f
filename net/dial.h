// dial connects to the first of several addresses that answers: Happy Eyeballs
// (RFC 8305, section 5), IPv6 and IPv4 taking turns, each next attempt starting
// 250 ms after the last, a second after it through an upstream proxy, or as
// soon as one fails.

#ifndef ECHPROXY_NET_DIAL_H
#define ECHPROXY_NET_DIAL_H

#include "net/address.h"
#include "net/stream.h"
#include "net/upstream.h"
#include "net/worker.h"

struct dial;

// dial_cb receives the outcome. On `err` 0 it takes `stream`, connected to
// `address`, which is borrowed until it returns. Otherwise both are NULL and
// `err` is the libuv error of the first attempt that failed, or UV_ETIMEDOUT
// when none had answered within the deadline; through an upstream proxy
// upstream_error_text says what it means, and trouble of the proxy's own ends
// the dial at once.
typedef void dial_cb(void *owner, int err, struct stream *stream,
                     const struct address *address);

// dial_start tries the `num_addresses` > 0 `addresses`, which it copies, within
// `timeout_ms` in all. The order given is kept within a family; the first
// address's family goes first. They are reached through `via`, which outlives
// the dial; NULL: directly. The result is valid until `done` runs or
// dial_cancel is called.
struct dial *dial_start(struct worker *worker, const struct upstream *via,
                        const struct address *addresses, size_t num_addresses,
                        uint64_t timeout_ms, dial_cb *done, void *owner);

// dial_cancel drops all attempts; `done` will not run. NULL does nothing.
void dial_cancel(struct dial *dial);

#endif
