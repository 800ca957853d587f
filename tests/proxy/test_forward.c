#include "proxy/forward.h"

#include <criterion/criterion.h>

#include "proxy/front_bed.h"
#include "proxy/site_rule.h"

TestSuite(forward, .timeout = 30);

#define GET "GET http://site.example/x HTTP/1.1\r\nHost: site.example\r\n\r\n"

// Sends `request` on port 80 of a site whose address is the test's origin. The
// port is the URL's, so the origin's own must stand in it.
static void start(struct front_bed *bed, const char *method,
                  const char *version, const char *rest) {
  char request[1024];
  bed_open(bed);
  snprintf(request, sizeof(request),
           "%s http://site.example:%u/x?y HTTP/%s\r\nHost: site.example\r\n%s",
           method, (unsigned)bed->listener.address.port, version, rest);
  peer_write_text(&bed->browser, request);
  bed_origin(bed);
}

static void wait_for(struct front_bed *bed, struct peer *peer,
                     const char *text) {
  RUN_UNTIL(bed->proxy.worker, peer_has(peer, text));
}

// The origin has said all it wants to say.
static void origin_ends(struct front_bed *bed) {
  stream_shutdown(bed->origin.stream);
}

static void expect_ended(struct front_bed *bed, const char *verdict,
                         const char *cause) {
  cr_expect_eq(fake.num_logs, 1);
  cr_expect_str_eq(fake.verdict, verdict);
  cr_expect_not_null(strstr(fake.cause, cause), "%s", fake.cause);
  fake.num_logs = 0;
  (void)bed;
}

Test(forward, carries_a_request_and_its_answer) {
  struct front_bed bed;
  start(&bed, "GET", "1.1", "Proxy-Connection: keep-alive\r\nA: b\r\n\r\n");
  wait_for(&bed, &bed.origin, "\r\n\r\n");
  cr_assert(peer_has(&bed.origin, "GET /x?y HTTP/1.1\r\nHost: site.example:"));
  cr_assert(peer_has(&bed.origin, "\r\nA: b\r\nConnection: close\r\n\r\n"));
  cr_assert_not(peer_has(&bed.origin, "Proxy-"));
  peer_write_text(&bed.origin,
                  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
                  "Keep-Alive: 5\r\n\r\nhello");
  RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
  cr_assert(peer_got_text(&bed.browser,
                          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
                          "Connection: close\r\n\r\nhello"));
  expect_ended(&bed, "passed through", "");
  cr_assert_eq(bed_count(&bed)->verdicts[VISIT_PASSED], 1);
  bed_close(&bed);
}

Test(forward, is_noted_while_it_goes_on) {
  struct front_bed bed;
  struct visit_row row;
  start(&bed, "GET", "1.1", "\r\n");
  wait_for(&bed, &bed.origin, "\r\n\r\n");
  static const char kHead[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  peer_write_text(&bed.origin, kHead);
  peer_write_text(&bed.origin, "hel");
  wait_for(&bed, &bed.browser, "hel");
  cr_assert(journal_find(bed.proxy.journal, 1, &row, NULL));
  cr_assert_eq(row.verdict, VISIT_PASSED);
  cr_assert_not(row.done);
  cr_assert_str_eq(row.step, "exchange");
  cr_assert_str_eq(row.host, "site.example");
  cr_assert_str_eq(row.name, "site.example");
  cr_assert_str_neq(row.address, "");
  cr_assert_eq(row.bytes_up, bed.origin.got.len);
  cr_assert_eq(row.bytes_down, strlen(kHead) + 3);
  cr_assert_eq(bed_count(&bed)->counters[TALLY_BYTES_DOWN], row.bytes_down);
  peer_write_text(&bed.origin, "lo");
  RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
  cr_assert(journal_find(bed.proxy.journal, 1, &row, NULL));
  cr_assert(row.done);
  bed_close(&bed);
}

Test(forward, relays_every_framing_and_shows_every_truncation) {
  static const struct {
    const char *version;
    const char *answer;  // of the origin, before it ends
    const char *wanted;  // the whole of what the browser gets
    const char *cause;
  } kCases[] = {
      {"1.1", "HTTP/1.1 200 OK\r\n\r\nhello",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
       "\r\n5\r\nhello\r\n0\r\n\r\n",
       ""},
      {"1.0", "HTTP/1.1 200 OK\r\n\r\nhello",
       "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", ""},
      {"1.0",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
       "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
       "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", ""},
      {"1.1",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
       "5;x\r\nhello\r\n0\r\nT: u\r\n\r\njunk",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
       "\r\n5\r\nhello\r\n0\r\n\r\n",
       ""},
      {"1.1", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
       "\r\n5\r\nhello\r\n",
       "in the middle"},
      {"1.1",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
       "\r\n5\r\nhello\r\n",
       "malformed body"},
      {"1.1", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
       "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n"
       "hello",
       "in the middle"},
      {"1.1", "HTTP/1.1 304 No\r\nETag: x\r\n\r\n",
       "HTTP/1.1 304 No\r\nETag: x\r\nConnection: close\r\n\r\n", ""},
      {"1.1",
       "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\njunk",
       "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
       "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n",
       ""},
      {"1.0", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
       "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n", ""},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct front_bed bed;
    start(&bed, "GET", kCases[i].version, "\r\n");
    wait_for(&bed, &bed.origin, "\r\n\r\n");
    peer_write_text(&bed.origin, kCases[i].answer);
    origin_ends(&bed);
    RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
    cr_expect(peer_got_text(&bed.browser, kCases[i].wanted), "%.*s",
              (int)bed.browser.got.len, (const char *)bed.browser.got.data);
    expect_ended(&bed, "passed through", kCases[i].cause);
    bed_close(&bed);
  }
}

Test(forward, answers_for_an_origin_that_does_not) {
  static const struct {
    const char *answer;
    const char *contains;
  } kCases[] = {
      {"", "without an answer"},
      {"HTTP/1.1 200 OK\r\nContent-Le", "without an answer"},
      {"SSH-2.0-x\r\n", "not HTTP"},
      {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "not HTTP"},
      {"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", "not HTTP"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct front_bed bed;
    start(&bed, "GET", "1.1", "\r\n");
    wait_for(&bed, &bed.origin, "\r\n\r\n");
    peer_write_text(&bed.origin, kCases[i].answer);
    origin_ends(&bed);
    bed_expect(&bed, "HTTP/1.1 502 Bad Gateway\r\n", kCases[i].contains);
    expect_ended(&bed, "passed through", kCases[i].contains);
    bed_close(&bed);
  }
}

Test(forward, ends_the_answer_to_head_with_its_head) {
  struct front_bed bed;
  start(&bed, "HEAD", "1.1", "\r\n");
  wait_for(&bed, &bed.origin, "HEAD /x?y ");
  peer_write_text(&bed.origin, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
  cr_assert(peer_got_text(&bed.browser,
                          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
                          "Connection: close\r\n\r\n"));
  bed_close(&bed);
}

Test(forward, relays_a_request_body_and_not_what_follows) {
  static const struct {
    const char *rest;
    const char *wanted;
  } kCases[] = {
      {"Content-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n\r\n",
       "Content-Length: 5\r\nConnection: close\r\n\r\nhello"},
      {"Transfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: u\r\n\r\nGET",
       "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
       "3\r\nabc\r\n0\r\n\r\n"},
      {"\r\nGET http://other/ HTTP/1.1\r\n\r\n", "Connection: close\r\n\r\n"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct front_bed bed;
    start(&bed, "POST", "1.1", kCases[i].rest);
    wait_for(&bed, &bed.origin, kCases[i].wanted);
    turn_loop(bed.proxy.worker, 5);
    size_t len = strlen(kCases[i].wanted);
    cr_expect(memcmp(bed.origin.got.data + bed.origin.got.len - len,
                     kCases[i].wanted, len) == 0,
              "%s", kCases[i].rest);
    peer_write_text(&bed.origin, "HTTP/1.1 204 No\r\n\r\n");
    bed_expect(&bed, "HTTP/1.1 204 No\r\n", "");
    bed_close(&bed);
  }
}

Test(forward, gives_up_on_an_origin_that_never_comes_to_the_point) {
  static const char kInterim[] = "HTTP/1.1 103 \r\n\r\n";
  struct front_bed bed;
  start(&bed, "GET", "1.1", "\r\n");
  wait_for(&bed, &bed.origin, "\r\n\r\n");
  struct bytes flood = {0};
  for (int i = 0; i < 100000; i++) {
    bytes_append(&flood, kInterim, sizeof(kInterim) - 1);
  }
  stream_write(bed.origin.stream, flood.data, flood.len);
  bed_expect(&bed, "HTTP/1.1 103 ", "HTTP/1.1 502 ");
  cr_expect_lt(bed.browser.got.len, 10000);
  free(flood.data);
  bed_close(&bed);
}

Test(forward, waits_for_continue) {
  struct front_bed bed;
  start(&bed, "POST", "1.1",
        "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  wait_for(&bed, &bed.origin, "Expect: 100-continue\r\n");
  peer_write_text(&bed.origin, "HTTP/1.1 100 Continue\r\n\r\n");
  wait_for(&bed, &bed.browser, "HTTP/1.1 100 Continue\r\n\r\n");
  peer_write_text(&bed.browser, "hello");
  wait_for(&bed, &bed.origin, "\r\n\r\nhello");
  peer_write_text(&bed.origin, "HTTP/1.1 204 No\r\n\r\n");
  bed_expect(&bed, "HTTP/1.1 100 ", "HTTP/1.1 204 No\r\n");
  bed_close(&bed);
}

Test(forward, cuts_a_request_short_when_its_body_is) {
  static const char *const kRests[] = {
      "Content-Length: 9\r\n\r\nhello",
      "Transfer-Encoding: chunked\r\n\r\n9\r\nhello",
  };
  for (size_t i = 0; i < 2; i++) {
    struct front_bed bed;
    start(&bed, "POST", "1.1", kRests[i]);
    wait_for(&bed, &bed.origin, "hello");
    stream_shutdown(bed.browser.stream);
    RUN_UNTIL(bed.proxy.worker, bed.origin.num_ends == 1);
    cr_expect_not(peer_has(&bed.origin, "0\r\n\r\n"));
    RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
    cr_expect_eq(bed.browser.got.len, 0);
    expect_ended(&bed, "passed through", "browser closed");
    bed_close(&bed);
  }
}

Test(forward, refuses_a_malformed_request_body) {
  struct front_bed bed;
  start(&bed, "POST", "1.1", "Transfer-Encoding: chunked\r\n\r\nx\r\n");
  bed_expect(&bed, "HTTP/1.1 400 ", "body is malformed");
  RUN_UNTIL(bed.proxy.worker, bed.origin.num_ends == 1);
  cr_expect_not(peer_has(&bed.origin, "0\r\n\r\n"));
  bed_close(&bed);
}

Test(forward, goes_on_for_a_browser_that_has_half_closed) {
  struct front_bed bed;
  start(&bed, "GET", "1.1", "\r\n");
  stream_shutdown(bed.browser.stream);
  wait_for(&bed, &bed.origin, "\r\n\r\n");
  turn_loop(bed.proxy.worker, 5);
  peer_write_text(&bed.origin, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
  bed_expect(&bed, "HTTP/1.1 200 OK\r\n", "\r\n\r\nx");
  bed_close(&bed);
}

enum { kBig = 24 * 1024 * 1024 };

// Writes a pattern as fast as it is taken.
struct writer {
  struct peer peer;
  uint8_t *data;
  size_t sent;
};

static void write_some(struct writer *w) {
  while (w->sent < kBig && stream_pending(w->peer.stream) == 0) {
    size_t len = kBig - w->sent < 100000 ? kBig - w->sent : 100000;
    size_t at = w->sent;
    w->sent += len;
    stream_write(w->peer.stream, w->data + at, len);
  }
}

static void on_writer_drained(void *owner) { write_some(owner); }

static void writer_start(struct writer *w, struct peer *peer) {
  static const struct stream_events kEvents = {peer_on_data, peer_on_end,
                                               on_writer_drained};
  w->peer = *peer;
  *peer = (struct peer){0};
  w->data = test_pattern(kBig, 7);
  stream_set_events(w->peer.stream, &kEvents, w);
  write_some(w);
}

static bool ends_with(const struct peer *p, const uint8_t *data, size_t len) {
  return p->got.len >= len &&
         memcmp(p->got.data + p->got.len - len, data, len) == 0;
}

Test(forward, holds_a_fast_origin_back_for_a_slow_browser) {
  struct front_bed bed;
  start(&bed, "GET", "1.1", "\r\n");
  wait_for(&bed, &bed.origin, "\r\n\r\n");
  char head[80];
  snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
           kBig);
  peer_write_text(&bed.origin, head);
  stream_read_stop(bed.browser.stream);
  struct writer w = {0};
  writer_start(&w, &bed.origin);
  turn_loop(bed.proxy.worker, 2000);
  cr_assert_lt(w.sent, (size_t)kBig, "the kernel's buffers are smaller");
  stream_read_start(bed.browser.stream);
  RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
  cr_assert(ends_with(&bed.browser, w.data, kBig));
  expect_ended(&bed, "passed through", "");
  peer_cleanup(&w.peer);
  free(w.data);
  bed_close(&bed);
}

Test(forward, holds_a_fast_browser_back_for_a_slow_origin) {
  struct front_bed bed;
  char rest[80];
  snprintf(rest, sizeof(rest), "Content-Length: %d\r\n\r\n", kBig);
  start(&bed, "POST", "1.1", rest);
  stream_read_stop(bed.origin.stream);
  struct writer w = {0};
  writer_start(&w, &bed.browser);
  turn_loop(bed.proxy.worker, 2000);
  cr_assert_lt(w.sent, (size_t)kBig, "the kernel's buffers are smaller");
  stream_read_start(bed.origin.stream);
  RUN_UNTIL(bed.proxy.worker, bed.origin.got.len > kBig);
  cr_assert(ends_with(&bed.origin, w.data, kBig));
  peer_write_text(&bed.origin, "HTTP/1.1 204 No\r\n\r\n");
  RUN_UNTIL(bed.proxy.worker, w.peer.num_ends == 1);
  cr_assert(peer_has(&w.peer, "HTTP/1.1 204 No\r\n"));
  peer_cleanup(&w.peer);
  free(w.data);
  bed_close(&bed);
}

Test(forward, relays_an_answer_that_comes_before_the_body_is_sent) {
  struct front_bed bed;
  char rest[80];
  snprintf(rest, sizeof(rest), "Content-Length: %d\r\n\r\n", kBig);
  start(&bed, "POST", "1.1", rest);
  wait_for(&bed, &bed.origin, "\r\n\r\n");
  stream_read_stop(bed.origin.stream);
  struct writer w = {0};
  writer_start(&w, &bed.browser);
  turn_loop(bed.proxy.worker, 200);
  peer_write_text(&bed.origin,
                  "HTTP/1.1 413 No\r\nContent-Length: 3\r\n\r\nbig");
  peer_close(&bed.origin);  // with unread bytes, so that it resets
  RUN_UNTIL(bed.proxy.worker, w.peer.got.len > 0);
  RUN_UNTIL(bed.proxy.worker, fake.num_logs == 1);
  cr_assert(peer_has(&w.peer, "HTTP/1.1 413 No\r\n"), "%.*s",
            (int)w.peer.got.len, (const char *)w.peer.got.data);
  peer_cleanup(&w.peer);
  free(w.data);
  bed_close(&bed);
}

Test(forward, drops_the_origin_when_the_browser_resets) {
  struct front_bed bed;
  start(&bed, "GET", "1.1", "\r\n");
  wait_for(&bed, &bed.origin, "\r\n\r\n");
  peer_write_text(&bed.origin, "HTTP/1.1 200 OK\r\n\r\n");
  stream_read_stop(bed.browser.stream);
  turn_loop(bed.proxy.worker, 5);
  peer_close(&bed.browser);  // with unread bytes
  for (int i = 0; i < 1000 && bed.origin.num_ends == 0; i++) {
    peer_write_text(&bed.origin, "more and more");
    turn_loop(bed.proxy.worker, 1);
  }
  cr_assert_eq(bed.origin.num_ends, 1);
  expect_ended(&bed, "passed through", "browser closed");
  bed_close(&bed);
}

static void ask(struct front_bed *bed, enum lookup_status status,
                size_t num_endpoints, const char *request) {
  bed_open(bed);
  fake.status = status;
  fake.num_endpoints = num_endpoints;
  fake.address.port = 0;
  peer_write_text(&bed->browser, request);
}

Test(forward, upgrades_to_https_when_there_is_an_https_record) {
  static const struct {
    const char *url;
    uint16_t looked_up;
    const char *location;
  } kCases[] = {
      {"http://site.example", 443, "https://site.example/\r\n"},
      {"http://Site.example:80/a?b=http://c", 443,
       "https://site.example/a?b=http://c\r\n"},
      {"http://site.example?q", 443, "https://site.example/?q\r\n"},
      {"http://site.example:8080/", 8080, "https://site.example:8080/\r\n"},
  };
  for (size_t i = 0; i < 8; i++) {
    struct front_bed bed;
    char request[200], location[200];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n",
             kCases[i / 2].url);
    snprintf(location, sizeof(location), "\r\nLocation: %s",
             kCases[i / 2].location);
    ask(&bed, i % 2 == 0 ? LOOKUP_ECH : LOOKUP_NO_ECH, 1, request);
    bed.terms.mode = i % 2 == 0 ? MODE_PREFER : MODE_STRICT;
    bed_expect(&bed, "HTTP/1.1 307 Temporary Redirect\r\n", location);
    cr_expect_str_eq(fake.host, "site.example");
    cr_expect_eq(fake.port, kCases[i / 2].looked_up);
    expect_ended(&bed, "upgraded to https", "");
    bed_close(&bed);
  }
}

Test(forward, refuses_what_it_must_not_or_cannot_reach) {
  static const struct {
    enum lookup_status status;
    enum proxy_mode mode;
    const char *begins;
    const char *contains;
  } kCases[] = {
      {LOOKUP_FAILED, MODE_PREFER, "HTTP/1.1 502 ", "could not be looked up"},
      {LOOKUP_FAILED, MODE_STRICT, "HTTP/1.1 502 ", "as the test says"},
      {LOOKUP_NXDOMAIN, MODE_PREFER, "HTTP/1.1 502 ", "does not exist"},
      {LOOKUP_FORBIDDEN, MODE_PREFER, "HTTP/1.1 502 ", "must not be"},
      {LOOKUP_NO_RECORD, MODE_PREFER, "HTTP/1.1 502 ", "no address"},
      {LOOKUP_NO_RECORD, MODE_STRICT, "HTTP/1.1 403 ", "strict mode"},
      {LOOKUP_LOCAL, MODE_STRICT, "HTTP/1.1 403 ", "strict mode"},
      // All records are beyond us: no upgrade.
      {LOOKUP_NO_ECH, MODE_STRICT, "HTTP/1.1 403 ", "strict mode"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct front_bed bed;
    ask(&bed, kCases[i].status, 0, GET);
    bed.terms.mode = kCases[i].mode;
    bed_expect(&bed, kCases[i].begins, kCases[i].contains);
    expect_ended(&bed, "refused", kCases[i].contains);
    cr_expect_eq(bed_count(&bed)->verdicts[VISIT_REFUSED], 1);
    cr_expect_eq(bed.listener.num_accepted, 0);
    bed_close(&bed);
  }
}

Test(forward, takes_the_mode_of_the_sites_rule) {
  static const struct {
    enum proxy_mode proxy;
    enum proxy_mode site;
    const char *begins;
  } kCases[] = {
      {MODE_PREFER, MODE_STRICT, "HTTP/1.1 403 "},
      {MODE_STRICT, MODE_PREFER, "HTTP/1.1 502 "},
      {MODE_STRICT, MODE_PASS, "HTTP/1.1 502 "},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct front_bed bed;
    struct site_pattern pattern;
    const char *why;
    struct site_rules *rules = site_rules_new();
    cr_assert(site_pattern_parse(&pattern, "site.example", &why));
    struct site_section *section = site_rules_add(rules, &pattern);
    section->sets[SITE_MODE] = true;
    section->mode = kCases[i].site;
    ask(&bed, LOOKUP_NO_RECORD, 0, GET);
    bed.terms.mode = kCases[i].proxy;
    bed.terms.sites = rules;
    bed_expect(&bed, kCases[i].begins, "");
    fake.num_logs = 0;
    bed_close(&bed);
    site_rules_free(rules);
  }
}

Test(forward, says_that_a_site_refuses_connections) {
  struct front_bed bed;
  char request[200];
  bed_open(&bed);
  uv_close((uv_handle_t *)&bed.listener.handle, NULL);
  snprintf(request, sizeof(request),
           "GET http://site.example:%u/ HTTP/1.1\r\nHost: x\r\n\r\n",
           (unsigned)bed.listener.address.port);
  peer_write_text(&bed.browser, request);
  bed_expect(&bed, "HTTP/1.1 502 ", "connection refused");
  expect_ended(&bed, "refused", "connection refused");
  peer_cleanup(&bed.browser);
  worker_run(bed.proxy.worker);
  cr_assert_eq(worker_free(bed.proxy.worker), 0);
  journal_free(bed.proxy.journal);
  tally_free(bed.proxy.tally);
}

Test(forward, is_the_last_hop_when_max_forwards_says_so) {
  static const struct {
    const char *request;
    const char *begins;
  } kCases[] = {
      {"OPTIONS http://a HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n",
       "HTTP/1.1 200 "},
      {"TRACE http://a/ HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n",
       "HTTP/1.1 405 "},
      {"TRACE http://a/ HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n",
       "HTTP/1.1 400 "},
  };
  for (size_t i = 0; i < 3; i++) {
    struct front_bed bed;
    ask(&bed, LOOKUP_LOCAL, 0, kCases[i].request);
    bed_expect(&bed, kCases[i].begins, "");
    cr_expect_eq(fake.num_lookups, 0);
    bed_close(&bed);
  }
}

Test(forward, is_closed_with_the_proxy_at_any_step) {
  for (int turns = 0; turns < 12; turns++) {
    struct front_bed bed;
    char request[200];
    bed_open(&bed);
    snprintf(request, sizeof(request),
             "GET http://site.example:%u/ HTTP/1.1\r\nHost: x\r\n\r\n",
             (unsigned)bed.listener.address.port);
    peer_write_text(&bed.browser, request);
    turn_loop(bed.proxy.worker, turns);
    proxy_close_all(&bed.proxy);
    cr_assert_eq(bed.proxy.num_connections, 0);
    RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
    if (bed.listener.accepted != NULL) {
      stream_close(bed.listener.accepted);
    }
    bed_close(&bed);
  }
}

// The origin of the bed plays the upstream proxy.
static void start_through_upstream(struct front_bed *bed,
                                   struct upstream **out_upstream,
                                   const char *site_ip) {
  char url[64];
  const char *why;
  bed_open(bed);
  snprintf(url, sizeof(url), "http://127.0.0.1:%u",
           (unsigned)bed->listener.address.port);
  *out_upstream = upstream_new(url, &why);
  cr_assert_not_null(*out_upstream);
  bed->terms.upstream = *out_upstream;
  cr_assert(address_from_ip(&fake.address, site_ip, 443));
  peer_write_text(&bed->browser, GET);
}

Test(forward, goes_through_the_upstream_proxy_by_address) {
  struct front_bed bed;
  struct upstream *upstream;
  start_through_upstream(&bed, &upstream, "192.0.2.7");
  bed_origin(&bed);
  wait_for(&bed, &bed.origin, "\r\n\r\n");
  cr_assert(peer_got_text(&bed.origin,
                          "CONNECT 192.0.2.7:80 HTTP/1.1\r\n"
                          "Host: 192.0.2.7:80\r\n\r\n"));
  peer_forget(&bed.origin);
  peer_write_text(&bed.origin, "HTTP/1.1 200 OK\r\n\r\n");
  wait_for(&bed, &bed.origin, "GET /x HTTP/1.1\r\n");
  peer_write_text(&bed.origin, "HTTP/1.1 204 No\r\n\r\n");
  bed_expect(&bed, "HTTP/1.1 204 No\r\n", "");
  expect_ended(&bed, "passed through", "");
  bed_close(&bed);
  upstream_free(upstream);
}

Test(forward, says_that_the_upstream_proxy_refused) {
  struct front_bed bed;
  struct upstream *upstream;
  start_through_upstream(&bed, &upstream, "192.0.2.7");
  bed_origin(&bed);
  wait_for(&bed, &bed.origin, "\r\n\r\n");
  peer_write_text(&bed.origin, "HTTP/1.1 403 No\r\n\r\n");
  bed_expect(&bed, "HTTP/1.1 502 ", "does not allow the connection");
  expect_ended(&bed, "refused", "the upstream proxy does not allow");
  bed_close(&bed);
  upstream_free(upstream);
}

// The site is on this machine, where the upstream proxy is too.
Test(forward, reaches_this_machine_without_the_upstream_proxy) {
  struct front_bed bed;
  struct upstream upstream = {.kind = UPSTREAM_HTTP, .num_addresses = 1};
  char request[256];
  bed_open(&bed);
  upstream.addresses[0] = bed.listener.address;
  bed.terms.upstream = &upstream;
  snprintf(request, sizeof(request),
           "GET http://localhost:%u/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
           (unsigned)bed.listener.address.port);
  peer_write_text(&bed.browser, request);
  bed_origin(&bed);
  wait_for(&bed, &bed.origin, "\r\n\r\n");
  cr_assert(peer_has(&bed.origin, "GET /x HTTP/1.1\r\n"));
  peer_write_text(&bed.origin, "HTTP/1.1 204 No\r\n\r\n");
  bed_expect(&bed, "HTTP/1.1 204 No\r\n", "");
  bed_close(&bed);
}
