// The records of a session, as a tap on the wire sees them.

#include "net/record_size.h"
#include "tls_bed.h"

TestSuite(tls_records, .timeout = 30);

enum { kLen = 256 * 1024, kPacket = 1492 - 40 - 20 - 12 };

// One direction of the wire: what comes from `from` is kept and goes to `to`.
struct tap {
  struct stream *from;
  struct stream *to;
  struct bytes seen;
};

static void on_tap_data(void *owner, const uint8_t *data, size_t len) {
  struct tap *tap = owner;
  bytes_append(&tap->seen, data, len);
  stream_write(tap->to, data, len);
}

static void on_tap_end(void *owner, int err) {
  (void)owner;
  (void)err;
}

static const struct stream_events kTapEvents = {on_tap_data, on_tap_end, NULL};

static void tap_open(struct tap *tap, struct stream *from, struct stream *to) {
  *tap = (struct tap){.from = from, .to = to};
  stream_set_events(from, &kTapEvents, tap);
  stream_read_start(from);
}

struct tapped {
  struct bed bed;
  struct tap up;    // from the client
  struct tap down;  // from the server
};

static void tapped_open(struct tapped *t) {
  struct stream *near_client, *near_server;
  bed_init(&t->bed);
  struct worker *w = t->bed.worker;
  test_tcp_pair(w, &t->bed.client.transport, &near_client);
  test_tcp_pair(w, &near_server, &t->bed.server.transport);
  tap_open(&t->up, near_client, near_server);
  tap_open(&t->down, near_server, near_client);
  bed_start_client(&t->bed);
  bed_start_server(&t->bed);
  bed_finish(&t->bed);
}

static void tapped_cleanup(struct tapped *t) {
  stream_close(t->up.from);
  stream_close(t->down.from);
  free(t->up.seen.data);
  free(t->down.seen.data);
  bed_cleanup(&t->bed);
}

// Sends kLen bytes through `tap`, which forgets what it has seen before.
static void send_much(struct tapped *t, struct tap *tap, struct side *from,
                      struct side *to) {
  uint8_t *data = test_pattern(kLen, 1);
  size_t want = to->peer.got.len + kLen;
  tap->seen.len = 0;
  stream_write(from->peer.stream, data, kLen);
  RUN_UNTIL(t->bed.worker, to->peer.got.len == want);
  free(data);
}

// Returns the length of the record at `*offset`, its header included, and moves
// on to the next.
static size_t next_record(const struct tap *tap, size_t *offset) {
  const uint8_t *header = tap->seen.data + *offset;
  cr_assert_leq(*offset + 5, tap->seen.len);
  cr_assert_eq(header[0], 23);  // application_data
  size_t len = 5 + (size_t)header[3] * 256 + header[4];
  *offset += len;
  return len;
}

Test(tls_records, of_a_client_begin_small_and_grow) {
  struct tapped t;
  size_t offset = 0;
  tapped_open(&t);
  send_much(&t, &t.up, &t.bed.client, &t.bed.server);
  for (int i = 0; i < 32; i++) {
    cr_assert_eq(next_record(&t.up, &offset), kPacket);
  }
  cr_assert_geq(next_record(&t.up, &offset), kRecordLarge);
  // Growing is for good, as long as there is no pause.
  offset = 0;
  send_much(&t, &t.up, &t.bed.client, &t.bed.server);
  cr_assert_geq(next_record(&t.up, &offset), kRecordLarge);
  tapped_cleanup(&t);
}

Test(tls_records, of_a_server_are_large_from_the_first) {
  struct tapped t;
  size_t offset = 0;
  tapped_open(&t);
  send_much(&t, &t.down, &t.bed.server, &t.bed.client);
  size_t first = next_record(&t.down, &offset);
  while (first < kPacket) {  // tickets, which go before it
    first = next_record(&t.down, &offset);
  }
  cr_assert_geq(first, kRecordLarge);
  tapped_cleanup(&t);
}
