// Dials whose connection is begun before it is known what the client speaks.

#include "origin_bed.h"
#include "support/leaks.h"

TestSuite(origin_ahead, .timeout = 30);

static struct origin_dial *prepare(struct fixture *f,
                                   struct lookup_answer *answer) {
  const struct origin_request request = {.host = kHost,
                                         .port = f->port,
                                         .answer = answer,
                                         .privacy = ORIGIN_PRIVATE,
                                         .via = f->via};
  struct origin_dial *dial =
      origin_dial_prepare(f->origin, f->worker, &request);
  lookup_answer_unref(answer);
  return dial;
}

static struct origin_dial *prepare_site(struct fixture *f) {
  struct endpoint endpoint = endpoint_at(1, &f->site.address, 1, &f->keys);
  add_context(f, "DNS:secret.test", f->root, &f->keys);
  return prepare(f, answer_with(&endpoint, 1, NULL));
}

static void begin(struct fixture *f, struct origin_dial *dial) {
  origin_dial_begin(dial, (const uint8_t *)f->alpn, strlen(f->alpn), 0,
                    on_dialed, f);
  cr_assert_eq(f->num_done, 0, "done ran inside begin");
  RUN_UNTIL(f->worker, f->num_done > 0);
}

Test(origin_ahead, connects_and_says_nothing_until_it_is_begun) {
  struct fixture f;
  fixture_init(&f);
  struct origin_dial *dial = prepare_site(&f);
  RUN_UNTIL(f.worker, f.site.num_accepted == 1);
  turn_loop(f.worker, 20);
  cr_assert_eq(f.site.num_hellos, 0);
  begin(&f, dial);
  assert_status(&f, ORIGIN_OK);
  assert_name_hidden(&f);
  cr_assert_eq(f.site.num_accepted, 1, "the connection was used");
  cr_assert_eq(f.report.address.port, f.site.address.port);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_ahead, may_be_begun_before_it_is_connected) {
  struct fixture f;
  fixture_init(&f);
  begin(&f, prepare_site(&f));
  assert_status(&f, ORIGIN_OK);
  cr_assert_eq(f.site.num_accepted, 1);
  fixture_cleanup(&f);
}

Test(origin_ahead, drops_a_connection_to_what_the_client_does_not_speak) {
  struct fixture f;
  fixture_init(&f);
  struct site h2_only = {0};
  site_open(&h2_only, f.worker);
  site_add(&h2_only, "DNS:secret.test", f.root, &f.keys);
  add_context(&f, "DNS:secret.test", f.root, &f.keys);
  struct endpoint endpoints[2] = {
      endpoint_at(1, &h2_only.address, 1, &f.keys),
      endpoint_at(2, &f.site.address, 1, &f.keys),
  };
  endpoints[0].no_default_alpn = true;
  endpoints[0].alpn = (const uint8_t *)"\x02h2";
  endpoints[0].alpn_len = 3;
  struct origin_dial *dial = prepare(&f, answer_with(endpoints, 2, NULL));
  RUN_UNTIL(f.worker, h2_only.num_accepted == 1);
  f.alpn = "\x08http/1.1";
  begin(&f, dial);
  assert_status(&f, ORIGIN_OK);
  cr_assert_eq(h2_only.num_hellos, 0);
  cr_assert_eq(f.site.num_hellos, 1);
  site_close(&h2_only);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_ahead, says_when_no_endpoint_speaks_what_the_client_does) {
  struct fixture f;
  fixture_init(&f);
  struct origin_dial *dial = prepare_site(&f);
  RUN_UNTIL(f.worker, f.site.num_accepted == 1);
  f.alpn = "\x03xyz";
  begin(&f, dial);
  assert_status(&f, ORIGIN_NO_COMPATIBLE_ENDPOINT);
  cr_assert_eq(f.site.num_hellos, 0);
  fixture_cleanup(&f);
}

static void on_timer(uv_timer_t *timer) { *(bool *)timer->data = true; }

// run_for lets `ms` go by.
static void run_for(struct worker *worker, uint64_t ms) {
  uv_timer_t timer;
  bool is_over = false;
  uv_timer_init(worker_loop(worker), &timer);
  timer.data = &is_over;
  uv_timer_start(&timer, on_timer, ms, 0);
  RUN_UNTIL(worker, is_over);
  uv_close((uv_handle_t *)&timer, NULL);
  turn_loop(worker, 1);
}

Test(origin_ahead, drops_a_connection_that_has_waited_for_long) {
  struct fixture f;
  fixture_init(&f);
  struct origin_dial *dial = prepare_site(&f);
  RUN_UNTIL(f.worker, f.site.num_accepted == 1);
  run_for(f.worker, 1200);
  begin(&f, dial);
  assert_status(&f, ORIGIN_OK);
  cr_assert_eq(f.site.num_accepted, 2);
  fixture_cleanup(&f);
}

// Some servers hang up soon on who says nothing.
Test(origin_ahead, replaces_a_connection_that_the_site_has_closed) {
  struct fixture f;
  fixture_init(&f);
  f.site.manner = SITE_IS_MUTE;
  struct origin_dial *dial = prepare_site(&f);
  RUN_UNTIL(f.worker, f.site.num_accepted == 1);
  turn_loop(f.worker, 20);
  site_refuse(&f.site);
  turn_loop(f.worker, 20);
  f.site.manner = SITE_ANSWERS;
  begin(&f, dial);
  assert_status(&f, ORIGIN_OK);
  cr_assert_eq(f.site.num_accepted, 2);
  assert_name_hidden(&f);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_ahead, tries_again_what_has_failed) {
  struct fixture f;
  fixture_init(&f);
  struct address nobody = f.site.address;
  nobody.ip[3] = 9;  // nobody listens there
  struct endpoint endpoint = endpoint_at(1, &nobody, 1, &f.keys);
  struct origin_dial *dial = prepare(&f, answer_with(&endpoint, 1, NULL));
  run_for(f.worker, 50);
  begin(&f, dial);
  assert_status(&f, ORIGIN_UNREACHABLE);
  cr_assert_eq(f.report.error.uv_err, UV_ECONNREFUSED);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_ahead, can_be_cancelled) {
  struct fixture f;
  fixture_init(&f);
  origin_dial_cancel(prepare_site(&f));
  struct endpoint endpoint = endpoint_at(1, &f.site.address, 1, &f.keys);
  struct origin_dial *dial = prepare(&f, answer_with(&endpoint, 1, NULL));
  size_t before = f.site.num_accepted;
  RUN_UNTIL(f.worker, f.site.num_accepted > before);
  origin_dial_cancel(dial);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}
