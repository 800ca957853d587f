#include "proxy/admission.h"

#include <criterion/criterion.h>
#include <openssl/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/front_bed.h"
#include "support/scratch.h"

TestSuite(admission, .timeout = 60);

// "alice:correct horse" and "alice:wrong".
#define RIGHT "Proxy-Authorization: Basic YWxpY2U6Y29ycmVjdCBob3JzZQ==\r\n"
#define WRONG "Proxy-Authorization: Basic YWxpY2U6d3Jvbmc=\r\n"
#define GET(more) "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n" more "\r\n"
#define CONNECT(more) \
  "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n" more "\r\n"

static struct scratch *scratch;
static struct user_list *users;

static void open_bed(struct front_bed *bed) {
  static const char kFile[] = "alice:correct horse\nbob:x\n";
  struct key_error error;
  scratch = scratch_new();
  users = user_list_read(
      scratch_write(scratch, "users", kFile, sizeof(kFile) - 1), &error);
  cr_assert_not_null(users);
  bed_open(bed);
  bed->terms.users = users;
}

static void close_bed(struct front_bed *bed) {
  bed_close(bed);
  user_list_free(users);
  scratch_free(scratch);
}

Test(admission, asks_for_credentials_and_takes_no_others) {
  static const char *const kRequests[] = {
      GET(""),
      CONNECT(""),
      GET("Proxy-Authorization: Bearer YWxpY2U6Y29ycmVjdCBob3JzZQ==\r\n"),
      GET("Proxy-Authorization: Basic\r\n"),
      GET("Proxy-Authorization: BasicYWxpY2U6Y29ycmVjdCBob3JzZQ==\r\n"),
      GET("Authorization: Basic YWxpY2U6Y29ycmVjdCBob3JzZQ==\r\n"),
      GET(RIGHT RIGHT),
      GET(RIGHT WRONG),
  };
  struct front_bed bed;
  open_bed(&bed);
  for (size_t i = 0; i < sizeof(kRequests) / sizeof(kRequests[0]); i++) {
    peer_write_text(&bed.browser, kRequests[i]);
    bed_expect(&bed, "HTTP/1.1 407 Proxy Authentication Required\r\n",
               "\r\nProxy-Authenticate: Basic realm=\"echproxy\", "
               "charset=\"UTF-8\"\r\n");
    bed_connect(&bed);
  }
  cr_expect_null(fake.tunnel);
  cr_expect_eq(fake.num_lookups, 0, "nothing is asked of DNS for a stranger");
  cr_expect_eq(fake.num_logs, 0);
  close_bed(&bed);
}

Test(admission, answers_wrong_ones_late_and_logs_no_name) {
  static const char *const kRequests[] = {
      CONNECT(WRONG),
      GET("Proxy-Authorization: Basic ====\r\n"),
      GET("Proxy-Authorization: basic  YWxpY2U6Y29ycmVjdCBob3JzZQ\r\n"),
      GET("Proxy-Authorization: Basic eA==\r\n"),
  };
  struct front_bed bed;
  open_bed(&bed);
  for (size_t i = 0; i < sizeof(kRequests) / sizeof(kRequests[0]); i++) {
    uint64_t began = uv_now(worker_loop(bed.proxy.worker));
    peer_write_text(&bed.browser, kRequests[i]);
    bed_expect(&bed, "HTTP/1.1 407 ", "Basic realm");
    cr_expect_geq(uv_now(worker_loop(bed.proxy.worker)) - began,
                  (uint64_t)kGuessesDelayMs);
    bed_connect(&bed);
  }
  cr_expect_eq(fake.num_logs, 4);
  cr_expect_str_eq(fake.cause,
                   "a client at 127.0.0.1 gave a wrong name or password and "
                   "was refused");
  cr_expect_null(fake.tunnel);
  cr_expect_eq(fake.num_lookups, 0);
  close_bed(&bed);
}

Test(admission, admits_users) {
  struct front_bed bed;
  open_bed(&bed);
  peer_write_text(&bed.browser, CONNECT(RIGHT));
  RUN_UNTIL(bed.proxy.worker, fake.tunnel != NULL);
  cr_expect_str_eq(fake.tunnel_host, "a.test");
  close_bed(&bed);
}

Test(admission, does_not_tell_the_site) {
  struct front_bed bed;
  char request[256];
  open_bed(&bed);
  snprintf(request, sizeof(request),
           "GET http://a.test:%u/ HTTP/1.1\r\nHost: a.test\r\n"
           "Proxy-authorization: bASIC   YWxpY2U6Y29ycmVjdCBob3JzZQ==\r\n"
           "X: y\r\n\r\n",
           bed.listener.address.port);
  peer_write_text(&bed.browser, request);
  bed_origin(&bed);
  RUN_UNTIL(bed.proxy.worker, peer_has(&bed.origin, "\r\n\r\n"));
  cr_expect(peer_has(&bed.origin, "X: y\r\n"));
  cr_expect_not(peer_has(&bed.origin, "YWxp"));
  close_bed(&bed);
}

Test(admission, is_not_needed_for_its_own_pages) {
  struct front_bed bed;
  open_bed(&bed);
  peer_write_text(&bed.browser,
                  "GET / HTTP/1.1\r\nHost: 127.0.0.1:8450\r\n\r\n");
  bed_expect(&bed, "HTTP/1.1 200 ", "echproxy");
  close_bed(&bed);
}

static void write_socks(struct front_bed *bed, const void *data, size_t len) {
  stream_write(bed->browser.stream, data, len);
}

#define SOCKS_LOGIN(name_len, name, password_len, password) \
  "\x05\x01\x02\x01" name_len name password_len password
#define SOCKS_REQUEST    \
  "\x05\x01\x00\x03\x06" \
  "a.test\x01\xbb"

Test(admission, admits_users_of_socks5_octet_by_octet) {
  static const char kAll[] =
      SOCKS_LOGIN("\x05", "alice", "\x0d", "correct horse") SOCKS_REQUEST "hi";
  struct front_bed bed;
  open_bed(&bed);
  for (size_t i = 0; i < sizeof(kAll) - 1; i++) {
    write_socks(&bed, kAll + i, 1);
    turn_loop(bed.proxy.worker, 2);
  }
  RUN_UNTIL(bed.proxy.worker, fake.tunnel != NULL);
  cr_expect_str_eq(fake.tunnel_host, "a.test");
  RUN_UNTIL(bed.proxy.worker, bed.browser.got.len == 4);
  cr_expect_arr_eq(bed.browser.got.data, "\x05\x02\x01\x00", 4);
  struct peer tunnel = {0};
  peer_open(&tunnel, fake.tunnel);
  RUN_UNTIL(bed.proxy.worker, peer_got_text(&tunnel, "hi"));
  peer_forget(&tunnel);
  close_bed(&bed);
}

Test(admission, takes_all_of_socks5_at_once) {
  static const char kAll[] =
      SOCKS_LOGIN("\x03", "bob", "\x01", "x") SOCKS_REQUEST;
  struct front_bed bed;
  open_bed(&bed);
  write_socks(&bed, kAll, sizeof(kAll) - 1);
  RUN_UNTIL(bed.proxy.worker, fake.tunnel != NULL);
  close_bed(&bed);
}

Test(admission, refuses_others_of_socks5) {
  static const struct {
    const char *data;
    size_t len;
    const char *answer;
    size_t answer_len;
  } kCases[] = {
#define X(data) data, sizeof(data) - 1
      {X("\x05\x01\x00" SOCKS_REQUEST), X("\x05\xff")},
      {X("\x05\x01\x02" SOCKS_REQUEST), X("\x05\x02\x01\x01")},
      {X(SOCKS_LOGIN("\x03", "bob", "\x01", "y") SOCKS_REQUEST),
       X("\x05\x02\x01\x01")},
      {X(SOCKS_LOGIN("\x05", "bob:x", "\x00", "") SOCKS_REQUEST),
       X("\x05\x02\x01\x01")},
      {X(SOCKS_LOGIN("\x00", "", "\x05", "bob:x") SOCKS_REQUEST),
       X("\x05\x02\x01\x01")},
#undef X
  };
  struct front_bed bed;
  open_bed(&bed);
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    write_socks(&bed, kCases[i].data, kCases[i].len);
    RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
    cr_expect_eq(bed.browser.got.len, kCases[i].answer_len, "case %zu", i);
    cr_expect_arr_eq(bed.browser.got.data, kCases[i].answer,
                     kCases[i].answer_len, "case %zu", i);
    bed_connect(&bed);
  }
  cr_expect_null(fake.tunnel);
  close_bed(&bed);
}

static enum admission try_login(const struct admission_desk *desk,
                                size_t *out_place, const char *name,
                                const char *password) {
  return admission_by_login(
      desk, out_place,
      &(struct socks5_login){(const uint8_t *)name, strlen(name),
                             (const uint8_t *)password, strlen(password)});
}

Test(admission, listens_to_no_more_guesses_until_it_has_answered) {
  struct front_bed bed;
  open_bed(&bed);
  struct guesses *guesses = &bed.proxy.guesses;
  struct admission_desk desk = {users, guesses, bed.listener.address};
  struct admission_desk other = desk;
  other.peer.ip[3] ^= 1;
  size_t place, unused;
  for (int i = 0; i < kGuessesMaxDue; i++) {
    desk.peer.port = (uint16_t)i;
    cr_expect_eq(try_login(&desk, &place, "alice", "wrong"), ADMISSION_WRONG);
  }
  cr_expect_eq(try_login(&desk, &unused, "alice", "correct horse"),
               ADMISSION_TOO_MANY);
  cr_expect_eq(try_login(&other, &unused, "alice", "correct horse"),
               ADMISSION_GRANTED);
  cr_expect_eq(try_login(&desk, &unused, "bob", "x"), ADMISSION_GRANTED);
  guesses_end(guesses, place);
  cr_expect_eq(try_login(&desk, &unused, "alice", "correct horse"),
               ADMISSION_GRANTED);
  close_bed(&bed);
}

Test(admission, closes_the_connection_of_who_guesses_on) {
  struct front_bed bed;
  open_bed(&bed);
  struct admission_desk desk = {users, &bed.proxy.guesses,
                                bed.listener.address};
  size_t place;
  for (int i = 0; i < kGuessesMaxDue; i++) {
    try_login(&desk, &place, "alice", "wrong");
  }
  peer_write_text(&bed.browser, CONNECT(RIGHT));
  RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
  cr_expect_eq(bed.browser.got.len, 0);
  cr_expect_null(fake.tunnel);
  close_bed(&bed);
}

Test(admission, forgets_a_guess_with_its_connection) {
  struct front_bed bed;
  open_bed(&bed);
  peer_write_text(&bed.browser, CONNECT(WRONG));
  RUN_UNTIL(bed.proxy.worker, fake.num_logs == 1);
  proxy_close_all(&bed.proxy);
  for (size_t i = 0; i < kGuessesNumPlaces; i++) {
    cr_expect_eq(bed.proxy.guesses.num_due[i], 0);
  }
  close_bed(&bed);
}
