#include "ech/lookup_answer.h"

#include <criterion/criterion.h>

#include "support/leaks.h"

// Names each endpoint by one letter.
static struct endpoint endpoint_of(const char *target, uint16_t priority,
                                   bool has_ech) {
  static const uint8_t kEch[] = {1, 2, 3};
  return (struct endpoint){.target = target,
                           .priority = priority,
                           .ech = has_ech ? kEch : NULL,
                           .ech_len = has_ech ? sizeof(kEch) : 0};
}

static void order_of(char *out, const struct lookup_answer *a) {
  for (size_t i = 0; i < a->num_endpoints; i++) {
    out[i] = a->endpoints[i].target[0];
  }
  out[a->num_endpoints] = '\0';
}

Test(lookup_answer, puts_ech_first_then_priority_and_shuffles_equals) {
  const struct endpoint endpoints[] = {
      endpoint_of("a", 1, false), endpoint_of("b", 3, true),
      endpoint_of("c", 2, true), endpoint_of("d", 2, true)};
  int num_cd = 0;
  enum { kRounds = 200 };
  for (int i = 0; i < kRounds; i++) {
    struct lookup_answer *a =
        lookup_answer_new(LOOKUP_ECH, "", 1, endpoints, 4, NULL, 0);
    char order[8];
    order_of(order, a);
    bool is_cd = strcmp(order, "cdba") == 0;
    cr_assert(is_cd || strcmp(order, "dcba") == 0, "%s", order);
    num_cd += is_cd;
    lookup_answer_unref(a);
  }
  // A fair coin leaves this range once in 10^18 times.
  cr_assert(num_cd > 35 && num_cd < 165, "%d of %d", num_cd, kRounds);
  cr_assert(leaks_none());
}

Test(lookup_answer, copies_and_counts) {
  char target[] = "a";
  struct address address = {.port = 1};
  struct endpoint endpoint = endpoint_of(target, 1, true);
  endpoint.addresses = &address;
  endpoint.num_addresses = 1;
  struct lookup_answer *a =
      lookup_answer_new(LOOKUP_ECH, "", 1, &endpoint, 1, &address, 1);
  target[0] = 'x';
  address.port = 2;
  lookup_answer_ref(a);
  lookup_answer_unref(a);
  cr_assert_str_eq(a->endpoints[0].target, "a");
  cr_assert_eq(a->endpoints[0].addresses[0].port, 1);
  cr_assert_eq(a->endpoints[0].ech[2], 3);
  cr_assert_eq(a->addresses[0].port, 1);
  lookup_answer_unref(a);
  lookup_answer_unref(NULL);
  cr_assert(leaks_none());
}

// What is dialled may be a hint's address, and not the host's own.
Test(lookup_answer, leads_to_loopback_by_any_of_its_addresses) {
  static const struct {
    const char *host;
    const char *endpoint;
    bool leads;
  } kCases[] = {{"192.0.2.1", "192.0.2.2", false},
                {"192.0.2.1", "127.0.0.1", true},
                {"::1", "192.0.2.2", true}};
  for (size_t i = 0; i < 3; i++) {
    struct address host, other;
    cr_assert(address_from_ip(&host, kCases[i].host, 443));
    cr_assert(address_from_ip(&other, kCases[i].endpoint, 443));
    const struct endpoint endpoint = {.priority = 1,
                                      .target = "a.test",
                                      .addresses = &other,
                                      .num_addresses = 1};
    struct lookup_answer *answer =
        lookup_answer_new(LOOKUP_NO_ECH, "", 60, &endpoint, 1, &host, 1);
    cr_expect_eq(lookup_answer_leads_to_loopback(answer), kCases[i].leads,
                 "%zu", i);
    lookup_answer_unref(answer);
  }
}
