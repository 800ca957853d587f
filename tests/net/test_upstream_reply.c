#include "net/upstream_reply.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "support/hex.h"
#include "support/mutate.h"

TestSuite(upstream_reply, .timeout = 30);

typedef int reader(const uint8_t *data, size_t len, size_t *out_used);

// A reply, in hexadecimal digits or as it stands, and what it means. All that
// is shorter must ask for more, up to where an error shows.
struct good_or_bad {
  reader *read;
  const char *reply;
  bool is_text;
  int err;
};

static size_t to_bytes(uint8_t *out, size_t out_size,
                       const struct good_or_bad *c) {
  if (!c->is_text) {
    return hex_decode(out, out_size, c->reply);
  }
  memcpy(out, c->reply, strlen(c->reply));
  return strlen(c->reply);
}

// Reads a copy of exactly `len` bytes, so that one too many is noticed.
static int read_exactly(reader *read, const uint8_t *data, size_t len,
                        size_t *out_used) {
  uint8_t *copy = malloc(len == 0 ? 1 : len);
  memcpy(copy, data, len);
  int err = read(copy, len, out_used);
  free(copy);
  return err;
}

#define METHOD(hex, err) \
  { upstream_reply_method, hex, false, err }
#define PASSWORD(hex, err) \
  { upstream_reply_password, hex, false, err }
#define SOCKS5(hex, err) \
  { upstream_reply_socks5, hex, false, err }
#define HTTP(text, err) \
  { upstream_reply_http, text, true, err }

static const struct good_or_bad kCases[] = {
    METHOD("05 00", 0),
    METHOD("05 02", 0),
    METHOD("05 ff", UV_EACCES),
    METHOD("05 01", UV_EPROTO),  // GSSAPI, which nobody offered
    METHOD("05 80", UV_EPROTO),
    METHOD("04", UV_EPROTO),
    METHOD("48", UV_EPROTO),  // of HTTP
    PASSWORD("01 00", 0),
    PASSWORD("01 01", UV_EACCES),
    PASSWORD("01 ff", UV_EACCES),
    PASSWORD("05", UV_EPROTO),
    SOCKS5("05 00 00 01 c0 00 02 01 01 bb", 0),
    SOCKS5("05 00 00 04 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 01 bb",
           0),
    SOCKS5("05 00 00 03 01 78 01 bb", 0),
    SOCKS5("05 00 00 03 00 00 00", 0),
    SOCKS5("04", UV_EPROTO),
    SOCKS5("05 00 01", UV_EPROTO),
    SOCKS5("05 00 00 00", UV_EPROTO),
    SOCKS5("05 00 00 02", UV_EPROTO),
    SOCKS5("05 00 00 05", UV_EPROTO),
    SOCKS5("05 01", UV_EIO),
    SOCKS5("05 02", UV_EPERM),
    SOCKS5("05 03", UV_ENETUNREACH),
    SOCKS5("05 04", UV_EHOSTUNREACH),
    SOCKS5("05 05", UV_ECONNREFUSED),
    SOCKS5("05 06", UV_EHOSTUNREACH),
    SOCKS5("05 07", UV_ENOTSUP),
    SOCKS5("05 08", UV_EAFNOSUPPORT),
    SOCKS5("05 09", UV_EIO),
    SOCKS5("05 ff", UV_EIO),
    HTTP("HTTP/1.1 200 OK\r\n\r\n", 0),
    HTTP("HTTP/1.0 200 Connection established\r\n\r\n", 0),
    HTTP("HTTP/1.1 200\r\n\r\n", 0),
    HTTP("HTTP/1.1 200 \r\n\r\n", 0),
    HTTP("HTTP/1.1 299 \xc3\xa9\r\nA:\tb\r\nContent-Length: 5\r\n\r\n", 0),
    HTTP("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nA: b\r\n\r\n"
         "HTTP/1.1 200 OK\r\n\r\n",
         0),
    HTTP("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\n", UV_EPERM),
    HTTP("HTTP/1.1 101 Switching\r\n", UV_EPROTO),
    HTTP("HTTP/1.1 000 X\r\n", UV_EPROTO),
    HTTP("HTTP/1.1 302 X\r\n", UV_EIO),
    HTTP("HTTP/1.1 400 X\r\n", UV_EIO),
    HTTP("HTTP/1.1 401 X\r\n", UV_EACCES),
    HTTP("HTTP/1.1 403 X\r\n", UV_EPERM),
    HTTP("HTTP/1.1 404 X\r\n", UV_EIO),
    HTTP("HTTP/1.1 405 X\r\n", UV_ENOTSUP),
    HTTP("HTTP/1.1 407 X\r\n", UV_EACCES),
    HTTP("HTTP/1.1 500 X\r\n", UV_EIO),
    HTTP("HTTP/1.1 501 X\r\n", UV_ENOTSUP),
    HTTP("HTTP/1.1 502 X\r\n", UV_EHOSTUNREACH),
    HTTP("HTTP/1.1 503 X\r\n", UV_EHOSTUNREACH),
    HTTP("HTTP/1.1 504 X\r\n", UV_ETIMEDOUT),
    HTTP("HTTP/1.1 999 X\r\n", UV_EIO),
    HTTP("HTTP/2", UV_EPROTO),
    HTTP("HTTP/1.2", UV_EPROTO),
    HTTP("http", UV_EPROTO),
    HTTP("HTTP/1.1  ", UV_EPROTO),
    HTTP("HTTP/1.1 2x", UV_EPROTO),
    HTTP("HTTP/1.1 20\r", UV_EPROTO),
    HTTP("HTTP/1.1 2000", UV_EPROTO),
    HTTP("HTTP/1.1 200 OK\n", UV_EPROTO),
    HTTP("HTTP/1.1 200 OK\r\r", UV_EPROTO),
    HTTP("HTTP/1.1 200 OK\x01", UV_EPROTO),
    HTTP("HTTP/1.1 200 OK\r\nA: \x7f", UV_EPROTO),
    HTTP("HTTP/1.1 200 OK\r\nA: b\n", UV_EPROTO),
    HTTP("HTTP/1.1 200 OK\r\n\n", UV_EPROTO),
    HTTP("SSH-", UV_EPROTO),
    HTTP("\x05", UV_EPROTO),
};

Test(upstream_reply, decides_each_as_soon_as_it_can_and_no_sooner) {
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    const struct good_or_bad *c = &kCases[i];
    uint8_t reply[512];
    size_t used;
    size_t len = to_bytes(reply, sizeof(reply), c);
    for (size_t part = 0; part < len; part++) {
      int err = read_exactly(c->read, reply, part, &used);
      // A bad text may be bad before its end: only the first words matter.
      bool same = c->is_text && err == c->err && err != 0;
      cr_expect(err == UV_EAGAIN || same, "case %zu, %zu bytes: %d", i, part,
                err);
    }
    cr_expect_eq(read_exactly(c->read, reply, len, &used), c->err, "case %zu",
                 i);
    if (c->err == 0) {
      cr_expect_eq(used, len, "case %zu", i);
    }
  }
}

Test(upstream_reply, leaves_what_comes_behind_it) {
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    const struct good_or_bad *c = &kCases[i];
    uint8_t reply[512];
    size_t used = 0;
    size_t len = to_bytes(reply, sizeof(reply), c);
    memcpy(reply + len, "\x16\x03\x01", 3);
    if (c->err == 0) {
      cr_expect_eq(read_exactly(c->read, reply, len + 3, &used), 0);
      cr_expect_eq(used, len, "case %zu", i);
    }
  }
}

Test(upstream_reply, takes_the_longest_name_of_socks5) {
  uint8_t reply[262] = {5, 0, 0, 3, 255};
  size_t used;
  cr_expect_eq(upstream_reply_socks5(reply, 261, &used), UV_EAGAIN);
  cr_expect_eq(upstream_reply_socks5(reply, 262, &used), 0);
  cr_expect_eq(used, 262);
}

Test(upstream_reply, waits_for_no_endless_head) {
  static uint8_t head[kUpstreamReplyMax + 100];
  size_t used;
  memset(head, 'x', sizeof(head));
  memcpy(head, "HTTP/1.1 200 ", 13);
  cr_expect_eq(upstream_reply_http(head, kUpstreamReplyMax - 1, &used),
               UV_EAGAIN);
  cr_expect_eq(upstream_reply_http(head, kUpstreamReplyMax, &used), UV_EPROTO);
  cr_expect_eq(upstream_reply_http(head, sizeof(head), &used), UV_EPROTO);
  // The end of the head comes too late, by an octet, and then just in time.
  memcpy(head + kUpstreamReplyMax - 3, "\r\n\r\n", 4);
  cr_expect_eq(upstream_reply_http(head, sizeof(head), &used), UV_EPROTO);
  memcpy(head + kUpstreamReplyMax - 4, "\r\n\r\n", 4);
  cr_expect_eq(upstream_reply_http(head, sizeof(head), &used), 0);
  cr_expect_eq(used, kUpstreamReplyMax);
}

static void read_changed(void *owner, const uint8_t *bytes, size_t len) {
  reader *const *read = owner;
  size_t used = 0;
  int err = (*read)(bytes, len, &used);
  cr_expect(err != 0 || (used > 0 && used <= len));
}

Test(upstream_reply, survives_every_change_of_an_octet) {
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    uint8_t reply[512];
    reader *read = kCases[i].read;
    size_t len = to_bytes(reply, sizeof(reply), &kCases[i]);
    mutate_change(reply, len, read_changed, &read);
    mutate_insert(reply, len, read_changed, &read);
    mutate_truncate(reply, len, read_changed, &read);
  }
}
