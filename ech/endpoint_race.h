// endpoint_race connects to the first of several endpoints that answers: Happy
// Eyeballs (RFC 8305) over endpoints, as dial.h does it over the addresses of
// one. The next endpoint starts 250 ms after the last, a second after it
// through an upstream proxy, or as soon as one has failed, so that an endpoint
// all of whose addresses are dead costs no more than a dead address does. One
// connection comes out; the others are closed before anything was sent on them.

#ifndef ECHPROXY_ECH_ENDPOINT_RACE_H
#define ECHPROXY_ECH_ENDPOINT_RACE_H

#include "ech/race_candidates.h"
#include "net/stream.h"
#include "net/upstream.h"
#include "net/worker.h"

struct endpoint_race;

// endpoint_race_cb receives the outcome. On `err` 0 it takes `stream`,
// connected to `address` of `winner`, both borrowed until it returns. Otherwise
// these are NULL and `err` is the libuv error of the first endpoint that
// failed; trouble of an upstream proxy's own ends the race at once (dial.h).
typedef void endpoint_race_cb(void *owner, int err, struct stream *stream,
                              struct race_candidate *winner,
                              const struct address *address);

// endpoint_race_start tries the first kLookupMaxEndpoints of `candidates` that
// have an address in their order, each for at most `timeout_ms`. They are
// borrowed while it runs; at least one has an address. They are reached through
// `via`, which outlives the race; NULL: directly. The result is valid
// until `done` runs or endpoint_race_cancel is called.
struct endpoint_race *endpoint_race_start(struct worker *worker,
                                          const struct upstream *via,
                                          struct race_candidate *candidates,
                                          size_t num_candidates,
                                          uint64_t timeout_ms,
                                          endpoint_race_cb *done, void *owner);

// endpoint_race_cancel drops all attempts; `done` will not run. NULL does
// nothing.
void endpoint_race_cancel(struct endpoint_race *race);

#endif
