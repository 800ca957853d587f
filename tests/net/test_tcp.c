#include "net/tcp.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net_test.h"

TestSuite(tcp, .timeout = 15);

static int num_epoll_ctls;

// epoll_ctl stands in for the C library's.
int epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event) {
  num_epoll_ctls++;
  return (int)syscall(SYS_epoll_ctl, epoll_fd, op, fd, event);
}

// A worker and both ends of one connection.
struct pair {
  struct worker *worker;
  struct peer a;
  struct peer b;
};

static void pair_open(struct pair *p) {
  *p = (struct pair){.worker = test_worker_new()};
  struct stream *a;
  struct stream *b;
  test_tcp_pair(p->worker, &a, &b);
  peer_open(&p->a, a);
  peer_open(&p->b, b);
}

static void pair_cleanup(struct pair *p) {
  peer_cleanup(&p->a);
  peer_cleanup(&p->b);
  cr_assert_eq(worker_free(p->worker), 0);
}

// Writes until the kernel takes no more; returns how much was written.
static size_t fill(struct peer *p) {
  static const uint8_t kChunk[64 * 1024];
  size_t len = 0;
  while (stream_pending(p->stream) == 0) {
    stream_write(p->stream, kChunk, sizeof(kChunk));
    len += sizeof(kChunk);
  }
  return len;
}

// Makes `to`'s peer reset the connection: it closes with unread bytes.
static void reset(struct pair *p, struct peer *from, struct peer *to) {
  stream_read_stop(from->stream);
  peer_write_text(to, "unread");
  turn_loop(p->worker, 1);
  peer_close(from);
  turn_loop(p->worker, 2);
}

Test(tcp, carries_bytes_both_ways) {
  struct pair p;
  pair_open(&p);
  peer_write_text(&p.a, "ping");
  peer_write_text(&p.b, "pong");
  RUN_UNTIL(p.worker, p.a.got.len == 4 && p.b.got.len == 4);
  cr_assert(peer_got_text(&p.b, "ping"));
  cr_assert(peer_got_text(&p.a, "pong"));
  cr_assert_eq(stream_pending(p.a.stream), 0);
  pair_cleanup(&p);
}

Test(tcp, half_closes_in_either_direction) {
  struct pair p;
  pair_open(&p);
  peer_write_text(&p.a, "question");
  stream_shutdown(p.a.stream);
  stream_shutdown(p.a.stream);
  RUN_UNTIL(p.worker, p.b.num_ends == 1);
  cr_assert_eq(p.b.end_err, 0);
  cr_assert(peer_got_text(&p.b, "question"));
  peer_write_text(&p.b, "answer");
  stream_shutdown(p.b.stream);
  RUN_UNTIL(p.worker, p.a.num_ends == 1);
  cr_assert_eq(p.a.end_err, 0);
  cr_assert(peer_got_text(&p.a, "answer"));
  stream_read_start(p.a.stream);
  turn_loop(p.worker, 5);
  cr_assert_eq(p.a.num_ends + p.b.num_ends, 2);
  pair_cleanup(&p);
}

Test(tcp, tells_when_a_slow_reader_has_let_the_kernel_take_all) {
  struct pair p;
  pair_open(&p);
  stream_read_stop(p.b.stream);
  size_t len = fill(&p.a);
  turn_loop(p.worker, 3);
  cr_assert_gt(stream_pending(p.a.stream), 0);
  cr_assert_eq(p.a.num_drained, 0);
  stream_write(p.a.stream, (const uint8_t *)"tail", 4);  // queues behind it
  stream_read_start(p.b.stream);
  RUN_UNTIL(p.worker, p.b.got.len == len + 4);
  RUN_UNTIL(p.worker, p.a.num_drained > 0);
  cr_assert_eq(p.a.num_drained, 1);
  cr_assert_eq(memcmp(p.b.got.data + len, "tail", 4), 0);
  pair_cleanup(&p);
}

Test(tcp, sends_the_fin_after_what_is_pending) {
  struct pair p;
  pair_open(&p);
  stream_read_stop(p.b.stream);
  size_t len = fill(&p.a);
  stream_shutdown(p.a.stream);
  stream_read_start(p.b.stream);
  RUN_UNTIL(p.worker, p.b.num_ends == 1);
  cr_assert_eq(p.b.got.len, len);
  pair_cleanup(&p);
}

// However much one has to say, the others get their turn.
Test(tcp, reads_no_more_at_once_than_others_can_wait_for) {
  struct pair p;
  pair_open(&p);
  size_t len = 0;
  size_t most = 0;
  for (int i = 0; i < 20; i++) {  // the kernel holds more each time
    stream_read_stop(p.b.stream);
    len += fill(&p.a);
    turn_loop(p.worker, 3);
    stream_read_start(p.b.stream);
    while (p.b.got.len < len) {
      size_t before = p.b.got.len;
      turn_loop(p.worker, 1);
      most = p.b.got.len - before > most ? p.b.got.len - before : most;
    }
  }
  cr_assert_gt(most, (size_t)kWorkerReadSize);
  cr_assert_leq(most, (size_t)4 * kWorkerReadSize);
  pair_cleanup(&p);
}

Test(tcp, keeps_bytes_and_the_end_while_paused) {
  struct pair p;
  pair_open(&p);
  p.b.pauses_on_data = true;
  peer_write_text(&p.a, "one");
  RUN_UNTIL(p.worker, p.b.num_data == 1);
  peer_write_text(&p.a, "two");
  stream_shutdown(p.a.stream);
  turn_loop(p.worker, 5);
  cr_assert(peer_got_text(&p.b, "one"));
  cr_assert_eq(p.b.num_ends, 0);
  stream_read_start(p.b.stream);
  stream_read_stop(p.b.stream);
  stream_read_start(p.b.stream);
  cr_assert_eq(p.b.num_data, 1);
  RUN_UNTIL(p.worker, p.b.num_data == 2);
  cr_assert_eq(p.b.num_ends, 0);
  stream_read_start(p.b.stream);
  RUN_UNTIL(p.worker, p.b.num_ends == 1);
  cr_assert(peer_got_text(&p.b, "onetwo"));
  pair_cleanup(&p);
}

Test(tcp, gives_unread_bytes_first_and_not_inside_a_call) {
  struct pair p;
  pair_open(&p);
  stream_read_stop(p.b.stream);
  peer_write_text(&p.a, "three");
  stream_unread(p.b.stream, (const uint8_t *)"two ", 4);
  stream_unread(p.b.stream, (const uint8_t *)"one ", 4);
  turn_loop(p.worker, 3);
  cr_assert_eq(p.b.num_data, 0);
  stream_read_start(p.b.stream);
  cr_assert_eq(p.b.num_data, 0);
  RUN_UNTIL(p.worker, p.b.got.len == 13);
  cr_assert(peer_got_text(&p.b, "one two three"));
  // While it is being read, too.
  stream_unread(p.b.stream, (const uint8_t *)"!", 1);
  cr_assert_eq(p.b.got.len, 13);
  RUN_UNTIL(p.worker, p.b.got.len == 14);
  pair_cleanup(&p);
}

Test(tcp, tells_of_a_reset_while_reading) {
  struct pair p;
  pair_open(&p);
  reset(&p, &p.b, &p.a);
  RUN_UNTIL(p.worker, p.a.num_ends == 1);
  cr_assert_eq(p.a.end_err, UV_ECONNRESET);
  peer_write_text(&p.a, "into the void");
  cr_assert_eq(stream_pending(p.a.stream), 0);
  stream_shutdown(p.a.stream);
  stream_read_start(p.a.stream);
  turn_loop(p.worker, 3);
  cr_assert_eq(p.a.num_ends, 1);
  pair_cleanup(&p);
}

Test(tcp, tells_of_a_failed_write_even_while_paused) {
  struct pair p;
  pair_open(&p);
  stream_read_stop(p.a.stream);
  reset(&p, &p.b, &p.a);
  cr_assert_eq(p.a.num_ends, 0);
  peer_write_text(&p.a, "too late");
  cr_assert_eq(p.a.num_ends, 0);
  RUN_UNTIL(p.worker, p.a.num_ends == 1);
  cr_assert_neq(p.a.end_err, 0);
  cr_assert_neq(p.a.end_err, UV_EOF);
  pair_cleanup(&p);
}

Test(tcp, tells_of_a_failed_write_after_the_peer_has_finished) {
  struct pair p;
  pair_open(&p);
  stream_shutdown(p.b.stream);
  RUN_UNTIL(p.worker, p.a.num_ends == 1);
  cr_assert_eq(p.a.end_err, 0);
  reset(&p, &p.b, &p.a);
  peer_write_text(&p.a, "too late");
  RUN_UNTIL(p.worker, p.a.num_ends == 2);
  cr_assert_neq(p.a.end_err, 0);
  pair_cleanup(&p);
}

Test(tcp, fails_what_is_pending_when_the_peer_resets) {
  struct pair p;
  pair_open(&p);
  stream_read_stop(p.b.stream);
  stream_read_stop(p.a.stream);
  fill(&p.a);
  fill(&p.a);
  peer_close(&p.b);
  RUN_UNTIL(p.worker, p.a.num_ends == 1);
  cr_assert_eq(p.a.num_drained, 0);
  pair_cleanup(&p);
}

Test(tcp, may_be_closed_inside_each_event) {
  struct pair p;
  pair_open(&p);
  p.b.closes_on_data = true;
  peer_write_text(&p.a, "bye");
  RUN_UNTIL(p.worker, p.b.stream == NULL);
  p.a.closes_on_end = true;
  RUN_UNTIL(p.worker, p.a.stream == NULL);
  pair_cleanup(&p);

  pair_open(&p);
  p.a.closes_on_drained = true;
  stream_read_stop(p.b.stream);
  fill(&p.a);
  stream_read_start(p.b.stream);
  RUN_UNTIL(p.worker, p.a.stream == NULL);
  pair_cleanup(&p);
}

Test(tcp, may_be_closed_with_bytes_and_a_shutdown_pending) {
  struct pair p;
  pair_open(&p);
  stream_read_stop(p.b.stream);
  fill(&p.a);
  stream_write(p.a.stream, (const uint8_t *)"more", 4);
  stream_shutdown(p.a.stream);
  peer_close(&p.a);
  stream_unread(p.b.stream, (const uint8_t *)"held", 4);
  stream_read_start(p.b.stream);
  peer_close(&p.b);
  cr_assert_eq(p.b.num_data, 0);
  pair_cleanup(&p);
}

Test(tcp, drains_before_it_closes) {
  struct pair p;
  pair_open(&p);
  stream_read_stop(p.b.stream);
  size_t len = fill(&p.a);
  // Unread bytes in our own buffer would make a plain close reset.
  stream_read_stop(p.a.stream);
  peer_write_text(&p.b, "never read");
  turn_loop(p.worker, 1);
  stream_close_after_drain(p.a.stream, 20000);
  p.a.stream = NULL;
  stream_read_start(p.b.stream);
  RUN_UNTIL(p.worker, p.b.num_ends == 1);
  cr_assert_eq(p.b.end_err, 0);
  cr_assert_eq(p.b.got.len, len);
  peer_close(&p.b);
  worker_run(p.worker);  // ends at once, not after 20 s: the peer has closed
  pair_cleanup(&p);
}

Test(tcp, gives_up_draining_in_time) {
  struct pair p;
  pair_open(&p);
  stream_read_stop(p.b.stream);
  fill(&p.a);
  stream_close_after_drain(p.a.stream, 30);
  p.a.stream = NULL;
  worker_run(p.worker);
  stream_read_start(p.b.stream);
  RUN_UNTIL(p.worker, p.b.num_ends == 1);
  pair_cleanup(&p);
}

Test(tcp, drains_a_stream_that_has_ended_already) {
  struct pair p;
  pair_open(&p);
  stream_shutdown(p.b.stream);
  RUN_UNTIL(p.worker, p.a.num_ends == 1);
  peer_write_text(&p.a, "last words");
  stream_close_after_drain(p.a.stream, 20000);
  p.a.stream = NULL;
  RUN_UNTIL(p.worker, p.b.num_ends == 1);
  cr_assert(peer_got_text(&p.b, "last words"));
  pair_cleanup(&p);

  pair_open(&p);
  reset(&p, &p.b, &p.a);
  RUN_UNTIL(p.worker, p.a.num_ends == 1);
  stream_close_after_drain(p.a.stream, 20000);
  p.a.stream = NULL;
  pair_cleanup(&p);
}

// Connecting.

struct outcome {
  int num_done;
  int err;
  struct stream *stream;
};

static void on_outcome(void *owner, int err, struct stream *stream) {
  struct outcome *o = owner;
  o->num_done++;
  o->err = err;
  o->stream = stream;
}

Test(tcp, tells_when_a_connection_is_refused) {
  struct worker *w = test_worker_new();
  struct test_listener l;
  test_listener_open(&l, w, "127.0.0.1");
  test_listener_close(&l);
  struct outcome o = {0};
  tcp_connect_start(w, &l.address, on_outcome, &o);
  cr_assert_eq(o.num_done, 0);
  RUN_UNTIL(w, o.num_done == 1);
  cr_assert_eq(o.err, UV_ECONNREFUSED);
  cr_assert_null(o.stream);
  cr_assert_eq(worker_free(w), 0);
}

Test(tcp, tells_from_the_loop_when_it_cannot_even_begin) {
  struct worker *w = test_worker_new();
  struct address address;
  cr_assert(address_from_host_port(&address, "127.0.0.1:9"));
  struct rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);  // no socket can be made
  struct outcome o = {0};
  tcp_connect_start(w, &address, on_outcome, &o);
  struct tcp_connect *dropped = tcp_connect_start(w, &address, on_outcome, &o);
  setrlimit(RLIMIT_NOFILE, &before);
  tcp_connect_cancel(dropped);
  cr_assert_eq(o.num_done, 0);
  worker_run(w);
  cr_assert_eq(o.num_done, 1);
  cr_assert_eq(o.err, UV_EMFILE);
  cr_assert_eq(worker_free(w), 0);
}

Test(tcp, says_nothing_of_a_cancelled_connection) {
  struct worker *w = test_worker_new();
  struct test_listener l;
  test_listener_open(&l, w, "127.0.0.1");
  struct outcome o = {0};
  tcp_connect_cancel(NULL);
  tcp_connect_cancel(tcp_connect_start(w, &l.address, on_outcome, &o));
  turn_loop(w, 5);
  cr_assert_eq(o.num_done, 0);
  stream_close(l.accepted);
  test_listener_close(&l);
  cr_assert_eq(worker_free(w), 0);
}

// As handshakes do, from one message to the next.
Test(tcp, pauses_for_a_moment_without_telling_the_kernel) {
  struct pair p;
  pair_open(&p);
  peer_write_text(&p.a, "ping");
  RUN_UNTIL(p.worker, p.b.got.len == 4);
  num_epoll_ctls = 0;
  for (int i = 0; i < 3; i++) {
    stream_read_stop(p.b.stream);
    stream_read_start(p.b.stream);
    turn_loop(p.worker, 1);
    stream_read_stop(p.b.stream);
    turn_loop(p.worker, 1);
    stream_read_start(p.b.stream);
    peer_write_text(&p.a, "ping");
    turn_loop(p.worker, 2);
  }
  cr_assert_eq(p.b.got.len, 16);
  cr_assert_eq(num_epoll_ctls, 0);
  pair_cleanup(&p);
}

Test(tcp, is_woken_once_while_it_pauses) {
  struct pair p;
  pair_open(&p);
  stream_read_stop(p.a.stream);
  stream_read_stop(p.b.stream);
  peer_write_text(&p.a, "ping");
  peer_write_text(&p.b, "ping");
  turn_loop(p.worker, 1);
  cr_assert_eq(uv_run(worker_loop(p.worker), UV_RUN_NOWAIT), 0,
               "nothing is waited for");
  cr_assert_eq(p.b.got.len, 0);
  stream_read_start(p.b.stream);
  RUN_UNTIL(p.worker, p.b.got.len == 4);
  pair_cleanup(&p);
}
