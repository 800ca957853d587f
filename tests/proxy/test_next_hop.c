#include "proxy/next_hop.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

// Rewrites the request or response `text` and compares.
static void expect_request(const char *text, const char *wanted) {
  struct http_head head;
  struct http_scan scan = {0};
  cr_assert_eq(
      http_request_read(&head, &scan, (const uint8_t *)text, strlen(text)),
      HTTP_HEAD_OK, "%s", text);
  struct authority site;
  size_t path;
  cr_assert(
      authority_from_url(&site, &path, head.target.data, head.target.len));
  struct bytes out = {0};
  next_hop_request(
      &out, &head, &site,
      (struct http_text){head.target.data + path, head.target.len - path});
  bytes_append(&out, "", 1);
  cr_expect_str_eq((const char *)out.data, wanted);
  free(out.data);
}

static void expect_response(const char *text, bool as_chunks,
                            const char *wanted) {
  struct http_head head;
  struct http_scan scan = {0};
  cr_assert_eq(http_response_read(&head, &scan, (const uint8_t *)text,
                                  strlen(text), false),
               HTTP_HEAD_OK, "%s", text);
  struct bytes out = {0};
  next_hop_response(&out, &head, as_chunks);
  bytes_append(&out, "", 1);
  cr_expect_str_eq((const char *)out.data, wanted);
  free(out.data);
}

Test(next_hop, writes_the_host_of_the_url) {
  expect_request(
      "GET http://A.example:80?q HTTP/1.1\r\nHost: b.example\r\n\r\n",
      "GET /?q HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
  expect_request(
      "GET http://[::1]:81/x HTTP/1.0\r\n\r\n",
      "GET /x HTTP/1.1\r\nHost: [::1]:81\r\nConnection: close\r\n\r\n");
}

Test(next_hop, drops_what_is_for_one_hop) {
  expect_request(
      "POST http://a/ HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Mine\r\n"
      "Proxy-Connection: x\r\nKeep-Alive: 5\r\nX-MINE: 1\r\nX-Yours: 2\r\n"
      "connection: X-Other\r\nX-Other: 3\r\nTE: trailers\r\nTrailer: T\r\n"
      "Upgrade: h2c\r\nHTTP2-Settings: x\r\nProxy-Authorization: Basic x\r\n"
      "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"
      "Authorization: Basic y\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nX-Yours: 2\r\nExpect: 100-continue\r\n"
      "Authorization: Basic y\r\nTransfer-Encoding: chunked\r\n"
      "Connection: close\r\n\r\n");
  expect_response(
      "HTTP/1.1 200 Fine\r\nConnection: X\r\nX: 1\r\nKeep-Alive: 5\r\n"
      "Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nSet-Cookie: a\r\n"
      "Set-Cookie: b\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n",
      true,
      "HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
      "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
}

Test(next_hop, writes_one_length) {
  expect_request(
      "POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\n"
      "Content-Length: 7, 7\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n"
      "Connection: close\r\n\r\n");
  // Even when Connection names it.
  expect_request(
      "POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n"
      "Connection: Content-Length, Host\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n"
      "Connection: close\r\n\r\n");
  expect_response("HTTP/1.0 304 N\r\nContent-Length: 7\r\n\r\n", false,
                  "HTTP/1.1 304 N\r\nContent-Length: 7\r\n"
                  "Connection: close\r\n\r\n");
  expect_response("HTTP/1.1 204 N\r\nContent-Length: 7\r\n\r\n", false,
                  "HTTP/1.1 204 N\r\nConnection: close\r\n\r\n");
  expect_response(
      "HTTP/1.1 200\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n",
      true,
      "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n"
      "Connection: close\r\n\r\n");
  expect_response("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n", false,
                  "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n");
}

Test(next_hop, counts_max_forwards_down) {
  static const struct {
    const char *text;
    enum max_forwards outcome;
  } kCases[] = {
      {"OPTIONS http://a HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n",
       MAX_FORWARDS_STOP},
      {"TRACE http://a HTTP/1.1\r\nHost: a\r\nMax-Forwards: 00\r\n\r\n",
       MAX_FORWARDS_STOP},
      {"OPTIONS http://a HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n",
       MAX_FORWARDS_BAD},
      {"OPTIONS http://a HTTP/1.1\r\nHost: a\r\nMax-Forwards:\r\n\r\n",
       MAX_FORWARDS_BAD},
      {"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", MAX_FORWARDS_GO_ON},
      {"GET http://a HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n",
       MAX_FORWARDS_GO_ON},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct http_head head;
    struct http_scan scan = {0};
    http_request_read(&head, &scan, (const uint8_t *)kCases[i].text,
                      strlen(kCases[i].text));
    cr_expect_eq(next_hop_max_forwards(&head), kCases[i].outcome, "%s",
                 kCases[i].text);
  }
  expect_request(
      "OPTIONS http://a HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 9\r\n"
      "Connection: close\r\n\r\n");
}
