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

Test(client, serves_its_own_pages) {
  static const struct {
    const char *request;
    const char *begins;
    const char *contains;
  } kCases[] = {
      {"GET / HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 200 ",
       "127.0.0.1:8450</p>"},
      {"GET /?x HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200 ",
       "Content-Security-Policy: default-src 'none'"},
      {"GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ", "</html>"},
      {"GET / HTTP/1.1\r\nHost: evil.example:8450\r\n\r\n", "HTTP/1.1 421 ",
       "IP address"},
      {"GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n",
       "HTTP/1.1 421 ", "IP address"},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "HTTP/1.1 421 ", "IP address"},
      {"GET /x HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 404 ", "no such page"},
      {"GET /ca.pem HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 404 ", "CA"},
      {"POST / HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 405 ",
       "Allow: GET, HEAD\r\n"},
      {"OPTIONS * HTTP/1.1\r\n" OUR_HOST "\r\n", "HTTP/1.1 405 ", "Allow: "},
      {"GET / HTTP/1.1\r\n" OUR_HOST "Content-Length: 1\r\n\r\nx",
       "HTTP/1.1 413 ", "no body"},
      {"GET / HTTP/1.1\r\n" OUR_HOST
       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "HTTP/1.1 413 ", "no body"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    ask(kCases[i].request, kCases[i].begins, kCases[i].contains);
  }
}

Test(client, hands_out_the_certificate) {
  struct front_bed bed;
  bed_open(&bed);
  bed.proxy.ca_pem = "-----BEGIN CERTIFICATE-----\n";
  bed.proxy.ca_path = "/home/<me>/ca.pem";
  peer_write_text(&bed.browser, "GET /ca.pem HTTP/1.1\r\n" OUR_HOST "\r\n");
  bed_expect(&bed, "HTTP/1.1 200 OK\r\nContent-Type: application/x-pem-file",
             "\r\n\r\n-----BEGIN CERTIFICATE-----\n");
  bed_connect(&bed);
  peer_write_text(&bed.browser, "GET / HTTP/1.1\r\n" OUR_HOST "\r\n");
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
