#include "proxy/policy.h"

#include <criterion/criterion.h>

Test(policy, decides_as_the_table_says) {
  static const struct {
    enum lookup_status status;
    enum policy_action prefer;
    enum policy_action strict;
  } kRows[] = {
      {LOOKUP_ECH, POLICY_INTERCEPT, POLICY_INTERCEPT},
      {LOOKUP_NO_ECH, POLICY_PASS, POLICY_REFUSE},
      {LOOKUP_NO_RECORD, POLICY_PASS, POLICY_REFUSE},
      {LOOKUP_LOCAL, POLICY_PASS, POLICY_REFUSE},
      {LOOKUP_NXDOMAIN, POLICY_REFUSE, POLICY_REFUSE},
      {LOOKUP_FAILED, POLICY_REFUSE, POLICY_REFUSE},
      {LOOKUP_FORBIDDEN, POLICY_REFUSE, POLICY_REFUSE},
  };
  for (size_t i = 0; i < sizeof kRows / sizeof kRows[0]; i++) {
    struct lookup_answer answer = {.status = kRows[i].status, .detail = "why"};
    struct policy_decision prefer = policy_for_lookup(MODE_PREFER, &answer);
    struct policy_decision strict = policy_for_lookup(MODE_STRICT, &answer);
    cr_assert_eq(prefer.action, kRows[i].prefer, "row %zu", i);
    cr_assert_eq(strict.action, kRows[i].strict, "row %zu", i);
    cr_assert_eq(strict.why != NULL, strict.action == POLICY_REFUSE);
  }
}

Test(policy, tells_the_browser_that_a_name_does_not_exist) {
  struct lookup_answer answer = {.status = LOOKUP_NXDOMAIN};
  cr_assert_eq(policy_for_lookup(MODE_PREFER, &answer).refusal,
               FRONT_NO_SUCH_HOST);
}

Test(policy, goes_back_to_the_clear_only_when_ech_is_switched_off) {
  static const enum origin_status kStatuses[] = {
#define X(name, text) name,
      ORIGIN_STATUSES(X)
#undef X
  };
  for (size_t i = 0; i < sizeof kStatuses / sizeof kStatuses[0]; i++) {
    bool off = kStatuses[i] == ORIGIN_ECH_DISABLED;
    cr_assert_eq(policy_for_origin(MODE_PREFER, kStatuses[i]),
                 off ? POLICY_PASS : POLICY_REFUSE);
    cr_assert_eq(policy_for_origin(MODE_STRICT, kStatuses[i]), POLICY_REFUSE);
  }
}

Test(policy, passes_a_site_through_because_the_user_says_so) {
  const struct address address = {.ip = {127, 0, 0, 1}};
  static const struct {
    enum lookup_status status;
    size_t num_addresses;
    enum policy_action action;
  } kRows[] = {
      {LOOKUP_ECH, 1, POLICY_PASS},         {LOOKUP_NO_ECH, 0, POLICY_PASS},
      {LOOKUP_NO_RECORD, 1, POLICY_PASS},   {LOOKUP_LOCAL, 1, POLICY_PASS},
      {LOOKUP_FAILED, 1, POLICY_PASS},      {LOOKUP_FAILED, 0, POLICY_REFUSE},
      {LOOKUP_FORBIDDEN, 1, POLICY_REFUSE}, {LOOKUP_NXDOMAIN, 0, POLICY_REFUSE},
  };
  for (size_t i = 0; i < sizeof kRows / sizeof kRows[0]; i++) {
    struct lookup_answer answer = {.status = kRows[i].status,
                                   .detail = "why",
                                   .addresses = &address,
                                   .num_addresses = kRows[i].num_addresses};
    struct policy_decision decision = policy_for_lookup(MODE_PASS, &answer);
    cr_expect_eq(decision.action, kRows[i].action, "row %zu", i);
    cr_expect_not_null(decision.why, "row %zu: it is always said", i);
  }
}

Test(policy, hides_the_name_that_a_hello_is_for) {
  struct lookup_answer answer = {.status = LOOKUP_ECH, .detail = "why"};
  cr_assert_eq(policy_for_named(MODE_STRICT, &answer).action, POLICY_INTERCEPT);
  answer.status = LOOKUP_FAILED;
  cr_assert_eq(policy_for_named(MODE_PREFER, &answer).action, POLICY_REFUSE);
  answer.status = LOOKUP_NO_RECORD;
  cr_assert_eq(policy_for_named(MODE_PREFER, &answer).action, POLICY_PASS);
  answer.status = LOOKUP_NXDOMAIN;
  cr_assert_eq(policy_for_named(MODE_PREFER, &answer).action, POLICY_PASS);
  cr_assert_eq(policy_for_named(MODE_STRICT, &answer).action, POLICY_REFUSE);
}

Test(policy, passes_other_bytes_unless_strict) {
  cr_assert_eq(policy_for_other_bytes(MODE_PREFER), POLICY_PASS);
  cr_assert_eq(policy_for_other_bytes(MODE_STRICT), POLICY_REFUSE);
}
