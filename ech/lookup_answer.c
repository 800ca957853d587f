#include "ech/lookup_answer.h"

#include <assert.h>
#include <openssl/rand.h>

#include "net/xalloc.h"

const char kLookupNoSuchName[] = "the name does not exist";

const char *lookup_status_str(enum lookup_status status) {
  static const char *const kTexts[] = {
#define X(name, text) [name] = text,
      LOOKUP_STATUSES(X)
#undef X
  };
  return kTexts[status];
}

static struct endpoint endpoint_copy(const struct endpoint *from) {
  struct endpoint to = *from;
  to.target = xstrdup(from->target);
  to.ech = from->ech == NULL ? NULL : xmemdup(from->ech, from->ech_len);
  to.alpn = from->alpn == NULL ? NULL : xmemdup(from->alpn, from->alpn_len);
  to.addresses =
      xmemdup(from->addresses, from->num_addresses * sizeof(*from->addresses));
  return to;
}

static void endpoint_free(const struct endpoint *e) {
  free((void *)e->target);
  free((void *)e->ech);
  free((void *)e->alpn);
  free((void *)e->addresses);
}

// Records of one priority share the load between them (RFC 9460, section
// 2.4.1), so all start in a random order, which a stable sort keeps for equals.
static void shuffle(struct endpoint *endpoints, size_t num) {
  for (size_t i = num; i > 1; i--) {
    uint32_t random;
    RAND_bytes((uint8_t *)&random, sizeof(random));
    size_t j = random % i;
    struct endpoint swap = endpoints[i - 1];
    endpoints[i - 1] = endpoints[j];
    endpoints[j] = swap;
  }
}

static bool goes_before(const struct endpoint *a, const struct endpoint *b) {
  if ((a->ech != NULL) != (b->ech != NULL)) {
    return a->ech != NULL;
  }
  return a->priority < b->priority;
}

static void sort(struct endpoint *endpoints, size_t num) {
  for (size_t i = 1; i < num; i++) {
    struct endpoint moved = endpoints[i];
    size_t j = i;
    for (; j > 0 && goes_before(&moved, &endpoints[j - 1]); j--) {
      endpoints[j] = endpoints[j - 1];
    }
    endpoints[j] = moved;
  }
}

struct lookup_answer *lookup_answer_new(enum lookup_status status,
                                        const char *detail, uint32_t ttl,
                                        const struct endpoint *endpoints,
                                        size_t num_endpoints,
                                        const struct address *addresses,
                                        size_t num_addresses) {
  struct endpoint *copies = xcalloc(num_endpoints, sizeof(*copies));
  for (size_t i = 0; i < num_endpoints; i++) {
    copies[i] = endpoint_copy(&endpoints[i]);
  }
  shuffle(copies, num_endpoints);
  sort(copies, num_endpoints);
  struct lookup_answer *a = xcalloc(1, sizeof(*a));
  a->status = status;
  a->detail = detail;
  a->ttl = ttl;
  a->endpoints = copies;
  a->num_endpoints = num_endpoints;
  a->addresses = xmemdup(addresses, num_addresses * sizeof(*addresses));
  a->num_addresses = num_addresses;
  a->num_refs = 1;
  return a;
}

static bool any_leads_to_loopback(const struct address *addresses, size_t num) {
  for (size_t i = 0; i < num; i++) {
    if (address_leads_to_loopback(&addresses[i])) {
      return true;
    }
  }
  return false;
}

bool lookup_answer_leads_to_loopback(const struct lookup_answer *answer) {
  bool leads = any_leads_to_loopback(answer->addresses, answer->num_addresses);
  for (size_t i = 0; !leads && i < answer->num_endpoints; i++) {
    const struct endpoint *endpoint = &answer->endpoints[i];
    leads = any_leads_to_loopback(endpoint->addresses, endpoint->num_addresses);
  }
  return leads;
}

void lookup_answer_ref(struct lookup_answer *answer) {
  atomic_fetch_add_explicit(&answer->num_refs, 1, memory_order_relaxed);
}

void lookup_answer_unref(struct lookup_answer *answer) {
  if (answer == NULL) {
    return;
  }
  // Who frees it sees what all others did with it.
  unsigned before =
      atomic_fetch_sub_explicit(&answer->num_refs, 1, memory_order_acq_rel);
  assert(before > 0);
  if (before > 1) {
    return;
  }
  for (size_t i = 0; i < answer->num_endpoints; i++) {
    endpoint_free(&answer->endpoints[i]);
  }
  free((void *)answer->endpoints);
  free((void *)answer->addresses);
  free(answer);
}
