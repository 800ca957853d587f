// knot is the authoritative DNS server of the tests: the real knotd, with a
// zone `test.` that the real nsupdate changes.

#ifndef ECHPROXY_TESTS_SUPPORT_KNOT_H
#define ECHPROXY_TESTS_SUPPORT_KNOT_H

#include <stdint.h>

#include "support/scratch.h"

struct knot;

// knot_start runs knotd with the zone `test.`, which has `records`, zone lines
// with an owner and a TTL, NULL at their end. Released with knot_stop.
struct knot *knot_start(struct scratch *scratch, const char *const records[]);
void knot_stop(struct knot *knot);

// knot_port returns the port of 127.0.0.1 that answers over UDP and TCP.
uint16_t knot_port(const struct knot *knot);

// knot_update gives `script`, which ends in `send`, to nsupdate and asserts
// that the server has taken it.
void knot_update(struct knot *knot, const char *script);

// knot_query asks a DNS server on `port` of 127.0.0.1 for the HTTPS records of
// `name` with kdig, and returns what `+short` prints, which lives as long as
// `scratch`.
const char *knot_query(struct scratch *scratch, uint16_t port,
                       const char *name);

#endif
