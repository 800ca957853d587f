#include "proxy/socks5.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "net/xalloc.h"

#define IPV4 "\x05\x01\x00\x01\x7f\x00\x00\x01"

static enum socks5_status greeting(const void *data, size_t len,
                                   size_t *out_len) {
  uint8_t *copy = xmemdup(data, len);
  enum socks5_status status =
      socks5_greeting_read(out_len, SOCKS5_ANYBODY, copy, len);
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

Test(socks5, wants_the_method_that_is_asked_for) {
  static const uint8_t kAnybody[] = {5, 1, 0};
  static const uint8_t kBoth[] = {5, 2, 0, 2};
  size_t len;
  cr_expect_eq(socks5_greeting_read(&len, SOCKS5_PASSWORD, kAnybody, 3),
               SOCKS5_NO_METHOD);
  cr_expect_eq(socks5_greeting_read(&len, SOCKS5_PASSWORD, kBoth, 4),
               SOCKS5_OK);
}

Test(socks5, reads_logins_octet_by_octet) {
  static const char kLogin[] =
      "\x01\x05"
      "alice\x03"
      "a:b"
      "rest";
  enum { kLen = 3 + 5 + 3 };
  struct socks5_login login;
  size_t used = 0;
  for (size_t len = 0; len <= kLen + 4; len++) {
    uint8_t *copy = xmemdup(kLogin, len);
    enum socks5_status status = socks5_login_read(&login, &used, copy, len);
    cr_assert_eq(status, len < kLen ? SOCKS5_INCOMPLETE : SOCKS5_OK, "%zu",
                 len);
    if (status == SOCKS5_OK) {
      cr_assert_eq(used, kLen);
      cr_assert_eq(login.name_len, 5);
      cr_assert_arr_eq(login.name, "alice", 5);
      cr_assert_eq(login.password_len, 3);
      cr_assert_arr_eq(login.password, "a:b", 3);
    }
    free(copy);
  }
  cr_expect_eq(socks5_login_read(&login, &used, (const uint8_t *)"\x05", 1),
               SOCKS5_MALFORMED);
  cr_expect_eq(socks5_login_read(&login, &used, (const uint8_t *)"\x01\0\0", 3),
               SOCKS5_OK);
  cr_expect(login.name_len == 0 && login.password_len == 0);
}

Test(socks5, writes_its_messages) {
  uint8_t method[kSocks5MethodLen];
  socks5_method_write(method, SOCKS5_ANYBODY, SOCKS5_OK);
  cr_assert_arr_eq(method, "\x05\x00", 2);
  socks5_method_write(method, SOCKS5_PASSWORD, SOCKS5_OK);
  cr_assert_arr_eq(method, "\x05\x02", 2);
  socks5_method_write(method, SOCKS5_PASSWORD, SOCKS5_NO_METHOD);
  cr_assert_arr_eq(method, "\x05\xff", 2);
  uint8_t login[kSocks5LoginReplyLen];
  socks5_login_reply_write(login, true);
  cr_assert_arr_eq(login, "\x01\x00", 2);
  socks5_login_reply_write(login, false);
  cr_assert_arr_eq(login, "\x01\x01", 2);
  uint8_t reply[kSocks5ReplyLen];
  socks5_reply_write(reply, 7);
  cr_assert_arr_eq(reply, "\x05\x07\x00\x01\0\0\0\0\0\0", 10);
}
