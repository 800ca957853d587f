#include "ech/resolver_health.h"

#include <criterion/criterion.h>

static struct resolver_report report;

Test(resolver_health, is_unused_at_first) {
  struct resolver_health *health = resolver_health_new();
  resolver_health_read(health, &report);
  cr_assert_eq(report.state, RESOLVER_UNUSED);
  cr_assert_eq(report.last_ok_ms, 0);
  cr_assert_null(report.last_error);
  resolver_health_free(health);
}

Test(resolver_health, fails_at_once_when_it_never_worked) {
  struct resolver_health *health = resolver_health_new();
  resolver_health_failed(health, "why");
  resolver_health_read(health, &report);
  cr_assert_eq(report.state, RESOLVER_FAILING);
  cr_assert_str_eq(report.last_error, "why");
  cr_assert_gt(report.last_failed_ms, 1700000000000);
  cr_assert_eq(report.last_ok_ms, 0);
  resolver_health_free(health);
}

// One may go unanswered for the name's sake.
Test(resolver_health, fails_when_more_than_one_question_has_failed) {
  struct resolver_health *health = resolver_health_new();
  resolver_health_answered(health);
  resolver_health_failed(health, "why");
  resolver_health_read(health, &report);
  cr_assert_eq(report.state, RESOLVER_OK);
  resolver_health_failed(health, "why");
  resolver_health_read(health, &report);
  cr_assert_eq(report.state, RESOLVER_FAILING);

  resolver_health_answered(health);
  resolver_health_read(health, &report);
  cr_assert_eq(report.state, RESOLVER_OK);
  cr_assert_str_eq(report.last_error, "why", "it is still the last one");
  cr_assert_gt(report.last_ok_ms, 1700000000000);
  resolver_health_free(health);
}
