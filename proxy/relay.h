// relay moves bytes between two streams until both have finished, with
// back-pressure and half-close in both directions. It parses nothing.

#ifndef ECHPROXY_PROXY_RELAY_H
#define ECHPROXY_PROXY_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/stream.h"
#include "net/worker.h"

enum {
  kRelayIdleMs = 60 * 60 * 1000,     // without a byte in either direction
  kRelayHalfIdleMs = 2 * 60 * 1000,  // the same, when one side has finished
};

struct relay;

struct relay_events {
  // moved tells of octets on their way: `up` from the browser to the site,
  // `down` the other way.
  void (*moved)(void *owner, size_t up, size_t down);

  // peek shows what the browser sends, borrowed until it returns, after it was
  // handed on, as long as it returns true. NULL: nobody looks, and the kernel
  // may move it from the start.
  bool (*peek)(void *owner, const uint8_t *data, size_t len);

  // done runs once when all is over; both streams are gone. `err` is 0 when
  // both sides finished in order, UV_ETIMEDOUT when nothing moved for too long,
  // otherwise the libuv error that ended it.
  void (*done)(void *owner, int err);
};

// relay_start takes both streams, paused, and moves what they have to say.
// `events` is static and must not cancel the relay. The result is valid until
// `done` runs or relay_cancel is called.
struct relay *relay_start(struct worker *worker, struct stream *browser,
                          struct stream *site,
                          const struct relay_events *events, void *owner);

// relay_cancel drops both streams; `done` will not run. NULL does nothing.
void relay_cancel(struct relay *relay);

#endif
