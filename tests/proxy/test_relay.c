#include "proxy/relay.h"

#include <criterion/criterion.h>

#include "net/net_test.h"
#include "net/tls_bed.h"
#include "net/xalloc.h"

// A relay between two TCP connections, whose far ends the test holds.
struct fixture {
  struct worker *worker;
  struct peer browser;
  struct peer site;
  struct relay *relay;
  int num_done;
  int err;
  size_t bytes_up;
  size_t bytes_down;
  size_t wanted;  // octets of the browser's that are looked at
  struct bytes seen;
};

static void on_octets(void *owner, size_t up, size_t down) {
  struct fixture *f = owner;
  f->bytes_up += up;
  f->bytes_down += down;
}

static bool on_peek(void *owner, const uint8_t *data, size_t len) {
  struct fixture *f = owner;
  cr_assert_lt(f->seen.len, f->wanted, "enough was seen");
  bytes_append(&f->seen, data, len);
  return f->seen.len < f->wanted;
}

static void on_relayed(void *owner, int err) {
  struct fixture *f = owner;
  f->num_done++;
  f->err = err;
  f->relay = NULL;
}

static const struct relay_events kEvents = {.moved = on_octets,
                                            .done = on_relayed};
static const struct relay_events kPeekingEvents = {
    .moved = on_octets, .peek = on_peek, .done = on_relayed};

// With `unread` put back to what the browser has sent; NULL: nothing.
static void fixture_init_unread(struct fixture *f, const char *unread) {
  *f = (struct fixture){.worker = test_worker_new()};
  struct stream *browser, *site, *near_browser, *near_site;
  test_tcp_pair(f->worker, &browser, &near_browser);
  test_tcp_pair(f->worker, &near_site, &site);
  peer_open(&f->browser, browser);
  peer_open(&f->site, site);
  if (unread != NULL) {
    stream_unread(near_browser, (const uint8_t *)unread, strlen(unread));
  }
  f->relay = relay_start(f->worker, near_browser, near_site, &kEvents, f);
}

static void fixture_init(struct fixture *f) { fixture_init_unread(f, NULL); }

// How many pipes of the kernel hold bytes.
static unsigned num_pipes_in_use(struct fixture *f) {
  const struct splice_pool *pool = worker_pipes(f->worker);
  return pool->num_pipes - pool->num_spare;
}

static void fixture_cleanup(struct fixture *f) {
  peer_cleanup(&f->browser);
  peer_cleanup(&f->site);
  relay_cancel(f->relay);
  cr_assert_eq(worker_free(f->worker), 0, "a handle was left open");
}

Test(relay, carries_bytes_both_ways_and_counts_them) {
  struct fixture f;
  fixture_init(&f);
  peer_write_text(&f.browser, "a question");
  RUN_UNTIL(f.worker, peer_got_text(&f.site, "a question"));
  peer_write_text(&f.site, "answer");
  RUN_UNTIL(f.worker, peer_got_text(&f.browser, "answer"));
  stream_shutdown(f.browser.stream);
  stream_shutdown(f.site.stream);
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_assert_eq(f.err, 0);
  cr_assert_eq(f.bytes_up, 10);
  cr_assert_eq(f.bytes_down, 6);
  fixture_cleanup(&f);
}

Test(relay, keeps_the_other_direction_open_after_a_half_close) {
  struct fixture f;
  fixture_init(&f);
  peer_write_text(&f.browser, "all I have");
  stream_shutdown(f.browser.stream);
  RUN_UNTIL(f.worker, f.site.num_ends > 0);
  cr_assert(peer_got_text(&f.site, "all I have"));
  cr_assert_eq(f.num_done, 0);
  peer_write_text(&f.site, "late answer");
  stream_shutdown(f.site.stream);
  RUN_UNTIL(f.worker, f.browser.num_ends > 0);
  cr_assert(peer_got_text(&f.browser, "late answer"));
  cr_assert_eq(f.browser.end_err, 0);
  fixture_cleanup(&f);
}

Test(relay, holds_back_a_sender_that_is_faster_than_its_reader) {
  enum { kLen = 32 * 1024 * 1024 };
  struct fixture f;
  fixture_init(&f);
  stream_read_stop(f.site.stream);
  uint8_t *data = test_pattern(kLen, 1);
  stream_write(f.browser.stream, data, kLen);
  turn_loop(f.worker, 2000);
  // Buffers of the kernel and one burst of the relay's fill; the rest waits.
  cr_assert_gt(stream_pending(f.browser.stream), kLen / 4);
  cr_assert_eq(num_pipes_in_use(&f), 1);
  stream_read_start(f.site.stream);
  RUN_UNTIL(f.worker, f.site.got.len == kLen);
  cr_assert_eq(num_pipes_in_use(&f), 0);
  cr_assert_eq(memcmp(f.site.got.data, data, kLen), 0);
  free(data);
  fixture_cleanup(&f);
}

Test(relay, delivers_what_came_before_a_break) {
  enum { kLen = 64 * 1024 };
  struct fixture f;
  fixture_init(&f);
  stream_read_stop(f.site.stream);
  uint8_t *data = test_pattern(kLen, 2);
  stream_write(f.browser.stream, data, kLen);
  turn_loop(f.worker, 200);
  stream_close(f.browser.stream);
  f.browser.stream = NULL;
  stream_read_start(f.site.stream);
  RUN_UNTIL(f.worker, f.site.num_ends > 0);
  cr_assert_eq(f.site.got.len, kLen);
  cr_assert_eq(memcmp(f.site.got.data, data, kLen), 0);
  free(data);
  fixture_cleanup(&f);
}

Test(relay, ends_when_a_side_resets) {
  struct fixture f;
  fixture_init(&f);
  stream_read_stop(f.browser.stream);
  peer_write_text(&f.site, "unread bytes make the close a reset");
  turn_loop(f.worker, 50);
  stream_close(f.browser.stream);
  f.browser.stream = NULL;
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_assert_neq(f.err, 0);
  RUN_UNTIL(f.worker, f.site.num_ends > 0);
  fixture_cleanup(&f);
}

Test(relay, can_be_cancelled) {
  struct fixture f;
  fixture_init(&f);
  relay_cancel(f.relay);
  f.relay = NULL;
  RUN_UNTIL(f.worker, f.browser.num_ends > 0 && f.site.num_ends > 0);
  cr_assert_eq(f.num_done, 0);
  fixture_cleanup(&f);
}

// A site over TLS whose connection breaks off when the browser has not read all
// yet and goes on to speak.
Test(relay, delivers_what_came_before_a_break_to_who_still_speaks) {
  enum { kLen = 2 * 1024 * 1024 };
  struct fixture f = {0};
  struct bed bed;
  bed_init(&bed);
  bed_open(&bed);
  struct stream *browser, *near_browser;
  f.worker = bed.worker;
  test_tcp_pair(f.worker, &browser, &near_browser);
  peer_open(&f.browser, browser);
  f.relay =
      relay_start(f.worker, near_browser, bed.client.peer.stream, &kEvents, &f);
  bed.client.peer.stream = NULL;  // taken
  stream_read_stop(browser);
  uint8_t *data = test_pattern(kLen, 3);
  stream_write(bed.server.peer.stream, data, kLen);
  RUN_UNTIL(f.worker, stream_pending(bed.server.peer.stream) == 0);
  peer_close(&bed.server.peer);  // without close_notify
  turn_loop(f.worker, 200);
  peer_write_text(&f.browser, "a window update");
  turn_loop(f.worker, 20);
  stream_read_start(browser);
  RUN_UNTIL(f.worker, f.browser.num_ends > 0);
  cr_expect_eq(f.browser.got.len, kLen);
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_expect_eq(f.err, UV_EOF);
  free(data);
  peer_cleanup(&f.browser);
  bed_cleanup(&bed);
}

// As when a site refuses an upload: it answers and closes, with bytes unread
// that make it a reset.
Test(relay, delivers_an_answer_to_who_still_sends) {
  enum { kLen = 1024 * 1024 };
  for (int tries = 0; tries < 20; tries++) {
    struct fixture f;
    fixture_init(&f);
    uint8_t *data = test_pattern(kLen, 4);
    stream_read_stop(f.site.stream);
    peer_write_text(&f.browser, "a question");
    turn_loop(f.worker, 10);
    stream_write(f.browser.stream, data, kLen);
    peer_write_text(&f.site, "too long");
    peer_close(&f.site);
    free(data);
    RUN_UNTIL(f.worker, f.browser.num_ends > 0);
    cr_expect(peer_got_text(&f.browser, "too long"), "try %d", tries);
    fixture_cleanup(&f);
  }
}

// Without a pipe the bytes would have gone through this process.
Test(relay, holds_a_pipe_of_the_kernel_only_while_bytes_are_in_it) {
  struct fixture f;
  fixture_init(&f);
  cr_assert_eq(worker_pipes(f.worker)->num_pipes, 0);
  peer_write_text(&f.browser, "a question");
  RUN_UNTIL(f.worker, peer_got_text(&f.site, "a question"));
  peer_write_text(&f.site, "answer");
  RUN_UNTIL(f.worker, peer_got_text(&f.browser, "answer"));
  cr_assert_eq(worker_pipes(f.worker)->num_pipes, 1);
  cr_assert_eq(num_pipes_in_use(&f), 0);
  fixture_cleanup(&f);
}

Test(relay, begins_with_the_bytes_that_were_put_back) {
  struct fixture f;
  fixture_init_unread(&f, "hello, ");
  peer_write_text(&f.browser, "world");
  stream_shutdown(f.browser.stream);
  RUN_UNTIL(f.worker, f.site.num_ends > 0);
  cr_assert(peer_got_text(&f.site, "hello, world"));
  stream_shutdown(f.site.stream);
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_assert_eq(f.bytes_up, 12);
  fixture_cleanup(&f);
}

// What fills the pipe and the kernel's buffers must go with the connection.
Test(relay, drops_a_full_pipe_when_a_side_resets) {
  enum { kLen = 32 * 1024 * 1024 };
  struct fixture f;
  fixture_init(&f);
  stream_read_stop(f.site.stream);
  uint8_t *data = test_pattern(kLen, 5);
  stream_write(f.browser.stream, data, kLen);
  free(data);
  turn_loop(f.worker, 2000);
  cr_assert_eq(num_pipes_in_use(&f), 1);
  peer_close(&f.site);
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_assert_neq(f.err, 0);
  cr_assert_eq(num_pipes_in_use(&f), 0);
  fixture_cleanup(&f);
}

Test(relay, drops_a_full_pipe_when_it_is_cancelled) {
  enum { kLen = 32 * 1024 * 1024 };
  struct fixture f;
  fixture_init(&f);
  stream_read_stop(f.site.stream);
  uint8_t *data = test_pattern(kLen, 6);
  stream_write(f.browser.stream, data, kLen);
  free(data);
  turn_loop(f.worker, 2000);
  cr_assert_eq(num_pipes_in_use(&f), 1);
  relay_cancel(f.relay);
  f.relay = NULL;
  cr_assert_eq(num_pipes_in_use(&f), 0);
  fixture_cleanup(&f);
}

// Both ways at once, both ends held back: each direction has its own pipe.
Test(relay, carries_much_both_ways_at_once) {
  enum { kLen = 24 * 1024 * 1024 };
  struct fixture f;
  fixture_init(&f);
  stream_read_stop(f.site.stream);
  stream_read_stop(f.browser.stream);
  uint8_t *up = test_pattern(kLen, 7);
  uint8_t *down = test_pattern(kLen, 8);
  stream_write(f.browser.stream, up, kLen);
  stream_write(f.site.stream, down, kLen);
  stream_shutdown(f.browser.stream);
  stream_shutdown(f.site.stream);
  turn_loop(f.worker, 2000);
  cr_assert_eq(num_pipes_in_use(&f), 2);
  stream_read_start(f.site.stream);
  stream_read_start(f.browser.stream);
  RUN_UNTIL(f.worker, f.num_done > 0);
  RUN_UNTIL(f.worker, f.site.num_ends > 0 && f.browser.num_ends > 0);
  cr_assert_eq(f.err, 0);
  cr_assert_eq(f.bytes_up, kLen);
  cr_assert_eq(f.bytes_down, kLen);
  cr_assert_eq(f.site.got.len, kLen);
  cr_assert_eq(memcmp(f.site.got.data, up, kLen), 0);
  cr_assert_eq(f.browser.got.len, kLen);
  cr_assert_eq(memcmp(f.browser.got.data, down, kLen), 0);
  free(up);
  free(down);
  fixture_cleanup(&f);
}

// The site gets all that the owner looks at, and at once; then the kernel takes
// over.
Test(relay, lets_its_owner_look_at_what_the_browser_sends_first) {
  enum { kLen = 32 * 1024 * 1024 };
  struct fixture f = {.worker = test_worker_new(), .wanted = 8};
  struct stream *browser, *site, *near_browser, *near_site;
  test_tcp_pair(f.worker, &browser, &near_browser);
  test_tcp_pair(f.worker, &near_site, &site);
  peer_open(&f.browser, browser);
  peer_open(&f.site, site);
  stream_unread(near_browser, (const uint8_t *)"one ", 4);
  f.relay = relay_start(f.worker, near_browser, near_site, &kPeekingEvents, &f);
  RUN_UNTIL(f.worker, peer_got_text(&f.site, "one "));
  peer_write_text(&f.site, "answer");
  RUN_UNTIL(f.worker, peer_got_text(&f.browser, "answer"));
  peer_write_text(&f.browser, "two ");
  RUN_UNTIL(f.worker, peer_got_text(&f.site, "one two "));
  peer_write_text(&f.browser, "three");
  RUN_UNTIL(f.worker, peer_got_text(&f.site, "one two three"));
  cr_assert_eq(f.seen.len, 8);
  cr_assert_eq(memcmp(f.seen.data, "one two ", 8), 0);
  cr_assert_eq(f.bytes_up, 13);
  cr_assert_eq(f.bytes_down, 6);

  uint8_t *data = test_pattern(kLen, 9);
  stream_read_stop(f.site.stream);
  stream_write(f.browser.stream, data, kLen);
  turn_loop(f.worker, 2000);
  cr_assert_eq(num_pipes_in_use(&f), 1);
  free(data);
  free(f.seen.data);
  fixture_cleanup(&f);
}
