// site_answer changes the answer of a lookup as a site rule says. It is pure:
// each function makes a new answer, with one reference.

#ifndef ECHPROXY_PROXY_SITE_ANSWER_H
#define ECHPROXY_PROXY_SITE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/lookup_answer.h"

// site_answer_with_addresses puts `addresses`, whose ports do not count, in the
// place of all that DNS gave. What DNS said of ECH stays as it is, a failure
// too; a name that does not exist counts as one without an HTTPS record.
struct lookup_answer *site_answer_with_addresses(
    const struct lookup_answer *answer, uint16_t port,
    const struct address *addresses, size_t num_addresses);

// site_answer_can_take_ech says whether there is something to connect to, once
// an ECH configuration comes from elsewhere: not for a name that must not be
// looked up, and for one that could not only where a rule has its addresses.
bool site_answer_can_take_ech(const struct lookup_answer *answer);

// site_answer_with_ech is LOOKUP_ECH with the list `ech` at the endpoints of
// `answer`, or at the addresses of `host` where there is none with an address.
// `detail` is static.
struct lookup_answer *site_answer_with_ech(const struct lookup_answer *answer,
                                           const char *host, const uint8_t *ech,
                                           size_t ech_len, uint32_t ttl,
                                           const char *detail);

// site_answer_ech returns the endpoint whose list goes first, or NULL when
// there is none.
const struct endpoint *site_answer_ech(const struct lookup_answer *answer);

#endif
