#include "proxy/http_head.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/xalloc.h"

#define H "Host: a.example\r\n"

// Reads `text` from a copy of exactly its size, so that ASan sees an overread.
// Whether it is read at once or octet by octet, the outcome is the same.
static enum http_head_status read_text(struct http_head *out, const char *text,
                                       size_t len, bool is_response) {
  uint8_t *copy = xmemdup(text, len);
  struct http_scan scan = {0};
  enum http_head_status at_once =
      is_response ? http_response_read(out, &scan, copy, len, false)
                  : http_request_read(out, &scan, copy, len);
  struct http_head slow;
  struct http_scan slow_scan = {0};
  enum http_head_status status = HTTP_HEAD_INCOMPLETE;
  for (size_t i = 1; i <= len && status == HTTP_HEAD_INCOMPLETE; i++) {
    status = is_response ? http_response_read(&slow, &slow_scan, copy, i, false)
                         : http_request_read(&slow, &slow_scan, copy, i);
  }
  cr_expect_eq(status, at_once, "octet by octet: %s", text);
  free(copy);
  return at_once;
}

static enum http_head_status request(const char *text) {
  struct http_head head;
  return read_text(&head, text, strlen(text), false);
}

Test(http_head, reads_a_request) {
  static const char kText[] =
      "\r\nPOST http://a.example/x?y HTTP/1.1\r\nhost:a.example\r\n"
      "X-Empty:\r\nX: \t b c \t\r\nContent-Length: 12\r\n\r\nbody";
  struct http_head head;
  struct http_scan scan = {0};
  cr_assert_eq(
      http_request_read(&head, &scan, (const uint8_t *)kText, strlen(kText)),
      HTTP_HEAD_OK);
  cr_assert(http_text_is(head.method, "POST"));
  cr_assert(http_text_is(head.target, "http://a.example/x?y"));
  cr_assert_eq(head.minor_version, 1);
  cr_assert_eq(head.num_fields, 4);
  cr_assert_eq(http_head_get(&head, "x-empty")->value.len, 0);
  cr_assert(http_text_is(http_head_get(&head, "X")->value, "b c"));
  cr_assert_null(http_head_get(&head, "Y"));
  cr_assert_eq(head.framing, HTTP_BODY_LENGTH);
  cr_assert_eq(head.length, 12);
  cr_assert_str_eq(kText + head.len, "body");
}

Test(http_head, accepts_and_refuses_requests) {
  static const struct {
    const char *text;
    enum http_head_status status;
  } kCases[] = {
      {"GET / HTTP/1.1\r\n" H "\r\n", HTTP_HEAD_OK},
      {"GET / HTTP/1.0\r\n\r\n", HTTP_HEAD_OK},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTP_HEAD_OK},
      {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", HTTP_HEAD_OK},
      {"GET / HTTP/1.1\r\n" H "X: \x80\xff\r\n\r\n", HTTP_HEAD_OK},
      {"GET / HTTP/1.1\r\n" H
       "Content-Length: 5\r\ncontent-length: 5, 5\r\n\r\n",
       HTTP_HEAD_OK},
      {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n",
       HTTP_HEAD_OK},
      // The first line.
      {"GET /\r\n", HTTP_HEAD_BAD_LINE},  // HTTP/0.9
      {"GET  / HTTP/1.1\r\n", HTTP_HEAD_BAD_LINE},
      {" GET / HTTP/1.1\r\n", HTTP_HEAD_BAD_LINE},
      {"GET / HTTP/1.1 \r\n", HTTP_HEAD_BAD_LINE},
      {"GET / x HTTP/1.1\r\n", HTTP_HEAD_BAD_LINE},
      {"G@T / HTTP/1.1\r\n", HTTP_HEAD_BAD_LINE},
      {"GET /\xc3\xa9 HTTP/1.1\r\n", HTTP_HEAD_BAD_LINE},
      {"GET\t/ HTTP/1.1\r\n", HTTP_HEAD_BAD_LINE},
      {"GET / http/1.1\r\n", HTTP_HEAD_BAD_LINE},
      {"GET / HTTP/11\r\n", HTTP_HEAD_BAD_LINE},
      {"\r\n\r\nGET / HTTP/1.1\r\n", HTTP_HEAD_BAD_LINE},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP_HEAD_BAD_VERSION},
      {"\x16\x03\x01\x02", HTTP_HEAD_BAD_BYTE},  // TLS
      // Lines.
      {"GET / HTTP/1.1\n" H "\n", HTTP_HEAD_BAD_BYTE},
      {"GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", HTTP_HEAD_BAD_BYTE},
      {"GET / HTTP/1.1\r\n" H "X: a\r\r\n\r\n", HTTP_HEAD_BAD_BYTE},
      {"GET / HTTP/1.1\r\n" H "X: a\nY: b\r\n\r\n", HTTP_HEAD_BAD_BYTE},
      {"GET / HTTP/1.1\r\n" H "X: \x7f\r\n\r\n", HTTP_HEAD_BAD_BYTE},
      // Fields.
      {"GET / HTTP/1.1\r\n" H "X : a\r\n\r\n", HTTP_HEAD_BAD_FIELD},
      {"GET / HTTP/1.1\r\n" H "X\r\n\r\n", HTTP_HEAD_BAD_FIELD},
      {"GET / HTTP/1.1\r\n" H ": a\r\n\r\n", HTTP_HEAD_BAD_FIELD},
      {"GET / HTTP/1.1\r\n" H "X(: a\r\n\r\n", HTTP_HEAD_BAD_FIELD},
      {"GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", HTTP_HEAD_FOLDED_FIELD},
      {"GET / HTTP/1.1\r\n\t" H "\r\n", HTTP_HEAD_FOLDED_FIELD},
      // Host.
      {"GET / HTTP/1.1\r\n\r\n", HTTP_HEAD_BAD_HOST},
      {"GET / HTTP/1.1\r\n" H H "\r\n", HTTP_HEAD_BAD_HOST},
      {"GET / HTTP/1.0\r\n" H H "\r\n", HTTP_HEAD_BAD_HOST},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HTTP_HEAD_BAD_HOST},
      {"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", HTTP_HEAD_BAD_HOST},
      {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", HTTP_HEAD_BAD_HOST},
      // Framing.
      {"GET / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
       HTTP_HEAD_BAD_LENGTH},
      {"GET / HTTP/1.1\r\n" H "Content-Length: 5, 6\r\n\r\n",
       HTTP_HEAD_BAD_LENGTH},
      {"GET / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n",
       HTTP_HEAD_BAD_LENGTH},
      {"GET / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n",
       HTTP_HEAD_BAD_LENGTH},
      {"GET / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n",
       HTTP_HEAD_BAD_LENGTH},
      {"GET / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", HTTP_HEAD_BAD_LENGTH},
      {"GET / HTTP/1.1\r\n" H "Content-Length: 18446744073709551616\r\n\r\n",
       HTTP_HEAD_BAD_LENGTH},
      {"GET / HTTP/1.1\r\n" H
       "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
       HTTP_HEAD_LENGTH_AND_CODING},
      {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
       HTTP_HEAD_CODING_IN_1_0},
      {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n",
       HTTP_HEAD_BAD_CODING},
      {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n",
       HTTP_HEAD_BAD_CODING},
      {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n",
       HTTP_HEAD_BAD_CODING},
      {"GET / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n",
       HTTP_HEAD_BAD_CODING},
      {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: x\r\n"
       "Transfer-Encoding: chunked\r\n\r\n",
       HTTP_HEAD_BAD_CODING},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    enum http_head_status status = request(kCases[i].text);
    cr_expect_eq(status, kCases[i].status, "%s: %s", kCases[i].text,
                 http_head_status_str(status));
  }
}

Test(http_head, refuses_a_nul) {
  static const char kText[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
  struct http_head head;
  cr_assert_eq(read_text(&head, kText, sizeof(kText) - 1, false),
               HTTP_HEAD_BAD_BYTE);
}

Test(http_head, waits_for_every_missing_octet) {
  static const char kText[] =
      "\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n";
  for (size_t len = 0; len < strlen(kText); len++) {
    struct http_head head;
    cr_expect_eq(read_text(&head, kText, len, false), HTTP_HEAD_INCOMPLETE,
                 "%zu octets", len);
  }
}

// Fills `out` with `prefix` and then 'a' up to `len` octets.
static char *padded(const char *prefix, size_t len) {
  char *text = xrealloc(NULL, len + 1);
  memset(text, 'a', len);
  text[len] = '\0';
  memcpy(text, prefix, strlen(prefix));
  return text;
}

Test(http_head, bounds_what_it_reads) {
  char *line = padded("GET /", kHttpRequestHeadMax);
  char *field = padded("GET / HTTP/1.1\r\nX: ", kHttpRequestHeadMax);
  cr_expect_eq(request(line), HTTP_HEAD_LINE_TOO_LONG);
  cr_expect_eq(request(field), HTTP_HEAD_TOO_LONG);
  // The longest that is taken ends just at the bound.
  memcpy(field + kHttpRequestHeadMax - 17, "\r\nHost: a.b.cd\r\n\r\n", 18);
  memcpy(field + kHttpRequestHeadMax - 4, "\r\n\r\n", 4);
  struct http_head head;
  enum http_head_status status =
      read_text(&head, field, kHttpRequestHeadMax, false);
  cr_expect_eq(status, HTTP_HEAD_OK, "%s", http_head_status_str(status));
  free(line);
  free(field);
}

Test(http_head, bounds_the_number_of_fields) {
  char text[8192] = "GET / HTTP/1.1\r\n" H;
  for (int i = 1; i < kHttpMaxFields; i++) {
    strcat(text, "X: y\r\n");
  }
  size_t len = strlen(text);
  strcat(text, "\r\n");
  cr_expect_eq(request(text), HTTP_HEAD_OK);
  strcpy(text + len, "X: y\r\n\r\n");
  cr_expect_eq(request(text), HTTP_HEAD_TOO_MANY_FIELDS);
}

Test(http_head, accepts_and_refuses_responses) {
  static const struct {
    const char *text;
    enum http_head_status status;
    enum http_framing framing;
  } kCases[] = {
      {"HTTP/1.1 200 OK\r\n\r\n", HTTP_HEAD_OK, HTTP_BODY_UNTIL_CLOSE},
      {"HTTP/1.0 200\r\n\r\n", HTTP_HEAD_OK, HTTP_BODY_UNTIL_CLOSE},
      {"HTTP/1.1 200 \nX : y\n\n", HTTP_HEAD_OK, HTTP_BODY_UNTIL_CLOSE},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", HTTP_HEAD_OK,
       HTTP_BODY_LENGTH},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: "
       "chunked\r\n\r\n",
       HTTP_HEAD_OK, HTTP_BODY_CHUNKED},
      {"HTTP/1.1 304 No\r\nContent-Length: 3\r\n\r\n", HTTP_HEAD_OK,
       HTTP_BODY_NONE},
      {"HTTP/1.1 204 No\r\n\r\n", HTTP_HEAD_OK, HTTP_BODY_NONE},
      {"HTTP/1.1 100 Continue\r\n\r\n", HTTP_HEAD_OK, HTTP_BODY_NONE},
      {"HTTP/2.0 200 OK\r\n\r\n", HTTP_HEAD_BAD_VERSION, 0},
      {"HTTP/1.1 20 OK\r\n\r\n", HTTP_HEAD_BAD_LINE, 0},
      {"HTTP/1.1 2000 OK\r\n\r\n", HTTP_HEAD_BAD_LINE, 0},
      {"HTTP/1.1 099 OK\r\n\r\n", HTTP_HEAD_BAD_LINE, 0},
      {"HTTP/1.1\r\n\r\n", HTTP_HEAD_BAD_LINE, 0},
      {"\r\nHTTP/1.1 200 OK\r\n\r\n", HTTP_HEAD_BAD_LINE, 0},
      {"ICY 200 OK\r\n\r\n", HTTP_HEAD_BAD_LINE, 0},
      {"HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", HTTP_HEAD_FOLDED_FIELD, 0},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
       HTTP_HEAD_BAD_CODING, 0},
      {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
       HTTP_HEAD_CODING_IN_1_0, 0},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
       HTTP_HEAD_BAD_LENGTH, 0},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct http_head head;
    enum http_head_status status =
        read_text(&head, kCases[i].text, strlen(kCases[i].text), true);
    cr_expect_eq(status, kCases[i].status, "%s: %s", kCases[i].text,
                 http_head_status_str(status));
    cr_expect(status != HTTP_HEAD_OK || head.framing == kCases[i].framing, "%s",
              kCases[i].text);
  }
}

Test(http_head, knows_that_the_answer_to_head_has_no_body) {
  static const char kText[] =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  struct http_head head;
  struct http_scan scan = {0};
  cr_assert_eq(http_response_read(&head, &scan, (const uint8_t *)kText,
                                  strlen(kText), true),
               HTTP_HEAD_OK);
  cr_assert_eq(head.framing, HTTP_BODY_NONE);
}

Test(http_head, splits_lists) {
  struct http_text list = {" , a,b ,\t,c", 11};
  struct http_text member;
  static const char *const kMembers[] = {"a", "b", "c"};
  for (size_t i = 0; i < 3; i++) {
    cr_assert(http_list_next(&list, &member));
    cr_assert(http_text_is(member, kMembers[i]));
  }
  cr_assert_not(http_list_next(&list, &member));
}
