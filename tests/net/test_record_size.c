#include "net/record_size.h"

#include <criterion/criterion.h>

Test(record_size, begins_small_and_grows) {
  struct record_size size = {0};
  size_t record, sent = 0;
  while (sent < kRecordSmallBytes) {
    size_t n = record_size_next(&size, &record, 5000, 10000);
    cr_assert(n > 0 && n <= 10000);
    cr_assert_eq(record, kRecordSmall);
    sent += n;
  }
  cr_assert_eq(sent, kRecordSmallBytes);
  cr_assert_eq(record_size_next(&size, &record, 5000, 1 << 20), 1 << 20);
  cr_assert_eq(record, kRecordLarge);
}

Test(record_size, divides_what_is_sent_at_once) {
  struct record_size size = {0};
  size_t record;
  cr_assert_eq(record_size_next(&size, &record, 0, 1 << 20), kRecordSmallBytes);
  cr_assert_eq(record, kRecordSmall);
  cr_assert_eq(record_size_next(&size, &record, 0, 1 << 20), 1 << 20);
  cr_assert_eq(record, kRecordLarge);
}

Test(record_size, begins_anew_after_a_pause) {
  struct record_size size = {0};
  size_t record;
  uint64_t now = 123456;
  record_size_next(&size, &record, now, kRecordSmallBytes);
  for (int i = 0; i < 5; i++) {
    now += kRecordPauseMs - 1;
    record_size_next(&size, &record, now, 100);
    cr_assert_eq(record, kRecordLarge);
  }
  now += kRecordPauseMs;
  record_size_next(&size, &record, now, 100);
  cr_assert_eq(record, kRecordSmall);
}
