// race_candidates are the endpoints and addresses that a site may still be
// reached at: those of a lookup's answer, without the addresses that have
// failed.

#ifndef ECHPROXY_ECH_RACE_CANDIDATES_H
#define ECHPROXY_ECH_RACE_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/lookup_answer.h"

// An endpoint, and those of its addresses that are worth a try.
struct race_candidate {
  const struct endpoint *endpoint;  // borrowed; NULL for the host itself
  struct address addresses[kLookupMaxAddresses];
  size_t num_addresses;
};

struct race_candidates {
  struct race_candidate list[kLookupMaxEndpoints];
  size_t num;
};

// race_candidates_add_host adds the host's own addresses in `answer`.
void race_candidates_add_host(struct race_candidates *candidates,
                              const struct lookup_answer *answer);

// race_candidates_add_ech adds the endpoints of `answer` with ECH that speak
// one of the protocols in `alpn` (endpoint_alpn.h), in their order. They are
// borrowed from `answer`. False when there is no such endpoint, not even one
// without an address.
bool race_candidates_add_ech(struct race_candidates *candidates,
                             const struct lookup_answer *answer,
                             const uint8_t *alpn, size_t alpn_len);

// race_candidates_num_addresses returns how many addresses are left in all.
size_t race_candidates_num_addresses(const struct race_candidates *candidates);

// race_candidate_drop takes `address` off the list of `candidate`.
void race_candidate_drop(struct race_candidate *candidate,
                         const struct address *address);

#endif
