// endpoint_alpn says whether a client can use an endpoint of an HTTPS record,
// from the protocols that each of them speaks (RFC 9460, section 7.1).

#ifndef ECHPROXY_ECH_ENDPOINT_ALPN_H
#define ECHPROXY_ECH_ENDPOINT_ALPN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/lookup_answer.h"

// endpoint_alpn_is_compatible says whether `endpoint` speaks one of the
// protocols that the client offers: u8 length and protocol, repeated. Of one
// that is cut short nothing counts; a client that offers none (`offered_len` 0)
// speaks http/1.1.
bool endpoint_alpn_is_compatible(const struct endpoint *endpoint,
                                 const uint8_t *offered, size_t offered_len);

#endif
