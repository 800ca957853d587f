// Plain DNS on loopback, against a server that does as it is told.

#include "ech/stub_session.h"

#include "ech/channel_bed.h"
#include "support/loopback.h"

TestSuite(stub_session, .timeout = 30);

static void bed_init(struct channel_bed *b, const enum framed_deed *deeds,
                     size_t num_deeds) {
  channel_bed_init(b, DNS_SERVER_UDP, NULL, deeds, num_deeds);
}

Test(stub_session, asks_over_udp_with_an_id_of_its_own) {
  struct channel_bed b;
  bed_init(&b, FRAMED_DEEDS(FRAMED_ANSWER));
  for (int i = 0; i < 4; i++) {
    channel_expect(&b, 5000, CHANNEL_OK, DNS_NODATA);
  }
  cr_assert_eq(b.server.num_datagrams, 4);
  cr_assert_eq(b.server.num_connections, 0);
  cr_assert(b.server.ids[0] != b.server.ids[1] ||
            b.server.ids[1] != b.server.ids[2]);
  channel_bed_cleanup(&b);
  cr_assert(leaks_none());
}

Test(stub_session, sends_again_when_no_answer_comes) {
  struct channel_bed b;
  bed_init(&b, FRAMED_DEEDS(FRAMED_SILENCE, FRAMED_ANSWER));
  channel_expect(&b, 5000, CHANNEL_OK, DNS_NODATA);
  cr_assert_eq(b.server.num_datagrams, 2);
  cr_assert_eq(b.server.ids[0], b.server.ids[1]);
  channel_bed_cleanup(&b);
}

Test(stub_session, passes_over_what_is_not_the_answer) {
  struct channel_bed b;
  bed_init(&b, FRAMED_DEEDS(FRAMED_WRONG_THEN_RIGHT, FRAMED_TINY,
                            FRAMED_WRONG_ID, FRAMED_ANSWER));
  channel_expect(&b, 5000, CHANNEL_OK, DNS_NODATA);
  cr_assert_eq(b.server.num_datagrams, 1);
  channel_expect(&b, 5000, CHANNEL_OK, DNS_NODATA);
  cr_assert_eq(b.server.num_datagrams, 4);
  channel_bed_cleanup(&b);
}

static void keep_answer(void *owner, const uint8_t *query, size_t len,
                        struct bytes *out) {
  (void)len;
  struct bytes *kept = owner;
  framed_answer(out, query, 0x8180);
  kept->len = 0;
  bytes_append(kept, out->data, out->len);
}

// The right answer, from a port that is not the resolver's, is not heard.
Test(stub_session, hears_the_resolver_only) {
  struct channel_bed b;
  struct bytes answer = {0};
  bed_init(&b, FRAMED_DEEDS(FRAMED_SILENCE));
  b.server.respond = keep_answer;
  b.server.respond_owner = &answer;
  struct channel_outcome o;
  channel_ask(&b, &o, "site.test", 300);
  RUN_UNTIL(b.worker, b.server.num_datagrams > 0);
  uv_udp_t stranger;
  uv_udp_init(worker_loop(b.worker), &stranger);
  uv_buf_t buf = uv_buf_init((char *)answer.data, (unsigned)answer.len);
  cr_assert_eq(uv_udp_try_send(&stranger, &buf, 1,
                               (struct sockaddr *)&b.server.last_from),
               (int)answer.len);
  RUN_UNTIL(b.worker, o.num > 0);
  cr_assert_eq(o.status, CHANNEL_TIMEOUT);
  uv_close((uv_handle_t *)&stranger, NULL);
  channel_bed_cleanup(&b);
  free(answer.data);
}

Test(stub_session, asks_over_tcp_what_did_not_fit) {
  static const struct {
    enum framed_deed deed;  // over TCP
    enum channel_status status;
    enum dns_status answer;
  } kCases[] = {
      {FRAMED_ANSWER, CHANNEL_OK, DNS_NODATA},
      {FRAMED_WRONG_THEN_RIGHT, CHANNEL_OK, DNS_NODATA},
      {FRAMED_TRUNCATED, CHANNEL_OK, DNS_BOGUS},
      {FRAMED_SERVFAIL, CHANNEL_OK, DNS_SERVFAIL},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct channel_bed b;
    bed_init(&b, FRAMED_DEEDS(FRAMED_TRUNCATED, kCases[i].deed));
    channel_expect(&b, 5000, kCases[i].status, kCases[i].answer);
    cr_assert_eq(b.server.num_datagrams, 1);
    cr_assert_eq(b.server.num_connections, 1);
    cr_assert_eq(b.server.num_queries, 2);
    channel_bed_cleanup(&b);
  }
  cr_assert(leaks_none());
}

Test(stub_session, goes_on_when_tcp_breaks) {
  struct channel_bed b;
  bed_init(&b, FRAMED_DEEDS(FRAMED_TRUNCATED, FRAMED_HALF, FRAMED_ANSWER));
  channel_expect(&b, 5000, CHANNEL_OK, DNS_NODATA);
  channel_bed_cleanup(&b);
  cr_assert(leaks_none());
}

Test(stub_session, says_at_once_that_nobody_is_there) {
  struct channel_bed b;
  bed_init(&b, FRAMED_DEEDS(FRAMED_ANSWER));
  dns_channel_free(b.channel);
  struct dns_server at = test_server_at(NULL, loopback_free_port());
  at.scheme = DNS_SERVER_UDP;
  b.channel = dns_channel_new(b.worker, &at, b.trust.store);
  uint64_t start = uv_hrtime();
  channel_expect(&b, 5000, CHANNEL_UNREACHABLE, DNS_OK);
  cr_assert_lt((uv_hrtime() - start) / 1000000, 2000);
  channel_bed_cleanup(&b);
  cr_assert(leaks_none());
}

Test(stub_session, may_be_freed_at_any_time) {
  channel_survives_freeing(DNS_SERVER_UDP, FRAMED_DEEDS(FRAMED_ANSWER));
  channel_survives_freeing(DNS_SERVER_UDP,
                           FRAMED_DEEDS(FRAMED_TRUNCATED, FRAMED_TRUNCATED,
                                        FRAMED_TRUNCATED, FRAMED_ANSWER));
}
