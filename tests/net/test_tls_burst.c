// What a session writes within an event of its own, or of another session.

#include "net/tls.h"
#include "tls_bed.h"

TestSuite(tls_burst, .timeout = 60);

enum { kRecord = 16 * 1024 };

// A server that says what it hears.
struct echo {
  struct bed bed;
  struct stream *stream;
  size_t num_heard;
  int num_asked;  // to look at what is pending
  int num_ends;
  int end_err;
  // What it does when it has said what it heard.
  bool breaks;
  bool closes;
};

static void on_data(void *owner, const uint8_t *data, size_t len) {
  struct echo *e = owner;
  e->num_heard += len;
  stream_write(e->stream, data, len);
  if (e->closes) {
    peer_close(&e->bed.server.peer);
  } else if (e->breaks) {
    stream_break_after_drain(e->stream, 1000);
    e->bed.server.peer.stream = NULL;  // taken
  }
}

static void on_end(void *owner, int err) {
  struct echo *e = owner;
  cr_assert_null(worker_burst(e->bed.worker)->owner, "something is held back");
  e->num_ends++;
  e->end_err = err;
  if (err == 0) {
    stream_shutdown(e->stream);
  }
}

static const struct stream_events kEchoEvents = {on_data, on_end, NULL};

static void on_moved(void *owner, size_t len) {
  struct echo *e = owner;
  cr_assert_eq(len, 0);
  cr_assert_gt(stream_pending(e->stream), 0);
  e->num_asked++;
  stream_read_stop(e->stream);
}

// The echo begins with stream_read_start.
static void echo_open(struct echo *e) {
  *e = (struct echo){0};
  bed_init(&e->bed);
  bed_open(&e->bed);
  e->stream = e->bed.server.peer.stream;
  stream_read_stop(e->stream);
  stream_set_events(e->stream, &kEchoEvents, e);
  stream_splice(e->stream, e->stream, on_moved);
}

static void assert_echo(const struct echo *e, const uint8_t *data, size_t len) {
  const struct bytes *got = &e->bed.client.peer.got;
  cr_assert_eq(got->len, len);
  cr_assert_eq(memcmp(got->data, data, len), 0);
}

Test(tls_burst, leaves_before_what_answers_a_later_record) {
  struct echo e;
  echo_open(&e);
  uint8_t *data = test_pattern(2 * kRecord, 1);
  SSL *ssl = tls_ssl((struct tls *)e.bed.client.peer.stream);
  stream_write(e.bed.client.peer.stream, data, kRecord);
  // RFC 9846, section 4.7.3: the server answers with an update of its own.
  cr_assert(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED));
  stream_write(e.bed.client.peer.stream, data + kRecord, kRecord);
  turn_loop(e.bed.worker, 20);  // all of it comes at once
  stream_read_start(e.stream);
  RUN_UNTIL(e.bed.worker, e.bed.client.peer.got.len == 2 * kRecord ||
                              e.bed.client.peer.num_ends > 0);
  assert_echo(&e, data, 2 * kRecord);
  free(data);
  bed_cleanup(&e.bed);
}

Test(tls_burst, leaves_before_the_end) {
  struct echo e;
  echo_open(&e);
  uint8_t *data = test_pattern(3 * kRecord, 1);
  stream_write(e.bed.client.peer.stream, data, 3 * kRecord);
  stream_shutdown(e.bed.client.peer.stream);
  turn_loop(e.bed.worker, 20);
  stream_read_start(e.stream);
  RUN_UNTIL(e.bed.worker, e.bed.client.peer.num_ends > 0);
  cr_assert_eq(e.bed.client.peer.end_err, 0);
  assert_echo(&e, data, 3 * kRecord);
  free(data);
  bed_cleanup(&e.bed);
}

Test(tls_burst, leaves_before_an_alert) {
  static const uint8_t kBroken[] = {23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8,
                                    9,  9, 9, 9, 9,  9, 9, 9, 9, 9, 9, 9};
  struct echo e;
  echo_open(&e);
  uint8_t *data = test_pattern(kRecord, 1);
  stream_write(e.bed.client.peer.stream, data, kRecord);
  stream_write(e.bed.client.transport, kBroken, sizeof(kBroken));
  turn_loop(e.bed.worker, 20);
  stream_read_start(e.stream);
  RUN_UNTIL(e.bed.worker, e.bed.client.peer.num_ends > 0);
  cr_assert_eq(e.end_err, UV_EPROTO);
  assert_echo(&e, data, kRecord);
  free(data);
  bed_cleanup(&e.bed);
}

Test(tls_burst, leaves_before_the_connection_is_broken_off) {
  struct echo e;
  echo_open(&e);
  e.breaks = true;
  peer_write_text(&e.bed.client.peer, "bytes");
  stream_read_start(e.stream);
  RUN_UNTIL(e.bed.worker, e.bed.client.peer.num_ends > 0);
  cr_assert(peer_got_text(&e.bed.client.peer, "bytes"));
  cr_assert_eq(e.bed.client.peer.end_err, UV_EOF);
  peer_close(&e.bed.client.peer);
  worker_run(e.bed.worker);
  bed_cleanup(&e.bed);
}

Test(tls_burst, is_dropped_with_its_session) {
  struct echo e;
  echo_open(&e);
  e.closes = true;
  peer_write_text(&e.bed.client.peer, "bytes");
  stream_read_start(e.stream);
  RUN_UNTIL(e.bed.worker, e.bed.client.peer.num_ends > 0);
  cr_assert_eq(e.bed.client.peer.got.len, 0);
  bed_cleanup(&e.bed);
}

// What is gathered is pending only when it has not left with its event.
Test(tls_burst, asks_the_owner_to_look_when_it_did_not_all_leave) {
  enum { kLen = 64 * 1024 * 1024 };
  struct echo e;
  echo_open(&e);
  struct peer *client = &e.bed.client.peer;
  uint8_t *data = test_pattern(kLen, 1);
  stream_read_stop(client->stream);
  stream_write(client->stream, data, kLen);
  stream_read_start(e.stream);
  turn_loop(e.bed.worker, 2000);
  cr_assert_eq(e.num_asked, 1);
  size_t heard = e.num_heard;
  cr_assert_lt(heard, (size_t)kLen);
  stream_read_start(client->stream);
  RUN_UNTIL(e.bed.worker, client->got.len == heard);
  assert_echo(&e, data, heard);
  free(data);
  bed_cleanup(&e.bed);
}
