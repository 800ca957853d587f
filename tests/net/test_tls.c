// The open session: bytes, pauses and ends. Handshakes: test_tls_handshake.c.

#include "net/tls.h"

#include "tls_bed.h"

TestSuite(tls, .timeout = 60);

enum { kMiB = 1024 * 1024 };

// Bytes on their way from a peer.
struct sender {
  struct peer *from;
  uint8_t *data;
  size_t len;
  size_t sent;
};

static void sender_init(struct sender *s, struct peer *from, size_t len) {
  *s = (struct sender){.from = from, .len = len};
  s->data = test_pattern(len, (uint32_t)(uintptr_t)from);
}

// Writes in pieces of odd sizes while nothing is pending.
static void sender_go_on(struct sender *s) {
  static const size_t kPieces[] = {1, 100000, 16384, 777, 300001};
  for (size_t i = 0; s->sent < s->len && stream_pending(s->from->stream) == 0;
       i++) {
    size_t len = kPieces[i % 5];
    len = len < s->len - s->sent ? len : s->len - s->sent;
    stream_write(s->from->stream, s->data + s->sent, len);
    s->sent += len;
  }
}

static void sender_check(struct sender *s, const struct peer *to) {
  cr_assert_eq(to->got.len, s->len);
  cr_assert_eq(memcmp(to->got.data, s->data, s->len), 0);
  free(s->data);
}

// Sends 8 MiB from each peer to the other at the same time.
static void exchange(struct worker *w, struct peer *a, struct peer *b,
                     size_t len) {
  struct sender to_b;
  struct sender to_a;
  sender_init(&to_b, a, len);
  sender_init(&to_a, b, len);
  while (a->got.len < len || b->got.len < len) {
    sender_go_on(&to_a);
    sender_go_on(&to_b);
    uv_run(worker_loop(w), UV_RUN_ONCE);
  }
  sender_check(&to_b, b);
  sender_check(&to_a, a);
}

Test(tls, carries_8_mib_both_ways_at_once) {
  struct bed bed;
  bed_init(&bed);
  bed_open(&bed);
  exchange(bed.worker, &bed.client.peer, &bed.server.peer, 8 * kMiB);
  bed_cleanup(&bed);
}

Test(tls, carries_bytes_with_tls_1_2_too) {
  struct bed bed;
  bed_init(&bed);
  SSL_CTX_set_max_proto_version(bed.client_ctx, TLS1_2_VERSION);
  bed_open(&bed);
  exchange(bed.worker, &bed.client.peer, &bed.server.peer, kMiB);
  bed_cleanup(&bed);
}

Test(tls, runs_over_another_tls_session) {
  struct bed outer;
  bed_init(&outer);
  bed_open(&outer);
  struct bed inner;
  bed_init(&inner);
  cr_assert_eq(worker_free(inner.worker), 0);
  inner.worker = outer.worker;
  inner.client.transport = outer.client.peer.stream;
  inner.server.transport = outer.server.peer.stream;
  outer.client.peer.stream = NULL;
  outer.server.peer.stream = NULL;
  bed_start_client(&inner);
  bed_start_server(&inner);
  bed_finish(&inner);
  exchange(inner.worker, &inner.client.peer, &inner.server.peer, 2 * kMiB);
  stream_shutdown(inner.client.peer.stream);
  RUN_UNTIL(inner.worker, inner.server.peer.num_ends == 1);
  cr_assert_eq(inner.server.peer.end_err, 0);
  side_cleanup(&inner.client);
  side_cleanup(&inner.server);
  outer.worker = worker_new();
  bed_cleanup(&inner);
  bed_cleanup(&outer);
}

Test(tls, hands_on_bytes_that_came_with_the_end_of_the_handshake) {
  struct bed bed;
  bed_init(&bed);
  bed_connect(&bed);
  bed_start_client(&bed);
  bed_start_server(&bed);
  RUN_UNTIL(bed.worker, bed.client.num_done == 1);
  side_open(&bed.client);
  peer_write_text(&bed.client.peer, "early bird");
  stream_shutdown(bed.client.peer.stream);
  RUN_UNTIL(bed.worker, bed.server.num_done == 1);
  cr_assert_eq(bed.server.status, TLS_OK);
  turn_loop(bed.worker, 3);
  side_open(&bed.server);
  cr_assert_eq(bed.server.peer.num_data, 0);  // not inside the call
  RUN_UNTIL(bed.worker, bed.server.peer.num_ends == 1);
  cr_assert(peer_got_text(&bed.server.peer, "early bird"));
  cr_assert_eq(bed.server.peer.end_err, 0);
  bed_cleanup(&bed);
}

Test(tls, pauses_inside_on_data_and_goes_on_later) {
  struct bed bed;
  bed_init(&bed);
  bed_open(&bed);
  struct peer *to = &bed.server.peer;
  to->pauses_on_data = true;
  struct sender s;
  sender_init(&s, &bed.client.peer, kMiB);
  while (to->got.len < s.len) {
    sender_go_on(&s);
    int num_data = to->num_data;
    stream_read_start(to->stream);
    cr_assert_eq(to->num_data, num_data);
    RUN_UNTIL(bed.worker, to->num_data > num_data);
    size_t got = to->got.len;
    turn_loop(bed.worker, 2);
    cr_assert_eq(to->got.len, got, "data while paused");
  }
  sender_check(&s, to);
  bed_cleanup(&bed);
}

// Two sessions whose bytes the test carries over itself.
static void carry_handshake(struct bed *bed, struct peer *c, struct peer *s) {
  struct stream *far_client;
  struct stream *far_server;
  test_tcp_pair(bed->worker, &bed->client.transport, &far_client);
  test_tcp_pair(bed->worker, &bed->server.transport, &far_server);
  peer_open(c, far_client);
  peer_open(s, far_server);
  bed_start_client(bed);
  bed_start_server(bed);
  while (bed->client.num_done == 0 || bed->server.num_done == 0) {
    uv_run(worker_loop(bed->worker), UV_RUN_ONCE);
    stream_write(s->stream, c->got.data, c->got.len);
    stream_write(c->stream, s->got.data, s->got.len);
    peer_forget(c);
    peer_forget(s);
  }
  bed_finish(bed);
}

Test(tls, hands_many_records_on_with_one_call) {
  struct bed bed;
  bed_init(&bed);
  struct peer c = {0};
  struct peer s = {0};
  carry_handshake(&bed, &c, &s);
  char text[101] = "";
  for (int i = 0; i < 50; i++) {
    peer_write_text(&bed.client.peer, "ab");
    strcat(text, "ab");
  }
  RUN_UNTIL(bed.worker, c.got.len == 50 * (5 + 2 + 1 + 16));
  stream_unread(bed.server.transport, c.got.data, c.got.len);
  RUN_UNTIL(bed.worker, bed.server.peer.num_data > 0);
  cr_assert_eq(bed.server.peer.num_data, 1);
  cr_assert(peer_got_text(&bed.server.peer, text));
  peer_cleanup(&c);
  peer_cleanup(&s);
  bed_cleanup(&bed);
}

Test(tls, keeps_ciphertext_that_came_at_once_while_paused) {
  struct bed bed;
  bed_init(&bed);
  struct peer c = {0};
  struct peer s = {0};
  carry_handshake(&bed, &c, &s);
  struct sender sender;
  sender_init(&sender, &bed.client.peer, 2 * kMiB);
  while (sender.sent < sender.len || stream_pending(sender.from->stream) > 0) {
    sender_go_on(&sender);
    uv_run(worker_loop(bed.worker), UV_RUN_NOWAIT);
  }
  stream_shutdown(sender.from->stream);
  RUN_UNTIL(bed.worker, c.num_ends == 1);
  // More than fits the worker's buffer, in a single event of the transport.
  struct peer *to = &bed.server.peer;
  to->pauses_on_data = true;
  stream_unread(bed.server.transport, c.got.data, c.got.len);
  RUN_UNTIL(bed.worker, to->num_data == 1);
  cr_assert_eq(to->got.len, kWorkerPlainSize);
  turn_loop(bed.worker, 3);
  cr_assert_eq(to->num_data, 1);
  stream_read_start(to->stream);
  RUN_UNTIL(bed.worker, to->num_data == 2);
  to->pauses_on_data = false;
  stream_read_start(to->stream);
  RUN_UNTIL(bed.worker, to->num_ends == 1);
  cr_assert_eq(to->end_err, 0);
  cr_assert_leq(to->num_data, 2 * kMiB / kWorkerPlainSize + 2);
  sender_check(&sender, to);
  peer_cleanup(&c);
  peer_cleanup(&s);
  bed_cleanup(&bed);
}

Test(tls, frees_the_ciphertext_that_it_keeps_when_closed_inside_on_data) {
  struct bed bed;
  bed_init(&bed);
  struct peer c = {0};
  struct peer s = {0};
  carry_handshake(&bed, &c, &s);
  struct sender sender;
  sender_init(&sender, &bed.client.peer, kMiB);
  while (sender.sent < sender.len || stream_pending(sender.from->stream) > 0) {
    sender_go_on(&sender);
    uv_run(worker_loop(bed.worker), UV_RUN_NOWAIT);
  }
  stream_shutdown(sender.from->stream);
  RUN_UNTIL(bed.worker, c.num_ends == 1);
  struct peer *to = &bed.server.peer;
  to->pauses_on_data = true;
  stream_unread(bed.server.transport, c.got.data, c.got.len);
  RUN_UNTIL(bed.worker, to->num_data == 1);
  to->closes_on_data = true;
  stream_read_start(to->stream);
  RUN_UNTIL(bed.worker, to->stream == NULL);
  free(sender.data);
  peer_cleanup(&c);
  peer_cleanup(&s);
  bed_cleanup(&bed);
}

Test(tls, reports_broken_records_after_the_bytes_before_them) {
  struct bed bed;
  bed_init(&bed);
  struct peer c = {0};
  struct peer s = {0};
  carry_handshake(&bed, &c, &s);
  peer_write_text(&bed.client.peer, "good");
  RUN_UNTIL(bed.worker, c.got.len > 0);
  size_t record = c.got.len;
  peer_write_text(&bed.client.peer, "evil");
  RUN_UNTIL(bed.worker, c.got.len == 2 * record);
  c.got.data[c.got.len - 1] ^= 1;
  struct peer *to = &bed.server.peer;
  to->pauses_on_data = true;
  stream_unread(bed.server.transport, c.got.data, c.got.len);
  RUN_UNTIL(bed.worker, to->num_data == 1);
  turn_loop(bed.worker, 3);
  cr_assert_eq(to->num_ends, 0);  // paused
  stream_read_start(to->stream);
  RUN_UNTIL(bed.worker, to->num_ends == 1);
  cr_assert_eq(to->end_err, UV_EPROTO);
  cr_assert(peer_got_text(to, "good"));
  peer_cleanup(&c);
  peer_cleanup(&s);
  bed_cleanup(&bed);
}

Test(tls, gives_unread_plaintext_first) {
  struct bed bed;
  bed_init(&bed);
  bed_open(&bed);
  stream_read_stop(bed.server.peer.stream);
  peer_write_text(&bed.client.peer, "second");
  stream_unread(bed.server.peer.stream, (const uint8_t *)"first ", 6);
  stream_read_start(bed.server.peer.stream);
  RUN_UNTIL(bed.worker, bed.server.peer.got.len == 12);
  cr_assert(peer_got_text(&bed.server.peer, "first second"));
  bed_cleanup(&bed);
}

Test(tls, half_closes_in_either_direction) {
  struct bed bed;
  bed_init(&bed);
  bed_open(&bed);
  struct peer *a = &bed.client.peer;
  struct peer *b = &bed.server.peer;
  peer_write_text(a, "question");
  stream_shutdown(a->stream);
  stream_shutdown(a->stream);
  RUN_UNTIL(bed.worker, b->num_ends == 1);
  cr_assert_eq(b->end_err, 0);
  cr_assert(peer_got_text(b, "question"));
  // Writing goes on after the peer's close_notify, reading after our own.
  struct sender s;
  sender_init(&s, b, kMiB);
  while (a->got.len < s.len) {
    sender_go_on(&s);
    uv_run(worker_loop(bed.worker), UV_RUN_ONCE);
  }
  sender_check(&s, a);
  stream_shutdown(b->stream);
  RUN_UNTIL(bed.worker, a->num_ends == 1);
  cr_assert_eq(a->end_err, 0);
  turn_loop(bed.worker, 3);
  cr_assert_eq(a->num_ends + b->num_ends, 2);
  bed_cleanup(&bed);
}

Test(tls, tells_a_truncation_from_an_end) {
  struct bed bed;
  bed_init(&bed);
  bed_open(&bed);
  peer_write_text(&bed.client.peer, "trunca");
  stream_shutdown(bed.client.transport);  // behind the session's back
  RUN_UNTIL(bed.worker, bed.server.peer.num_ends == 1);
  cr_assert_eq(bed.server.peer.end_err, UV_EOF);
  cr_assert(peer_got_text(&bed.server.peer, "trunca"));
  peer_write_text(&bed.server.peer, "anyone?");  // does nothing
  bed_cleanup(&bed);
}

static enum ssl_verify_result_t on_any_certificate(SSL *ssl, uint8_t *alert) {
  (void)ssl;
  (void)alert;
  return ssl_verify_ok;
}

Test(tls, tells_the_alert_that_ends_a_session) {
  struct bed bed;
  bed_init(&bed);
  // With TLS 1.3 the client is through before the server misses something.
  SSL_CTX_set_custom_verify(bed.server_ctx,
                            SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                            on_any_certificate);
  bed_connect(&bed);
  bed_start_client(&bed);
  bed_start_server(&bed);
  RUN_UNTIL(bed.worker, bed.client.num_done == 1 && bed.server.num_done == 1);
  cr_assert_eq(bed.client.status, TLS_OK);
  cr_assert_eq(bed.server.status, TLS_FAILED);
  struct tls *client = bed.client.tls;
  cr_assert_eq(tls_alert(client), 0);
  side_open(&bed.client);
  RUN_UNTIL(bed.worker, bed.client.peer.num_ends == 1);
  cr_assert_eq(bed.client.peer.end_err, UV_EPROTO);
  cr_assert_eq(tls_alert(client), SSL_AD_CERTIFICATE_REQUIRED);
  bed_cleanup(&bed);
}

Test(tls, tells_of_a_reset_even_while_paused) {
  struct bed bed;
  bed_init(&bed);
  bed_open(&bed);
  stream_read_stop(bed.client.peer.stream);
  stream_read_stop(bed.server.peer.stream);
  peer_write_text(&bed.client.peer, "unread");
  turn_loop(bed.worker, 1);
  peer_close(&bed.server.peer);  // with unread bytes: a reset
  turn_loop(bed.worker, 2);
  peer_write_text(&bed.client.peer, "too late");
  RUN_UNTIL(bed.worker, bed.client.peer.num_ends == 1);
  cr_assert_neq(bed.client.peer.end_err, 0);
  bed_cleanup(&bed);
}

Test(tls, holds_back_a_writer_until_the_reader_goes_on) {
  struct bed bed;
  bed_init(&bed);
  bed_open(&bed);
  stream_read_stop(bed.server.peer.stream);
  struct sender s;
  sender_init(&s, &bed.client.peer, 64 * kMiB);
  sender_go_on(&s);
  turn_loop(bed.worker, 3);
  cr_assert_gt(stream_pending(s.from->stream), 0);
  cr_assert_lt(s.sent, s.len);
  cr_assert_eq(s.from->num_drained, 0);
  stream_read_start(bed.server.peer.stream);
  RUN_UNTIL(bed.worker, s.from->num_drained == 1);
  s.len = s.sent;
  RUN_UNTIL(bed.worker, bed.server.peer.got.len == s.len);
  sender_check(&s, &bed.server.peer);
  bed_cleanup(&bed);
}

static void assert_drained(void (*close)(struct stream *stream, uint64_t ms),
                           int end_err) {
  struct bed bed;
  bed_init(&bed);
  bed_open(&bed);
  stream_read_stop(bed.server.peer.stream);
  struct sender s;
  sender_init(&s, &bed.client.peer, 64 * kMiB);
  sender_go_on(&s);
  close(s.from->stream, 20000);
  s.from->stream = NULL;
  stream_read_start(bed.server.peer.stream);
  RUN_UNTIL(bed.worker, bed.server.peer.num_ends == 1);
  cr_assert_eq(bed.server.peer.end_err, end_err);
  s.len = s.sent;
  sender_check(&s, &bed.server.peer);
  bed_cleanup(&bed);  // whose check of the loop sees a farewell still waiting
}

Test(tls, drains_before_it_closes) {
  assert_drained(stream_close_after_drain, 0);
}

Test(tls, drains_before_it_breaks_off) {
  assert_drained(stream_break_after_drain, UV_EOF);
}

Test(tls, may_be_closed_inside_each_event) {
  for (int i = 0; i < 3; i++) {
    struct bed bed;
    bed_init(&bed);
    bed_open(&bed);
    bed.server.peer.closes_on_data = i == 0;
    bed.server.peer.closes_on_end = i == 1;
    bed.server.peer.closes_on_drained = i == 2;
    if (i == 2) {
      stream_read_stop(bed.client.peer.stream);
      struct sender s;
      sender_init(&s, &bed.server.peer, 64 * kMiB);
      sender_go_on(&s);
      free(s.data);
      stream_read_start(bed.client.peer.stream);
    } else {
      peer_write_text(&bed.client.peer, "x");
      stream_shutdown(bed.client.peer.stream);
    }
    RUN_UNTIL(bed.worker, bed.server.peer.stream == NULL);
    turn_loop(bed.worker, 2);
    bed_cleanup(&bed);
  }
}
