#include "net/dial.h"

#include "net_test.h"
#include "support/silent.h"

TestSuite(dial, .timeout = 30);

enum { kTimeoutMs = 20000 };

struct outcome {
  int num_done;
  int err;
  struct stream *stream;
  struct address address;
};

static void on_outcome(void *owner, int err, struct stream *stream,
                       const struct address *address) {
  struct outcome *o = owner;
  o->num_done++;
  o->err = err;
  o->stream = stream;
  if (address != NULL) {
    o->address = *address;
  }
}

static bool same_address(const struct address *a, const struct address *b) {
  char text_a[kAddressTextSize];
  char text_b[kAddressTextSize];
  return strcmp(address_format(text_a, a), address_format(text_b, b)) == 0;
}

// An address on which nobody listens.
static struct address refusing(struct worker *w) {
  struct test_listener l;
  test_listener_open(&l, w, "127.0.0.1");
  test_listener_close(&l);
  return l.address;
}

// Ends a test in which `o` connected to `l`, or to nobody when `l` is NULL.
static void cleanup(struct worker *w, struct outcome *o,
                    struct test_listener *l) {
  stream_close(o->stream);
  if (l != NULL) {
    RUN_UNTIL(w, l->accepted != NULL);
    stream_close(l->accepted);
    test_listener_close(l);
  }
  turn_loop(w, 2);
  cr_assert_eq(uv_loop_alive(worker_loop(w)), 0);
  cr_assert_eq(worker_free(w), 0);
}

Test(dial, connects_to_the_only_address) {
  struct worker *w = test_worker_new();
  struct test_listener l;
  test_listener_open(&l, w, "127.0.0.1");
  struct outcome o = {0};
  dial_start(w, NULL, &l.address, 1, kTimeoutMs, on_outcome, &o);
  cr_assert_eq(o.num_done, 0);
  RUN_UNTIL(w, o.num_done == 1);
  cr_assert_eq(o.err, 0);
  cr_assert(same_address(&o.address, &l.address));
  cleanup(w, &o, &l);
}

Test(dial, goes_on_at_once_after_a_refusal) {
  struct worker *w = test_worker_new();
  struct test_listener l;
  test_listener_open(&l, w, "127.0.0.1");
  struct address addresses[] = {refusing(w), refusing(w), l.address};
  struct outcome o = {0};
  uint64_t start = uv_hrtime();
  dial_start(w, NULL, addresses, 3, kTimeoutMs, on_outcome, &o);
  RUN_UNTIL(w, o.num_done == 1);
  cr_assert_eq(o.err, 0);
  cr_assert(same_address(&o.address, &l.address));
  // Two turns of 250 ms would be half a second.
  cr_assert_lt(uv_hrtime() - start, UINT64_C(400000000));
  cleanup(w, &o, &l);
}

Test(dial, does_not_wait_for_an_address_that_is_silent) {
  struct worker *w = test_worker_new();
  struct test_listener l;
  test_listener_open(&l, w, "127.0.0.1");
  struct silent silent;
  silent_open(&silent);
  struct address addresses[] = {silent.address, l.address};
  struct outcome o = {0};
  uint64_t start = uv_hrtime();
  dial_start(w, NULL, addresses, 2, kTimeoutMs, on_outcome, &o);
  RUN_UNTIL(w, o.num_done == 1);
  cr_assert_eq(o.err, 0);
  cr_assert(same_address(&o.address, &l.address));
  cr_assert_geq(uv_hrtime() - start, UINT64_C(200000000));
  silent_close(&silent);
  cleanup(w, &o, &l);
}

Test(dial, takes_turns_between_the_families) {
  struct worker *w = test_worker_new();
  struct test_listener l4;
  struct test_listener l6;
  test_listener_open(&l4, w, "127.0.0.1");
  test_listener_open(&l6, w, "::1");
  // IPv4, then IPv6, though the second IPv4 address comes before it.
  struct address addresses[] = {refusing(w), l4.address, l6.address};
  struct outcome o = {0};
  dial_start(w, NULL, addresses, 3, kTimeoutMs, on_outcome, &o);
  RUN_UNTIL(w, o.num_done == 1);
  cr_assert(same_address(&o.address, &l6.address));
  stream_close(o.stream);
  RUN_UNTIL(w, l6.accepted != NULL);
  stream_close(l6.accepted);
  test_listener_close(&l6);

  o = (struct outcome){0};
  struct address now_refusing[] = {addresses[0], l4.address, l6.address};
  dial_start(w, NULL, now_refusing, 3, kTimeoutMs, on_outcome, &o);
  RUN_UNTIL(w, o.num_done == 1);
  cr_assert(same_address(&o.address, &l4.address));
  cleanup(w, &o, &l4);
}

Test(dial, tells_the_first_error_when_all_fail) {
  struct worker *w = test_worker_new();
  struct address addresses[] = {refusing(w), refusing(w)};
  struct outcome o = {0};
  dial_start(w, NULL, addresses, 2, kTimeoutMs, on_outcome, &o);
  RUN_UNTIL(w, o.num_done == 1);
  cr_assert_eq(o.err, UV_ECONNREFUSED);
  cr_assert_null(o.stream);
  cleanup(w, &o, NULL);
}

Test(dial, ends_at_its_deadline) {
  struct worker *w = test_worker_new();
  struct silent silent;
  silent_open(&silent);
  struct outcome o = {0};
  dial_start(w, NULL, &silent.address, 1, 50, on_outcome, &o);
  RUN_UNTIL(w, o.num_done == 1);
  cr_assert_eq(o.err, UV_ETIMEDOUT);
  silent_close(&silent);
  cleanup(w, &o, NULL);
}

Test(dial, tries_no_more_than_sixteen) {
  struct worker *w = test_worker_new();
  struct test_listener l;
  test_listener_open(&l, w, "127.0.0.1");
  struct address addresses[17];
  for (int i = 0; i < 16; i++) {
    addresses[i] = i == 0 ? refusing(w) : addresses[0];
  }
  addresses[16] = l.address;
  struct outcome o = {0};
  dial_start(w, NULL, addresses, 17, kTimeoutMs, on_outcome, &o);
  RUN_UNTIL(w, o.num_done == 1);
  cr_assert_eq(o.err, UV_ECONNREFUSED);
  cr_assert_eq(l.num_accepted, 0);
  o = (struct outcome){0};
  dial_start(w, NULL, addresses + 1, 16, kTimeoutMs, on_outcome, &o);
  RUN_UNTIL(w, o.num_done == 1);
  cr_assert_eq(o.err, 0);
  cleanup(w, &o, &l);
}

Test(dial, says_nothing_when_cancelled) {
  struct worker *w = test_worker_new();
  struct test_listener l;
  test_listener_open(&l, w, "127.0.0.1");
  struct silent silent;
  silent_open(&silent);
  struct address addresses[] = {silent.address, l.address};
  struct outcome o = {0};
  dial_cancel(NULL);
  dial_cancel(dial_start(w, NULL, addresses, 2, kTimeoutMs, on_outcome, &o));
  struct dial *dial =
      dial_start(w, NULL, addresses, 2, kTimeoutMs, on_outcome, &o);
  turn_loop(w, 3);
  dial_cancel(dial);
  turn_loop(w, 5);
  cr_assert_eq(o.num_done, 0);
  test_listener_close(&l);
  silent_close(&silent);
  cleanup(w, &o, NULL);
}
