// tap is what an observer on the wire sees: a TCP forwarder between the proxy
// and an origin that keeps every byte of both directions. It runs on a thread
// of its own.

#ifndef ECHPROXY_TESTS_SUPPORT_TAP_H
#define ECHPROXY_TESTS_SUPPORT_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tap;

// tap_new listens on a free port of 127.0.0.1. Connections are forwarded to
// 127.0.0.1:`origin_port`; 0 leaves that to tap_set_origin. Released with
// tap_free.
struct tap *tap_new(uint16_t origin_port);
void tap_free(struct tap *tap);

// tap_port returns the port that it listens on.
uint16_t tap_port(const struct tap *tap);

// tap_set_origin names the port that the next connections go to.
void tap_set_origin(struct tap *tap, uint16_t origin_port);

// tap_num_connections returns how many connections have come so far.
size_t tap_num_connections(struct tap *tap);

// tap_num_bytes returns how many bytes were recorded, both directions.
size_t tap_num_bytes(struct tap *tap);

// tap_clear forgets what was recorded so far; connections go on.
void tap_clear(struct tap *tap);

// tap_contains says whether one direction of some connection has the `len`
// bytes of `bytes` in it. Letters are compared without regard to case, as names
// are.
bool tap_contains(struct tap *tap, const void *bytes, size_t len);
bool tap_contains_text(struct tap *tap, const char *text);

// tap_contains_piece says whether 16 bytes that follow each other in `der`
// stand anywhere in the recording.
bool tap_contains_piece(struct tap *tap, const uint8_t *der, size_t der_len);

// tap_assert_hidden asserts that there was at least one connection, that the
// `public_name` was seen, and that neither `name` nor any 16-byte piece of the
// certificate `der` was.
void tap_assert_hidden(struct tap *tap, const char *name,
                       const char *public_name, const uint8_t *der,
                       size_t der_len);

#endif
