#include "proxy/client.h"

#include <criterion/criterion.h>

#include "proxy/front_bed.h"

TestSuite(client, .timeout = 30);

#define OUR_HOST "Host: 127.0.0.1:8450\r\n"

static void ask(const char *request, const char *begins, const char *contains) {
  struct front_bed bed;
  bed_open(&bed);
  peer_write_text(&bed.browser, request);
  bed_expect(&bed, begins, contains);
  bed_close(&bed);
  cr_expect_null(fake.tunnel, "%s", request);
  cr_expect_eq(fake.num_lookups, 0, "%s", request);
}

Test(client, opens_a_tunnel_for_connect_and_keeps_what_follows) {
  struct front_bed bed;
  bed_open(&bed);
  peer_write_text(&bed.browser,
                  "CONNECT Secret.Example.:8443 HTTP/1.1\r\n"
                  "Host: secret.example:8443\r\n\r\n\x16\x03\x01hello");
  RUN_UNTIL(bed.proxy.worker, fake.tunnel != NULL);
  cr_assert_eq(bed.proxy.num_connections, 0);
  cr_assert_eq(fake.kind, FRONT_HTTP_CONNECT);
  cr_assert_str_eq(fake.tunnel_host, "secret.example");
  cr_assert_eq(fake.tunnel_port, 8443);
  struct peer tunnel = {0};
  peer_open(&tunnel, fake.tunnel);
  RUN_UNTIL(bed.proxy.worker, peer_got_text(&tunnel, "\x16\x03\x01hello"));
  front_accept(tunnel.stream, FRONT_HTTP_CONNECT);
  RUN_UNTIL(bed.proxy.worker,
            peer_got_text(&bed.browser,
                          "HTTP/1.1 200 Connection established\r\n\r\n"));
  peer_forget(&tunnel);
  bed_close(&bed);
}

Test(client, opens_a_tunnel_for_socks5_octet_by_octet) {
  static const char kHello[] =
      "\x05\x02\x00\x02\x05\x01\x00\x03\x09"
      "a.example\x01\xbbhi";
  struct front_bed bed;
  bed_open(&bed);
  for (size_t i = 0; i < sizeof(kHello) - 1; i++) {
    stream_write(bed.browser.stream, (const uint8_t *)kHello + i, 1);
    turn_loop(bed.proxy.worker, 2);
  }
  RUN_UNTIL(bed.proxy.worker, fake.tunnel != NULL);
  RUN_UNTIL(bed.proxy.worker, bed.browser.got.len == 2);
  cr_assert_arr_eq(bed.browser.got.data, "\x05\x00", 2);
  cr_assert_eq(fake.kind, FRONT_SOCKS5);
  cr_assert_str_eq(fake.tunnel_host, "a.example");
  cr_assert_eq(fake.tunnel_port, 443);
  struct peer tunnel = {0};
  peer_open(&tunnel, fake.tunnel);
  RUN_UNTIL(bed.proxy.worker, peer_got_text(&tunnel, "hi"));
  peer_forget(&tunnel);
  fake.tunnel = NULL;
  front_refuse(tunnel.stream, FRONT_SOCKS5, FRONT_FORBIDDEN, "no");
  RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
  cr_assert_eq(bed.browser.got.len, 12);
  cr_assert_arr_eq(bed.browser.got.data + 2, "\x05\x02\x00\x01", 4);
  bed_close(&bed);
}

Test(client, takes_a_socks5_greeting_and_request_at_once) {
  struct front_bed bed;
  bed_open(&bed);
  stream_write(
      bed.browser.stream,
      (const uint8_t *)"\x05\x01\x00\x05\x01\x00\x01\x7f\0\0\x01\0\x50", 13);
  RUN_UNTIL(bed.proxy.worker, fake.tunnel != NULL);
  cr_assert_str_eq(fake.tunnel_host, "127.0.0.1");
  cr_assert_eq(fake.tunnel_port, 80);
  bed_close(&bed);
}

Test(client, refuses_socks5_that_it_does_not_speak) {
  static const struct {
    const char *data;
    size_t len;
    const char *answer;
    size_t answer_len;
  } kCases[] = {
      {"\x05\x01\x02", 3, "\x05\xff", 2},
      {"\x05\x01\x00\x05\x02\x00\x01\x7f\0\0\x01\0\x50", 13,
       "\x05\x00\x05\x07\x00\x01\0\0\0\0\0\0", 12},
      {"\x05\x01\x00\x05\x01\x00\x09", 7,
       "\x05\x00\x05\x08\x00\x01\0\0\0\0\0\0", 12},
  };
  for (size_t i = 0; i < 3; i++) {
    struct front_bed bed;
    bed_open(&bed);
    stream_write(bed.browser.stream, (const uint8_t *)kCases[i].data,
                 kCases[i].len);
    RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
    cr_assert_eq(bed.browser.got.len, kCases[i].answer_len);
    cr_assert_arr_eq(bed.browser.got.data, kCases[i].answer,
                     kCases[i].answer_len);
    bed_close(&bed);
  }
}

Test(client, says_why_it_refuses) {
  static const struct {
    const char *request;
    const char *begins;
    const char *contains;
  } kCases[] = {
      {"\x16\x03\x01\x02\x00", "HTTP/1.1 400 ", "control character"},
      {"\x04\x01", "HTTP/1.1 400 ", "control character"},
      {"GET /\r\n", "HTTP/1.1 400 ", "first line"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 505 ", "HTTP/1.1 nor"},
      {"GET http://a/ HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "Host"},
      {"POST http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
       "HTTP/1.1 501 ", "Transfer-Encoding"},
      {"GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 501 ",
       "CONNECT"},
      {"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 501 ", "http://"},
      {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 ", "target"},
      {"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 ", "URL"},
      {"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 ", "a port"},
      {"CONNECT a:0 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 ", "a port"},
      {"CONNECT http://a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 ",
       "a port"},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
       "HTTP/1.1 400 ", "no body"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    ask(kCases[i].request, kCases[i].begins, kCases[i].contains);
  }
}

Test(client, bounds_the_head) {
  struct bytes request = {0};
  bytes_append(&request, "GET / HTTP/1.1\r\nX: ", 19);
  while (request.len < 100 * 1024) {
    bytes_append(&request, "aaaaaaaaaaaaaaaa", 16);
  }
  bytes_append(&request, "", 1);
  ask((const char *)request.data, "HTTP/1.1 431 ", "too long");
  ask((const char *)request.data + 19, "HTTP/1.1 414 ", "too long");
  free(request.data);
}

#define BEARER \
  "Authorization: Bearer c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw-\r\n"
#define CROSS "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"
#define PROBE "http://ech.internal/probe?00112233445566778899aabbccddeeff"

Test(client, serves_its_own_pages) {
  static const struct {
    const char *request;
    const char *begins;
    const char *contains;
  } kCases[] = {
      {"GET / HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 200 ", "<script nonce="},
      {"GET /?x HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200 ",
       "Content-Security-Policy: default-src 'none'; script-src 'nonce-"},
      {"GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ", "</html>"},
      {"GET /setup HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 200 ",
       "--proxy-server=http://127.0.0.1:8450<"},
      {"GET /proxy.pac HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200 ",
       "\"PROXY localhost:80\""},
      {"GET / HTTP/1.1\r\nHost: evil.example:8450\r\n\r\n", "HTTP/1.1 421 ",
       "\r\n\r\nask by the IP address"},
      {"GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n",
       "HTTP/1.1 421 ", "IP address"},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "HTTP/1.1 421 ", "IP address"},
      {"GET / HTTP/1.1\r\nHost: ech.internal\r\n\r\n", "HTTP/1.1 421 ",
       "IP address"},
      {"GET /x HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 404 ", "no such page"},
      {"GET /api HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 404 ", "no such"},
      {"GET /ca.pem HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 404 ", "CA"},
      {"POST / HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 405 ",
       "Allow: GET, HEAD\r\n"},
      {"OPTIONS * HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 405 ", "Allow: "},
      {"GET / HTTP/1.1\r\n" OUR_HOST "Content-Length: 1\r\n\r\nx",
       "HTTP/1.1 413 ", "no body"},
      {"GET / HTTP/1.1\r\n" OUR_HOST
       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "HTTP/1.1 413 ", "no body"},
      // Data is for who has the token.
      {"GET /api/status HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 401 ",
       "\"error\":"},
      {"GET /api/visits/1 HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 401 ",
       "WWW-Authenticate: Bearer\r\n"},
      {"GET /metrics HTTP/1.1\r\n" OUR_HOST "Authorization: Bearer x\r\n\r\n",
       "HTTP/1.1 401 ", "not the token"},
      {"POST /api/rules HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 401 ",
       "token"},
      {"GET /api/rules HTTP/1.1\r\n" OUR_HOST BEARER "\r\n", "HTTP/1.1 405 ",
       "Allow: POST\r\n"},
      // A rule's body is bounded, and of a type that no form has.
      {"POST /api/rules HTTP/1.1\r\n" OUR_HOST BEARER
       "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
       "HTTP/1.1 415 ", "application/json"},
      {"POST /api/rules HTTP/1.1\r\n" OUR_HOST BEARER
       "Content-Type: application/json\r\n\r\n",
       "HTTP/1.1 411 ", "Content-Length"},
      {"POST /api/rules HTTP/1.1\r\n" OUR_HOST BEARER
       "Content-Type: application/json\r\nContent-Length: 1025\r\n\r\n{}",
       "HTTP/1.1 413 ", "1024"},
      {"POST /api/rules HTTP/1.1\r\n" OUR_HOST BEARER
       "Content-Type: application/json; charset=utf-8\r\n"
       "Content-Length: 2\r\n\r\n[]",
       "HTTP/1.1 400 ", "an object in JSON"},
      {"POST /api/rules HTTP/1.1\r\n" OUR_HOST BEARER
       "Content-Type: application/json\r\nContent-Length: 16\r\n\r\n"
       "{\"site\":\"a..b\"}\n",
       "HTTP/1.1 400 ", "`site` must be"},
      {"POST /api/rules HTTP/1.1\r\n" OUR_HOST BEARER
       "Content-Type: application/json\r\nContent-Length: 33\r\n\r\n"
       "{\"site\":\"a.example\",\"mode\":\"off\"}",
       "HTTP/1.1 400 ", "`mode` must be"},
      // Through the proxy, by our own name and by our address.
      {"GET http://ech.internal/setup HTTP/1.1\r\nHost: ech.internal\r\n\r\n",
       "HTTP/1.1 200 ", "Set up echproxy"},
      {"GET http://ech.internal HTTP/1.1\r\nHost: ech.internal\r\n\r\n",
       "HTTP/1.1 200 ", "<script nonce="},
      {"GET http://ech.internal/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
       "HTTP/1.1 421 ", "IP address"},
      {"GET http://ech.internal:81/ HTTP/1.1\r\nHost: ech.internal:81\r\n\r\n",
       "HTTP/1.1 502 ", "does not exist"},
      {"CONNECT ech.internal:444 HTTP/1.1\r\nHost: ech.internal:444\r\n\r\n",
       "HTTP/1.1 502 ", "does not exist"},
      {"CONNECT ech.internal:80 HTTP/1.1\r\nHost: ech.internal:80\r\n\r\n"
       "GET /setup HTTP/1.1\r\nHost: ech.internal\r\n\r\n",
       "HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 ",
       "Set up echproxy"},
      {"CONNECT ech.internal:80 HTTP/1.1\r\nHost: ech.internal:80\r\n\r\n"
       "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
       "HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 400 ",
       "not a path"},
      {"CONNECT ech.internal:80 HTTP/1.1\r\nHost: ech.internal:80\r\n\r\n"
       "\x05\x01\x02 / HTTP/1.1\r\n\r\n",
       "HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 400 ", "refused"},
      // Whoever knows the key learns that he is here, from wherever he asks.
      {"GET " PROBE " HTTP/1.1\r\nHost: ech.internal\r\n" CROSS "\r\n",
       "HTTP/1.1 204 ", "Resource-Policy: cross-origin\r\n"},
      {"GET " PROBE "0 HTTP/1.1\r\nHost: ech.internal\r\n" CROSS "\r\n",
       "HTTP/1.1 502 ", "does not exist"},
      {"GET http://ech.internal/ca.pem HTTP/1.1\r\nHost: ech.internal\r\n" CROSS
       "\r\n",
       "HTTP/1.1 502 ", "does not exist"},
      {"GET /probe?00112233445566778899aabbccddeeff HTTP/1.1\r\n" OUR_HOST
       "\r\n",
       "HTTP/1.1 404 ", "no such page"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    ask(kCases[i].request, kCases[i].begins, kCases[i].contains);
  }
}

// A page of another site cannot tell whether somebody listens.
Test(client, says_nothing_to_other_sites) {
  static const char *const kRequests[] = {
      "GET / HTTP/1.1\r\n" OUR_HOST CROSS "\r\n",
      "GET /ca.pem HTTP/1.1\r\n" OUR_HOST CROSS "\r\n",
      "GET /x HTTP/1.1\r\n" OUR_HOST "Origin: https://evil.example\r\n\r\n",
      "POST /api/rules HTTP/1.1\r\n" OUR_HOST BEARER
      "Origin: http://127.0.0.1:8451\r\n\r\n",
  };
  for (size_t i = 0; i < sizeof(kRequests) / sizeof(kRequests[0]); i++) {
    struct front_bed bed;
    bed_open(&bed);
    peer_write_text(&bed.browser, kRequests[i]);
    RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends > 0);
    cr_expect_eq(bed.browser.got.len, 0, "%s", kRequests[i]);
    bed_close(&bed);
  }
}

// What asks a proxy even for the proxy's own address gets its page at once.
Test(client, serves_its_pages_by_its_own_address) {
  struct front_bed bed;
  struct address proxy, browser;
  char request[256], text[kAddressTextSize];
  bed_open(&bed);
  cr_assert(tcp_ends(bed.browser.stream, &proxy, &browser));
  address_format(text, &proxy);
  snprintf(request, sizeof(request),
           "GET http://%s/proxy.pac HTTP/1.1\r\nHost: %s\r\n\r\n", text, text);
  peer_write_text(&bed.browser, request);
  bed_expect(&bed, "HTTP/1.1 200 ", text);
  cr_expect_eq(fake.num_lookups, 0);
  bed_close(&bed);
}

Test(client, hands_out_the_certificate) {
  struct front_bed bed;
  bed_open(&bed);
  bed.proxy.ca_pem = "-----BEGIN CERTIFICATE-----\n";
  bed.proxy.ca_path = "/home/<me>/ca.pem";
  bed.local.ca_der = (uint8_t *)"der";
  bed.local.ca_der_len = 3;
  peer_write_text(&bed.browser, "GET /ca.pem HTTP/1.1\r\n" OUR_HOST "\r\n");
  bed_expect(&bed, "HTTP/1.1 200 OK\r\nContent-Type: application/x-pem-file",
             "\r\n\r\n-----BEGIN CERTIFICATE-----\n");
  bed_connect(&bed);
  peer_write_text(&bed.browser, "GET /ca.der HTTP/1.1\r\n" OUR_HOST "\r\n");
  bed_expect(&bed,
             "HTTP/1.1 200 OK\r\nContent-Type: application/x-x509-ca-cert",
             "\r\n\r\nder");
  bed_connect(&bed);
  peer_write_text(&bed.browser, "GET /setup HTTP/1.1\r\n" OUR_HOST "\r\n");
  bed_expect(&bed, "HTTP/1.1 200 OK\r\n",
             "<code>/home/&lt;me&gt;/ca.pem</code>");
  bed_connect(&bed);
  peer_write_text(&bed.browser, "HEAD /ca.pem HTTP/1.1\r\n" OUR_HOST "\r\n");
  bed_expect(&bed, "HTTP/1.1 200 OK\r\n", "\r\nContent-Length: 28\r\n");
  cr_expect_not(peer_has(&bed.browser, "BEGIN"));
  bed_close(&bed);
}

Test(client, forgets_browsers_that_leave_half_way) {
  static const char *const kHalves[] = {"", "G", "GET / HTTP/1.1\r\nHo",
                                        "\x05\x01"};
  for (size_t i = 0; i < sizeof(kHalves) / sizeof(kHalves[0]); i++) {
    struct front_bed bed;
    bed_open(&bed);
    cr_assert_eq(bed.proxy.num_connections, 1);
    peer_write_text(&bed.browser, kHalves[i]);
    turn_loop(bed.proxy.worker, 3);
    stream_shutdown(bed.browser.stream);
    RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
    cr_assert_eq(bed.browser.got.len, 0);
    cr_assert_eq(bed.proxy.num_connections, 0);
    bed_close(&bed);
  }
}

Test(client, is_closed_with_the_proxy) {
  struct front_bed bed;
  bed_open(&bed);
  turn_loop(bed.proxy.worker, 3);
  proxy_close_all(&bed.proxy);
  cr_assert_eq(bed.proxy.num_connections, 0);
  RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
  bed_close(&bed);
}

// Where the file is tells the user's name.
Test(client, tells_other_machines_no_path_of_this_one) {
  static const char *const kPeers[] = {"127.0.0.1", "192.0.2.8"};
  for (size_t i = 0; i < 2; i++) {
    struct front_bed bed;
    struct stream *ours, *theirs;
    struct page_visitor visitor = {.way = PAGE_TUNNEL};
    bed_open(&bed);
    bed.proxy.ca_path = "/home/alice/ca.pem";
    cr_assert(address_from_ip(&visitor.peer, kPeers[i], 1));
    peer_cleanup(&bed.browser);
    bed.browser = (struct peer){0};
    test_tcp_pair(bed.proxy.worker, &theirs, &ours);
    peer_open(&bed.browser, theirs);
    client_open_inside(&bed.proxy, ours, &visitor);
    peer_write_text(&bed.browser,
                    "GET /setup HTTP/1.1\r\nHost: ech.internal\r\n\r\n");
    bed_expect(&bed, "HTTP/1.1 200 ", "ca.pem");
    cr_expect_eq(peer_has(&bed.browser, "alice"), i == 0, "%s", kPeers[i]);
    bed_close(&bed);
  }
}
