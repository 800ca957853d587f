#include "proxy/http_body.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/xalloc.h"

// Feeds `text` in pieces of `step` octets, then the end. What is left over is
// counted in `*out_left`.
static enum http_body_status feed(struct bytes *out, size_t *out_left,
                                  enum http_framing framing, uint64_t length,
                                  const char *text, size_t step,
                                  bool as_chunks) {
  struct http_body body;
  http_body_init(&body, framing, length);
  size_t len = strlen(text);
  size_t at = 0;
  while (at < len && body.status == HTTP_BODY_MORE) {
    size_t piece_len = len - at < step ? len - at : step;
    uint8_t *piece = xmemdup(text + at, piece_len);
    size_t used = http_body_reframe(&body, piece, piece_len, as_chunks, out);
    free(piece);
    at += used;
    if (used < piece_len) {
      break;
    }
  }
  *out_left = len - at;
  http_body_end(&body);
  return body.status;
}

static void expect_body(enum http_framing framing, uint64_t length,
                        const char *text, enum http_body_status status,
                        const char *content, size_t left) {
  static const size_t kSteps[] = {1, 2, 3, 7, 1000};
  for (size_t i = 0; i < 5; i++) {
    struct bytes out = {0};
    size_t out_left;
    enum http_body_status got =
        feed(&out, &out_left, framing, length, text, kSteps[i], false);
    cr_expect_eq(got, status, "%s: %s", text, http_body_status_str(got));
    cr_expect(got == HTTP_BODY_BROKEN || out_left == left, "%s: %zu left", text,
              out_left);
    cr_expect(out.len == strlen(content) &&
                  (out.len == 0 || memcmp(out.data, content, out.len) == 0),
              "%s: %.*s", text, (int)out.len, (const char *)out.data);
    free(out.data);
  }
}

Test(http_body, ends_where_it_says) {
  expect_body(HTTP_BODY_NONE, 0, "next", HTTP_BODY_DONE, "", 4);
  expect_body(HTTP_BODY_LENGTH, 0, "next", HTTP_BODY_DONE, "", 4);
  expect_body(HTTP_BODY_LENGTH, 5, "hellonext", HTTP_BODY_DONE, "hello", 4);
  expect_body(HTTP_BODY_LENGTH, 5, "hell", HTTP_BODY_TRUNCATED, "hell", 0);
  expect_body(HTTP_BODY_UNTIL_CLOSE, 0, "hello", HTTP_BODY_DONE, "hello", 0);
}

Test(http_body, reads_and_refuses_chunks) {
  static const struct {
    const char *text;
    enum http_body_status status;
    const char *content;
    size_t left;
  } kCases[] = {
      {"0\r\n\r\nnext", HTTP_BODY_DONE, "", 4},
      {"5\r\nhello\r\n0\r\n\r\n", HTTP_BODY_DONE, "hello", 0},
      {"00a;x=\"y\"\r\n0123456789\r\nA \r\n0123456789\r\n0\r\nT: u\r\nV: w\r\n"
       "\r\n",
       HTTP_BODY_DONE, "01234567890123456789", 0},
      {"5\r\nhello\r\n", HTTP_BODY_TRUNCATED, "hello", 0},
      {"5\r\nhello\r\n0\r\n", HTTP_BODY_TRUNCATED, "hello", 0},
      {"5\r\nhello\r\n0\r\n\r", HTTP_BODY_TRUNCATED, "hello", 0},
      {"\r\n", HTTP_BODY_BROKEN, "", 0},
      {";x\r\n", HTTP_BODY_BROKEN, "", 0},
      {" 5\r\nhello\r\n", HTTP_BODY_BROKEN, "", 0},
      {"0x5\r\nhello\r\n", HTTP_BODY_BROKEN, "", 0},
      {"-5\r\nhello\r\n", HTTP_BODY_BROKEN, "", 0},
      {"5\nhello\r\n", HTTP_BODY_BROKEN, "", 0},
      {"5;a\nb\r\nhello\r\n", HTTP_BODY_BROKEN, "", 0},
      {"5\r\rhello\r\n", HTTP_BODY_BROKEN, "", 0},
      {"5\r\nhelloX\r\n0\r\n\r\n", HTTP_BODY_BROKEN, "hello", 0},
      {"5\r\nhello\n0\r\n\r\n", HTTP_BODY_BROKEN, "hello", 0},
      {"0\r\nT: u\n\r\n", HTTP_BODY_BROKEN, "", 0},
      {"0\r\n\rX", HTTP_BODY_BROKEN, "", 0},
      {"10000000000000000\r\n", HTTP_BODY_BROKEN, "", 0},
      {"0000000000000000000000\r\n", HTTP_BODY_BROKEN, "", 0},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    expect_body(HTTP_BODY_CHUNKED, 0, kCases[i].text, kCases[i].status,
                kCases[i].content, kCases[i].left);
  }
}

Test(http_body, never_takes_a_prefix_for_the_whole) {
  static const char kText[] =
      "3;x\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n"
      "A: b\r\n\r\n";
  for (size_t len = 0; len < strlen(kText); len++) {
    struct http_body body;
    http_body_init(&body, HTTP_BODY_CHUNKED, 0);
    struct bytes out = {0};
    uint8_t *copy = xmemdup(kText, len);
    http_body_reframe(&body, copy, len, true, &out);
    http_body_end(&body);
    cr_expect_eq(body.status, HTTP_BODY_TRUNCATED, "%zu octets", len);
    cr_expect(out.len < 5 || memcmp(out.data + out.len - 5, "0\r\n\r\n", 5));
    free(copy);
    free(out.data);
  }
}

Test(http_body, bounds_lines_and_trailers) {
  static char text[kHttpTrailerMax + 64];
  struct bytes out = {0};
  size_t left;
  memset(text, 'x', sizeof(text) - 1);
  memcpy(text, "5;", 2);
  cr_expect_eq(feed(&out, &left, HTTP_BODY_CHUNKED, 0, text, 1000, false),
               HTTP_BODY_BROKEN);
  memcpy(text, "0\r\n", 3);
  cr_expect_eq(feed(&out, &left, HTTP_BODY_CHUNKED, 0, text, 1000, false),
               HTTP_BODY_BROKEN);
  cr_assert_eq(out.len, 0);
}

Test(http_body, frames_anew) {
  static const struct {
    enum http_framing framing;
    uint64_t length;
    const char *text;
    const char *reframed;
  } kCases[] = {
      {HTTP_BODY_CHUNKED, 0, "00B;e\r\nhello world\r\n0;x\r\nT: u\r\n\r\nZ",
       "b\r\nhello world\r\n0\r\n\r\n"},
      {HTTP_BODY_CHUNKED, 0, "0\r\n\r\n", "0\r\n\r\n"},
      // The end of this one is only known when the sender closes.
      {HTTP_BODY_UNTIL_CLOSE, 0, "hello", "5\r\nhello\r\n"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct bytes out = {0};
    size_t left;
    feed(&out, &left, kCases[i].framing, kCases[i].length, kCases[i].text, 1000,
         true);
    cr_expect(out.len == strlen(kCases[i].reframed) &&
                  memcmp(out.data, kCases[i].reframed, out.len) == 0,
              "%.*s", (int)out.len, (const char *)out.data);
    free(out.data);
  }
}
