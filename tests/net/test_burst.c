#include "net/burst.h"

#include <criterion/criterion.h>
#include <string.h>

// Writes down what leaves.
struct sink {
  struct burst *burst;
  char left[16];
  bool writes_again;  // when it is flushed
};

static void on_flush(void *owner, const struct bytes *gathered) {
  struct sink *sink = owner;
  strncat(sink->left, (const char *)gathered->data, gathered->len);
  if (sink->writes_again) {
    cr_assert_null(burst_gather(sink->burst, sink, on_flush));
  }
}

static void write_text(struct burst *burst, struct sink *sink,
                       const char *text) {
  struct bytes *gathered = burst_gather(burst, sink, on_flush);
  cr_assert_not_null(gathered);
  bytes_append(gathered, text, strlen(text));
}

Test(burst, gathers_only_while_it_is_on) {
  struct burst burst = {0};
  struct sink sink = {0};
  cr_assert_null(burst_gather(&burst, &sink, on_flush));
  bool was_on = burst_begin(&burst);
  write_text(&burst, &sink, "one ");
  write_text(&burst, &sink, "two");
  cr_assert_str_eq(sink.left, "");
  burst_end(&burst, was_on);
  cr_assert_str_eq(sink.left, "one two");
  cr_assert_null(burst_gather(&burst, &sink, on_flush));
  burst_cleanup(&burst);
}

Test(burst, lets_one_leave_before_another_gathers) {
  struct burst burst = {0};
  struct sink a = {0}, b = {0};
  bool was_on = burst_begin(&burst);
  write_text(&burst, &a, "a");
  write_text(&burst, &b, "b");
  cr_assert_str_eq(a.left, "a");
  burst_flush(&burst, &a);
  cr_assert_str_eq(b.left, "");
  burst_flush(&burst, &b);
  cr_assert_str_eq(b.left, "b");
  burst_end(&burst, was_on);
  cr_assert_str_eq(b.left, "b");
  burst_cleanup(&burst);
}

Test(burst, forgets_what_is_dropped) {
  struct burst burst = {0};
  struct sink a = {0}, b = {0};
  bool was_on = burst_begin(&burst);
  write_text(&burst, &a, "a");
  burst_drop(&burst, &b);
  burst_drop(&burst, &a);
  write_text(&burst, &b, "b");
  burst_end(&burst, was_on);
  cr_assert_str_eq(a.left, "");
  cr_assert_str_eq(b.left, "b");
  burst_cleanup(&burst);
}

// As a TLS session over another one does.
Test(burst, goes_on_after_one_within) {
  struct burst burst = {0};
  struct sink sink = {.burst = &burst, .writes_again = true};
  bool was_on = burst_begin(&burst);
  bool inner_was_on = burst_begin(&burst);
  write_text(&burst, &sink, "in");
  burst_end(&burst, inner_was_on);
  cr_assert_str_eq(sink.left, "in");
  write_text(&burst, &sink, "out");
  burst_end(&burst, was_on);
  cr_assert_str_eq(sink.left, "inout");
  burst_cleanup(&burst);
}
