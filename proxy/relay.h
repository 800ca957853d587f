// relay moves bytes between two streams until both have finished, with
// back-pressure and half-close in both directions. It parses nothing.

#ifndef ECHPROXY_PROXY_RELAY_H
#define ECHPROXY_PROXY_RELAY_H

#include <stdint.h>

#include "net/stream.h"
#include "net/worker.h"

enum {
  kRelayIdleMs = 60 * 60 * 1000,     // without a byte in either direction
  kRelayHalfIdleMs = 2 * 60 * 1000,  // the same, when one side has finished
};

struct relay;

struct relay_counts {
  uint64_t bytes_up;    // from the browser to the site
  uint64_t bytes_down;  // from the site to the browser
};

// relay_cb runs once when all is over; both streams are gone. `err` is 0 when
// both sides finished in order, UV_ETIMEDOUT when nothing moved for too long,
// otherwise the libuv error that ended it.
typedef void relay_cb(void *owner, int err, const struct relay_counts *counts);

// relay_start takes both streams, paused, and moves what they have to say. The
// result is valid until `done` runs or relay_cancel is called.
struct relay *relay_start(struct worker *worker, struct stream *browser,
                          struct stream *site, relay_cb *done, void *owner);

// relay_cancel drops both streams; `done` will not run. NULL does nothing.
void relay_cancel(struct relay *relay);

#endif
