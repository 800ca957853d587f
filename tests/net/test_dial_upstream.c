#include "net/dial.h"
#include "net_test.h"
#include "support/leaks.h"

// dial through an upstream proxy: several addresses, errors that are the
// proxy's own, time.

TestSuite(dial_upstream, .timeout = 30);

enum { kTimeoutMs = 20000, kMaxVisits = 4 };

struct fixture {
  struct worker *worker;
  struct test_listener listener;
  struct upstream *via;
  struct address addresses[3];
  struct peer visits[kMaxVisits];  // connections to the scripted proxy
  size_t num_visits;
  int num_done;
  int err;
  struct stream *stream;
  struct address address;
};

static void on_done(void *owner, int err, struct stream *stream,
                    const struct address *address) {
  struct fixture *f = owner;
  f->num_done++;
  f->err = err;
  f->stream = stream;
  if (err == 0) {
    f->address = *address;
  }
}

static void fixture_open(struct fixture *f) {
  static const char *const kAddresses[] = {"192.0.2.1:443", "[2001:db8::2]:443",
                                           "192.0.2.3:443"};
  char url[64];
  const char *why;
  *f = (struct fixture){.worker = test_worker_new()};
  test_listener_open(&f->listener, f->worker, "127.0.0.1");
  snprintf(url, sizeof(url), "http://127.0.0.1:%u",
           (unsigned)f->listener.address.port);
  f->via = upstream_new(url, &why);
  cr_assert_not_null(f->via);
  for (size_t i = 0; i < 3; i++) {
    cr_assert(address_from_host_port(&f->addresses[i], kAddresses[i]));
  }
}

static void fixture_close(struct fixture *f) {
  stream_close(f->stream);
  for (size_t i = 0; i < f->num_visits; i++) {
    peer_cleanup(&f->visits[i]);
  }
  test_listener_close(&f->listener);
  upstream_free(f->via);
  turn_loop(f->worker, 3);
  cr_assert_eq(uv_loop_alive(worker_loop(f->worker)), 0);
  cr_assert_eq(worker_free(f->worker), 0);
  cr_expect(leaks_none());
}

// Waits for the next connection, on which `target` must be asked for.
static struct peer *expect_visit(struct fixture *f, const char *target) {
  char wanted[128];
  cr_assert_lt(f->num_visits, (size_t)kMaxVisits);
  struct peer *v = &f->visits[f->num_visits++];
  RUN_UNTIL(f->worker, f->listener.accepted != NULL);
  peer_open(v, f->listener.accepted);
  f->listener.accepted = NULL;
  snprintf(wanted, sizeof(wanted), "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n",
           target, target);
  RUN_UNTIL(f->worker, v->got.len >= strlen(wanted));
  cr_assert(peer_got_text(v, wanted), "%.*s", (int)v->got.len,
            (const char *)v->got.data);
  return v;
}

Test(dial_upstream, tries_each_address_in_turn) {
  struct fixture f;
  char text[kAddressTextSize];
  fixture_open(&f);
  dial_start(f.worker, f.via, f.addresses, 3, kTimeoutMs, on_done, &f);
  peer_write_text(expect_visit(&f, "192.0.2.1:443"), "HTTP/1.1 502 No\r\n\r\n");
  peer_write_text(expect_visit(&f, "[2001:db8::2]:443"),
                  "HTTP/1.1 504 No\r\n\r\n");
  cr_assert_eq(f.num_done, 0);
  peer_write_text(expect_visit(&f, "192.0.2.3:443"),
                  "HTTP/1.1 200 Yes\r\n\r\n");
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_assert_eq(f.err, 0);
  cr_assert_str_eq(address_format(text, &f.address), "192.0.2.3:443");
  fixture_close(&f);
}

Test(dial_upstream, tells_the_first_error_when_all_fail) {
  struct fixture f;
  fixture_open(&f);
  dial_start(f.worker, f.via, f.addresses, 2, kTimeoutMs, on_done, &f);
  peer_write_text(expect_visit(&f, "192.0.2.1:443"), "HTTP/1.1 403 No\r\n\r\n");
  peer_write_text(expect_visit(&f, "[2001:db8::2]:443"),
                  "HTTP/1.1 502 No\r\n\r\n");
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_assert_eq(f.err, UV_EPERM);
  fixture_close(&f);
}

Test(dial_upstream, tries_a_wrong_password_once_only) {
  struct fixture f;
  fixture_open(&f);
  dial_start(f.worker, f.via, f.addresses, 3, kTimeoutMs, on_done, &f);
  peer_write_text(expect_visit(&f, "192.0.2.1:443"), "HTTP/1.1 407 No\r\n\r\n");
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_assert_eq(f.err, UV_EACCES);
  turn_loop(f.worker, 10);
  cr_assert_eq(f.listener.num_accepted, 1);
  fixture_close(&f);
}

Test(dial_upstream, does_not_wait_for_an_address_that_is_silent) {
  struct fixture f;
  char text[kAddressTextSize];
  fixture_open(&f);
  dial_start(f.worker, f.via, f.addresses, 2, kTimeoutMs, on_done, &f);
  expect_visit(&f, "192.0.2.1:443");
  peer_write_text(expect_visit(&f, "[2001:db8::2]:443"),
                  "HTTP/1.1 200 Yes\r\n\r\n");
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_assert_eq(f.err, 0);
  cr_assert_str_eq(address_format(text, &f.address), "[2001:db8::2]:443");
  // The other attempt is dropped.
  RUN_UNTIL(f.worker, f.visits[0].num_ends == 1);
  fixture_close(&f);
}

Test(dial_upstream, ends_at_its_deadline_however_slowly_the_proxy_talks) {
  struct fixture f;
  fixture_open(&f);
  dial_start(f.worker, f.via, f.addresses, 1, 100, on_done, &f);
  struct peer *v = expect_visit(&f, "192.0.2.1:443");
  peer_write_text(v, "HTTP/1.1 200 ");
  while (f.num_done == 0) {
    if (v->num_ends == 0) {
      peer_write_text(v, "x");
    }
    uv_run(worker_loop(f.worker), UV_RUN_ONCE);
  }
  cr_assert_eq(f.err, UV_ETIMEDOUT);
  fixture_close(&f);
}

Test(dial_upstream, never_goes_around_a_proxy_that_is_down) {
  struct fixture f;
  struct test_listener site;
  fixture_open(&f);
  test_listener_open(&site, f.worker, "127.0.0.1");
  test_listener_close(&f.listener);
  dial_start(f.worker, f.via, &site.address, 1, kTimeoutMs, on_done, &f);
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_assert_eq(f.err, UV_ENOTCONN);
  turn_loop(f.worker, 5);
  cr_assert_eq(site.num_accepted, 0);
  test_listener_close(&site);
  upstream_free(f.via);
  cr_assert_eq(worker_free(f.worker), 0);
}

Test(dial_upstream, says_nothing_when_cancelled) {
  struct fixture f;
  fixture_open(&f);
  dial_cancel(
      dial_start(f.worker, f.via, f.addresses, 3, kTimeoutMs, on_done, &f));
  turn_loop(f.worker, 5);
  stream_close(f.listener.accepted);
  f.listener.accepted = NULL;
  struct dial *dial =
      dial_start(f.worker, f.via, f.addresses, 3, kTimeoutMs, on_done, &f);
  expect_visit(&f, "192.0.2.1:443");
  dial_cancel(dial);
  turn_loop(f.worker, 5);
  cr_assert_eq(f.num_done, 0);
  fixture_close(&f);
}
