#include "ech/race_candidates.h"

#include <string.h>

#include "ech/endpoint_alpn.h"

static void add(struct race_candidates *candidates,
                const struct endpoint *endpoint,
                const struct address *addresses, size_t num_addresses) {
  if (num_addresses == 0 || candidates->num == kLookupMaxEndpoints) {
    return;
  }
  struct race_candidate *c = &candidates->list[candidates->num++];
  c->endpoint = endpoint;
  c->num_addresses =
      num_addresses < kLookupMaxAddresses ? num_addresses : kLookupMaxAddresses;
  memcpy(c->addresses, addresses, c->num_addresses * sizeof *addresses);
}

void race_candidates_add_host(struct race_candidates *candidates,
                              const struct lookup_answer *answer) {
  add(candidates, NULL, answer->addresses, answer->num_addresses);
}

bool race_candidates_add_ech(struct race_candidates *candidates,
                             const struct lookup_answer *answer,
                             const uint8_t *alpn, size_t alpn_len) {
  bool any = false;
  for (size_t i = 0; i < answer->num_endpoints; i++) {
    const struct endpoint *e = &answer->endpoints[i];
    if (e->ech != NULL && endpoint_alpn_is_compatible(e, alpn, alpn_len)) {
      any = true;
      add(candidates, e, e->addresses, e->num_addresses);
    }
  }
  return any;
}

size_t race_candidates_num_addresses(const struct race_candidates *candidates) {
  size_t num = 0;
  for (size_t i = 0; i < candidates->num; i++) {
    num += candidates->list[i].num_addresses;
  }
  return num;
}

static bool same_address(const struct address *a, const struct address *b) {
  return a->is_ipv6 == b->is_ipv6 && a->port == b->port &&
         memcmp(a->ip, b->ip, a->is_ipv6 ? 16 : 4) == 0;
}

void race_candidate_drop(struct race_candidate *candidate,
                         const struct address *address) {
  size_t num_kept = 0;
  for (size_t i = 0; i < candidate->num_addresses; i++) {
    if (!same_address(&candidate->addresses[i], address)) {
      candidate->addresses[num_kept++] = candidate->addresses[i];
    }
  }
  candidate->num_addresses = num_kept;
}
