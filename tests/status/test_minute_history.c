#include "status/minute_history.h"

#include <criterion/criterion.h>

static uint32_t numbers[kHistoryMinutes][VISIT_UPGRADED + 1];

enum { kNow = kHistoryMinutes - 1 };

Test(minute_history, counts_by_minute_the_oldest_first) {
  static struct minute_history history;
  minute_history_add(&history, 0, VISIT_HIDDEN);
  minute_history_add(&history, 2, VISIT_HIDDEN);
  minute_history_add(&history, 2, VISIT_HIDDEN);
  minute_history_add(&history, 2, VISIT_REFUSED);
  minute_history_read(&history, 2, numbers);
  cr_assert_eq(numbers[kNow][VISIT_HIDDEN], 2);
  cr_assert_eq(numbers[kNow][VISIT_REFUSED], 1);
  cr_assert_eq(numbers[kNow - 1][VISIT_HIDDEN], 0);
  cr_assert_eq(numbers[kNow - 2][VISIT_HIDDEN], 1);
  cr_assert_eq(numbers[0][VISIT_HIDDEN], 0);
}

Test(minute_history, forgets_what_is_older_than_its_length) {
  static struct minute_history history;
  minute_history_add(&history, 5, VISIT_PASSED);
  minute_history_read(&history, 5 + kHistoryMinutes - 1, numbers);
  cr_assert_eq(numbers[0][VISIT_PASSED], 1);
  minute_history_read(&history, 5 + kHistoryMinutes, numbers);
  for (int i = 0; i < kHistoryMinutes; i++) {
    cr_assert_eq(numbers[i][VISIT_PASSED], 0);
  }
  minute_history_add(&history, 5 + kHistoryMinutes, VISIT_PASSED);
  minute_history_add(&history, 5, VISIT_PASSED);  // one that comes late
  minute_history_read(&history, 5 + kHistoryMinutes, numbers);
  cr_assert_eq(numbers[kNow][VISIT_PASSED], 1);
}
