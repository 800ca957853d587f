// Two TCP connections whose bytes go from one to the other without on_data.

#include "net/tcp.h"
#include "net_test.h"

TestSuite(tcp_splice, .timeout = 15);

// What `source` sends comes to `from`, is spliced to `to`, and so to `sink`.
struct line {
  struct worker *worker;
  struct peer source;
  struct peer from;
  struct peer to;
  struct peer sink;
  size_t num_moved;
};

static struct line *the_line;  // of the one test of this process

static void on_moved(void *owner, size_t len) {
  cr_assert_eq(owner, &the_line->from);
  the_line->num_moved += len;
  if (stream_pending(the_line->to.stream) > 0) {
    stream_read_stop(the_line->from.stream);
  }
}

static void line_open(struct line *l) {
  *l = (struct line){.worker = test_worker_new()};
  the_line = l;
  struct stream *source, *from, *to, *sink;
  test_tcp_pair(l->worker, &source, &from);
  test_tcp_pair(l->worker, &to, &sink);
  peer_open(&l->source, source);
  peer_open(&l->from, from);
  peer_open(&l->to, to);
  peer_open(&l->sink, sink);
  stream_splice(from, to, on_moved);
}

static void line_cleanup(struct line *l) {
  peer_cleanup(&l->source);
  peer_cleanup(&l->from);
  peer_cleanup(&l->to);
  peer_cleanup(&l->sink);
  cr_assert_eq(worker_free(l->worker), 0);
}

enum { kMuch = 32 * 1024 * 1024 };

// Sends more than the kernel holds to a sink that reads nothing.
static void line_clog(struct line *l) {
  uint8_t *data = test_pattern(kMuch, 1);
  stream_read_stop(l->sink.stream);
  stream_write(l->source.stream, data, kMuch);
  free(data);
  turn_loop(l->worker, 2000);
  cr_assert_gt(stream_pending(l->to.stream), 0);
  cr_assert_eq(worker_pipes(l->worker)->num_spare, 0, "no pipe is in use");
}

static void assert_got_start(const struct line *l, size_t len) {
  uint8_t *data = test_pattern(kMuch, 1);
  cr_assert_geq(l->sink.got.len, len);
  cr_assert_eq(memcmp(l->sink.got.data, data, len), 0);
  free(data);
}

Test(tcp_splice, tells_how_much_went_and_of_the_end) {
  struct line l;
  line_open(&l);
  peer_write_text(&l.source, "bytes");
  stream_shutdown(l.source.stream);
  RUN_UNTIL(l.worker, l.from.num_ends > 0 && l.sink.got.len > 0);
  cr_assert(peer_got_text(&l.sink, "bytes"));
  cr_assert_eq(l.num_moved, 5);
  cr_assert_eq(l.from.num_data, 0);
  cr_assert_eq(l.from.end_err, 0);
  line_cleanup(&l);
}

Test(tcp_splice, is_drained_when_the_pipe_is_empty) {
  struct line l;
  line_open(&l);
  line_clog(&l);
  size_t moved = l.num_moved;
  cr_assert_eq(l.to.num_drained, 0);
  stream_read_start(l.sink.stream);
  RUN_UNTIL(l.worker, l.to.num_drained > 0);
  RUN_UNTIL(l.worker, l.sink.got.len == moved);
  assert_got_start(&l, moved);
  line_cleanup(&l);
}

Test(tcp_splice, puts_what_is_written_behind_what_is_in_the_pipe) {
  struct line l;
  line_open(&l);
  line_clog(&l);
  size_t moved = l.num_moved, pending = stream_pending(l.to.stream);
  peer_write_text(&l.to, "tail");
  cr_assert_eq(stream_pending(l.to.stream), pending + 4);
  stream_shutdown(l.to.stream);
  stream_read_start(l.sink.stream);
  RUN_UNTIL(l.worker, l.sink.num_ends > 0);
  cr_assert_eq(l.sink.got.len, moved + 4);
  cr_assert_eq(memcmp(l.sink.got.data + moved, "tail", 4), 0);
  assert_got_start(&l, moved);
  line_cleanup(&l);
}

Test(tcp_splice, sends_the_fin_behind_what_is_in_the_pipe) {
  struct line l;
  line_open(&l);
  line_clog(&l);
  stream_shutdown(l.to.stream);
  stream_read_start(l.sink.stream);
  RUN_UNTIL(l.worker, l.sink.num_ends > 0);
  cr_assert_eq(l.sink.got.len, l.num_moved);
  assert_got_start(&l, l.num_moved);
  line_cleanup(&l);
}

Test(tcp_splice, tells_of_a_source_that_resets) {
  struct line l;
  line_open(&l);
  stream_read_stop(l.source.stream);
  peer_write_text(&l.from, "unread bytes make the close a reset");
  turn_loop(l.worker, 20);
  peer_close(&l.source);
  RUN_UNTIL(l.worker, l.from.num_ends > 0);
  cr_assert_eq(l.from.end_err, UV_ECONNRESET);
  line_cleanup(&l);
}

Test(tcp_splice, tells_of_a_sink_that_resets) {
  struct line l;
  line_open(&l);
  line_clog(&l);
  peer_close(&l.sink);
  RUN_UNTIL(l.worker, l.to.num_ends > 0);
  cr_assert_neq(l.to.end_err, 0);
  cr_assert_eq(stream_pending(l.to.stream), 0);
  line_cleanup(&l);
}

Test(tcp_splice, ends_with_the_owner) {
  struct line l;
  line_open(&l);
  stream_set_events(l.from.stream, &kPeerEvents, &l.from);
  peer_write_text(&l.source, "bytes");
  RUN_UNTIL(l.worker, peer_got_text(&l.from, "bytes"));
  cr_assert_eq(l.num_moved, 0);
  line_cleanup(&l);
}

Test(tcp_splice, leaves_to_the_owner_what_no_pipe_is_there_for) {
  struct line l;
  line_open(&l);
  worker_pipes(l.worker)->num_pipes += kSpliceMaxPipes;
  peer_write_text(&l.source, "bytes");
  RUN_UNTIL(l.worker, peer_got_text(&l.from, "bytes"));
  worker_pipes(l.worker)->num_pipes -= kSpliceMaxPipes;
  line_cleanup(&l);
}
