// DNS over TLS, against a server that does as it is told.

#include "ech/framed_session.h"

#include "ech/channel_bed.h"

TestSuite(framed_session, .timeout = 30);

static void bed_init(struct channel_bed *b, const enum framed_deed *deeds,
                     size_t num_deeds) {
  channel_bed_init(b, DNS_SERVER_TLS, NULL, deeds, num_deeds);
}

Test(framed_session, keeps_its_connection) {
  struct channel_bed b;
  bed_init(&b, FRAMED_DEEDS(FRAMED_ANSWER));
  for (int i = 0; i < 3; i++) {
    channel_expect(&b, 5000, CHANNEL_OK, DNS_NODATA);
  }
  cr_assert_eq(b.server.num_connections, 1);
  cr_assert_eq(b.server.lens[0] % kDnsQueryBlock, 0);
  cr_assert(
      b.server.ids[0] != b.server.ids[1] || b.server.ids[1] != b.server.ids[2],
      "ids are not random");
  channel_bed_cleanup(&b);
  cr_assert(leaks_none());
}

Test(framed_session, takes_answers_in_any_order) {
  struct channel_bed b;
  bed_init(&b, FRAMED_DEEDS(FRAMED_HOLD, FRAMED_ANSWER));
  struct channel_outcome first, second;
  channel_ask(&b, &first, "first.test", 5000);
  channel_ask(&b, &second, "second.test", 5000);
  RUN_UNTIL(b.worker, first.num > 0 && second.num > 0);
  cr_assert_eq(first.answer, DNS_NODATA);
  cr_assert_eq(second.answer, DNS_NODATA);
  cr_assert_neq(b.server.ids[0], b.server.ids[1]);
  cr_assert_eq(b.server.num_connections, 1);
  channel_bed_cleanup(&b);
}

Test(framed_session, takes_no_answer_that_is_not_one) {
  static const struct {
    enum framed_deed deed;
    enum channel_status status;
    enum dns_status answer;
  } kCases[] = {
      {FRAMED_IN_PIECES, CHANNEL_OK, DNS_NODATA},
      {FRAMED_WRONG_THEN_RIGHT, CHANNEL_OK, DNS_NODATA},
      {FRAMED_SERVFAIL, CHANNEL_OK, DNS_SERVFAIL},
      // TC over TLS makes no sense.
      {FRAMED_TRUNCATED, CHANNEL_OK, DNS_BOGUS},
      {FRAMED_BARE_ERROR, CHANNEL_OK, DNS_BOGUS},
      // Asked again on another connection, with the same end.
      {FRAMED_CLOSE, CHANNEL_BROKEN, DNS_OK},
      {FRAMED_HALF, CHANNEL_BROKEN, DNS_OK},
      {FRAMED_TINY, CHANNEL_BROKEN, DNS_OK},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct channel_bed b;
    bed_init(&b, FRAMED_DEEDS(kCases[i].deed));
    channel_expect(&b, 5000, kCases[i].status, kCases[i].answer);
    cr_assert_eq(b.server.num_queries,
                 kCases[i].status == CHANNEL_BROKEN ? 2 : 1, "case %zu", i);
    channel_bed_cleanup(&b);
  }
  cr_assert(leaks_none());
}

Test(framed_session, waits_for_the_answer_to_its_own_question) {
  static const enum framed_deed kDeeds[] = {FRAMED_WRONG_ID,
                                            FRAMED_WRONG_QUESTION};
  for (size_t i = 0; i < 2; i++) {
    struct channel_bed b;
    bed_init(&b, FRAMED_DEEDS(kDeeds[i]));
    channel_expect(&b, 300, CHANNEL_TIMEOUT, DNS_OK);
    channel_bed_cleanup(&b);
  }
}

Test(framed_session, asks_once_more_when_the_connection_breaks) {
  static const enum framed_deed kDeeds[] = {FRAMED_CLOSE, FRAMED_HALF,
                                            FRAMED_TINY};
  for (size_t i = 0; i < 3; i++) {
    struct channel_bed b;
    bed_init(&b, FRAMED_DEEDS(kDeeds[i], FRAMED_ANSWER));
    channel_expect(&b, 5000, CHANNEL_OK, DNS_NODATA);
    cr_assert_eq(b.server.num_connections, 2);
    cr_assert_eq(b.server.num_queries, 2);
    channel_bed_cleanup(&b);
  }
  cr_assert(leaks_none());
}

// The probe at half of the time is answered by a server that is alive.
Test(framed_session, tells_a_slow_server_from_a_dead_one) {
  struct channel_bed b;
  bed_init(&b, FRAMED_DEEDS(FRAMED_SILENCE, FRAMED_ANSWER, FRAMED_ANSWER,
                            FRAMED_SILENCE));
  channel_expect(&b, 200, CHANNEL_TIMEOUT, DNS_OK);
  channel_expect(&b, 5000, CHANNEL_OK, DNS_NODATA);
  cr_assert_eq(b.server.num_connections, 1);
  cr_assert_eq(b.server.num_queries, 3);
  cr_assert_eq(b.server.lens[1] % kDnsQueryBlock, 0, "the probe's size");
  channel_expect(&b, 200, CHANNEL_BROKEN, DNS_OK);
  channel_bed_cleanup(&b);
}

Test(framed_session, connects_again_when_the_server_has_hung_up) {
  struct channel_bed b;
  bed_init(&b, FRAMED_DEEDS(FRAMED_ANSWER));
  channel_expect(&b, 5000, CHANNEL_OK, DNS_NODATA);
  framed_close(&b.server.connections[0]);
  for (int i = 0; i < 10; i++) {
    uv_run(worker_loop(b.worker), UV_RUN_NOWAIT);
  }
  channel_expect(&b, 5000, CHANNEL_OK, DNS_NODATA);
  cr_assert_eq(b.server.num_connections, 2);
  channel_bed_cleanup(&b);
}

Test(framed_session, agrees_on_dot_or_on_nothing) {
  static const struct {
    const char *alpn;
    enum channel_status status;
  } kCases[] = {{"dot", CHANNEL_OK}, {NULL, CHANNEL_OK}};
  for (size_t i = 0; i < 2; i++) {
    struct channel_bed b;
    test_trust_init(&b.trust, "IP:127.0.0.1");
    b.worker = test_worker_new();
    framed_server_open(&b.server, b.worker, b.trust.leaf, kCases[i].alpn,
                       FRAMED_DEEDS(FRAMED_ANSWER));
    struct dns_server at = test_server_at(NULL, b.server.port);
    at.scheme = DNS_SERVER_TLS;
    b.channel = dns_channel_new(b.worker, &at, b.trust.store);
    channel_expect(&b, 5000, kCases[i].status, DNS_NODATA);
    channel_bed_cleanup(&b);
  }
}

Test(framed_session, may_be_freed_at_any_time) {
  channel_survives_freeing(DNS_SERVER_TLS, FRAMED_DEEDS(FRAMED_ANSWER));
  channel_survives_freeing(DNS_SERVER_TLS,
                           FRAMED_DEEDS(FRAMED_HALF, FRAMED_ANSWER));
}
