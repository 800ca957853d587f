#include "proxy/socks5.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "net/xalloc.h"

#define IPV4 "\x05\x01\x00\x01\x7f\x00\x00\x01"

static enum socks5_status greeting(const void *data, size_t len,
                                   size_t *out_len) {
  uint8_t *copy = xmemdup(data, len);
  enum socks5_status status = socks5_greeting_read(out_len, copy, len);
  free(copy);
  return status;
}

static enum socks5_status request(struct authority *out, const void *data,
                                  size_t len, size_t *out_len) {
  uint8_t *copy = xmemdup(data, len);
  enum socks5_status status = socks5_request_read(out, out_len, copy, len);
  free(copy);
  return status;
}

Test(socks5, reads_greetings) {
  static const struct {
    const char *data;
    size_t len;
    enum socks5_status status;
    size_t used;
  } kCases[] = {
      {"", 0, SOCKS5_INCOMPLETE, 0},
      {"\x05", 1, SOCKS5_INCOMPLETE, 0},
      {"\x05\x02\x02", 3, SOCKS5_INCOMPLETE, 0},
      {"\x05\x01\x00", 3, SOCKS5_OK, 3},
      {"\x05\x02\x02\x00\x05", 5, SOCKS5_OK, 4},
      {"\x05\x01\x02", 3, SOCKS5_NO_METHOD, 3},
      {"\x05\x00", 2, SOCKS5_NO_METHOD, 2},
      {"\x04\x01", 2, SOCKS5_MALFORMED, 0},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    size_t used = 0;
    cr_expect_eq(greeting(kCases[i].data, kCases[i].len, &used),
                 kCases[i].status, "case %zu", i);
    cr_expect_eq(used, kCases[i].used, "case %zu", i);
  }
}

Test(socks5, reads_hosts_of_every_kind) {
  static const struct {
    const char *data;
    size_t len;
    const char *host;
    bool is_ip;
  } kCases[] = {
      {IPV4 "\x01\xbb", 10, "127.0.0.1", true},
      {"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb", 22,
       "2001:db8::1", true},
      {"\x05\x01\x00\x03\x0aS_1.Te-st.\x01\xbb", 17, "s_1.te-st", false},
      {"\x05\x01\x00\x03\x09"
       "127.0.0.1\x01\xbb",
       16, "127.0.0.1", true},
      {"\x05\x01\x00\x03\x03::1\x01\xbb", 10, "::1", true},
      {"\x05\x01\x00\x03\x05[::1]\x01\xbb", 12, "::1", true},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct authority site;
    size_t used = 0;
    for (size_t len = 0; len < kCases[i].len; len++) {
      cr_expect_eq(request(&site, kCases[i].data, len, &used),
                   SOCKS5_INCOMPLETE, "%s cut at %zu", kCases[i].host, len);
    }
    cr_expect_eq(request(&site, kCases[i].data, kCases[i].len, &used),
                 SOCKS5_OK, "%s", kCases[i].host);
    cr_expect_eq(used, kCases[i].len);
    cr_expect_str_eq(site.host, kCases[i].host);
    cr_expect_eq(site.is_ip, kCases[i].is_ip);
    cr_expect_eq(site.port, 443);
  }
}

Test(socks5, refuses_with_the_right_reply) {
  static const struct {
    const char *data;
    size_t len;
    enum socks5_status status;
    uint8_t reply;
  } kCases[] = {
      {"\x04\x01\x00\x01", 4, SOCKS5_MALFORMED, 1},
      {"\x05\x01\x01\x01\x7f\0\0\x01\x01\xbb", 10, SOCKS5_MALFORMED, 1},
      {"\x05\x02\x00\x01", 4, SOCKS5_BAD_COMMAND, 7},
      {"\x05\x03\x00\x01", 4, SOCKS5_BAD_COMMAND, 7},
      {"\x05\x01\x00\x02", 4, SOCKS5_BAD_ADDRESS_TYPE, 8},
      {IPV4 "\0\0", 10, SOCKS5_BAD_PORT, 1},
      {"\x05\x01\x00\x03\x00\x01\xbb", 7, SOCKS5_BAD_HOST, 4},
      {"\x05\x01\x00\x03\x03"
       "a\0b\x01\xbb",
       10, SOCKS5_BAD_HOST, 4},
      {"\x05\x01\x00\x03\x04"
       "a..b\x01\xbb",
       11, SOCKS5_BAD_HOST, 4},
      {"\x05\x01\x00\x03\x05"
       "127.1\x01\xbb",
       12, SOCKS5_BAD_HOST, 4},
      {"\x05\x01\x00\x03\x04"
       "a:80\x01\xbb",
       11, SOCKS5_BAD_HOST, 4},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct authority site;
    size_t used = 0;
    enum socks5_status status =
        request(&site, kCases[i].data, kCases[i].len, &used);
    cr_expect_eq(status, kCases[i].status, "case %zu: %s", i,
                 socks5_status_str(status));
    cr_expect_eq(socks5_status_reply(status), kCases[i].reply, "case %zu", i);
  }
}

Test(socks5, writes_its_messages) {
  uint8_t method[kSocks5MethodLen];
  socks5_method_write(method, SOCKS5_OK);
  cr_assert_arr_eq(method, "\x05\x00", 2);
  socks5_method_write(method, SOCKS5_NO_METHOD);
  cr_assert_arr_eq(method, "\x05\xff", 2);
  uint8_t reply[kSocks5ReplyLen];
  socks5_reply_write(reply, 7);
  cr_assert_arr_eq(reply, "\x05\x07\x00\x01\0\0\0\0\0\0", 10);
}
