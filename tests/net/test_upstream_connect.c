#include "net/upstream_connect.h"

#include "net_test.h"
#include "support/hex.h"
#include "support/leaks.h"

TestSuite(upstream_connect, .timeout = 30);

// A proxy that says what the test writes, and the connection through it.
struct fixture {
  struct worker *worker;
  struct test_listener listener;
  struct upstream *upstream;
  struct upstream_connect *connect;
  struct peer proxy;
  struct peer user;  // of the connection
  int num_done;
  int err;
};

static void on_done(void *owner, int err, struct stream *stream) {
  struct fixture *f = owner;
  f->connect = NULL;
  f->num_done++;
  f->err = err;
  cr_assert_eq(stream != NULL, err == 0);
  if (stream != NULL) {
    peer_open(&f->user, stream);
  }
}

// Connects to `target` through the proxy with `scheme` and `userinfo`.
static void fixture_open(struct fixture *f, const char *scheme,
                         const char *userinfo, const char *target) {
  char url[256];
  const char *why = "";
  struct address address;
  *f = (struct fixture){.worker = test_worker_new()};
  test_listener_open(&f->listener, f->worker, "127.0.0.1");
  snprintf(url, sizeof(url), "%s://%s127.0.0.1:%u", scheme, userinfo,
           (unsigned)f->listener.address.port);
  f->upstream = upstream_new(url, &why);
  cr_assert_not_null(f->upstream, "%s", why);
  cr_assert(address_from_host_port(&address, target));
  f->connect =
      upstream_connect_start(f->worker, f->upstream, &address, on_done, f);
  cr_assert_eq(f->num_done, 0);
  RUN_UNTIL(f->worker, f->listener.accepted != NULL);
  peer_open(&f->proxy, f->listener.accepted);
}

static void fixture_close(struct fixture *f) {
  upstream_connect_cancel(f->connect);
  peer_cleanup(&f->proxy);
  peer_cleanup(&f->user);
  test_listener_close(&f->listener);
  upstream_free(f->upstream);
  turn_loop(f->worker, 3);
  cr_assert_eq(uv_loop_alive(worker_loop(f->worker)), 0);
  cr_assert_eq(worker_free(f->worker), 0);
}

// Waits for exactly the bytes `wanted` at the proxy and forgets them.
static void expect_bytes(struct fixture *f, const void *wanted, size_t len) {
  RUN_UNTIL(f->worker, f->proxy.got.len >= len);
  cr_assert_eq(f->proxy.got.len, len, "%zu bytes: %.*s", f->proxy.got.len,
               (int)f->proxy.got.len, (const char *)f->proxy.got.data);
  cr_assert_eq(memcmp(f->proxy.got.data, wanted, len), 0, "%.*s", (int)len,
               (const char *)f->proxy.got.data);
  peer_forget(&f->proxy);
}

static void expect_hex(struct fixture *f, const char *hex) {
  uint8_t wanted[64];
  expect_bytes(f, wanted, hex_decode(wanted, sizeof(wanted), hex));
}

static void expect_text(struct fixture *f, const char *text) {
  expect_bytes(f, text, strlen(text));
}

static void say_hex(struct fixture *f, const char *hex) {
  uint8_t bytes[64];
  size_t len = hex_decode(bytes, sizeof(bytes), hex);
  stream_write(f->proxy.stream, bytes, len);
}

static void expect_outcome(struct fixture *f, int err) {
  RUN_UNTIL(f->worker, f->num_done > 0);
  cr_assert_eq(f->num_done, 1);
  cr_assert_eq(f->err, err, "%s instead of %s", upstream_error_text(f->err),
               upstream_error_text(err));
}

// Bytes pass both ways, those behind the proxy's answer first.
static void expect_connection(struct fixture *f, const char *first) {
  expect_outcome(f, 0);
  peer_write_text(&f->proxy, "down");
  peer_write_text(&f->user, "up");
  expect_text(f, "up");
  char wanted[64];
  snprintf(wanted, sizeof(wanted), "%sdown", first);
  RUN_UNTIL(f->worker, f->user.got.len >= strlen(wanted));
  cr_assert(peer_got_text(&f->user, wanted));
}

#define kGood4 "05 00 00 01 00 00 00 00 00 00"

Test(upstream_connect, asks_socks5_for_an_ipv4_address) {
  struct fixture f;
  fixture_open(&f, "socks5", "", "192.0.2.1:443");
  expect_hex(&f, "05 01 00");
  say_hex(&f, "05 00");
  expect_hex(&f, "05 01 00 01 c0 00 02 01 01 bb");
  say_hex(&f, kGood4);
  expect_connection(&f, "");
  fixture_close(&f);
  cr_expect(leaks_none());
}

Test(upstream_connect, asks_socks5_for_an_ipv6_address) {
  struct fixture f;
  fixture_open(&f, "socks5", "", "[2001:db8::9]:8443");
  expect_hex(&f, "05 01 00");
  say_hex(&f, "05 00");
  expect_hex(&f,
             "05 01 00 04 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 09 "
             "20 fb");
  say_hex(&f, kGood4 " 68 69");
  expect_connection(&f, "hi");
  fixture_close(&f);
}

Test(upstream_connect, tells_socks5_its_password_when_asked) {
  struct fixture f;
  fixture_open(&f, "socks5", "us:p%40@", "192.0.2.1:443");
  expect_hex(&f, "05 02 00 02");
  say_hex(&f, "05 02");
  expect_hex(&f, "01 02 75 73 02 70 40");
  say_hex(&f, "01 00");
  expect_hex(&f, "05 01 00 01 c0 00 02 01 01 bb");
  say_hex(&f, kGood4);
  expect_connection(&f, "");
  fixture_close(&f);
}

Test(upstream_connect, keeps_its_password_from_socks5_that_asks_for_none) {
  struct fixture f;
  fixture_open(&f, "socks5", "us:pa@", "192.0.2.1:443");
  expect_hex(&f, "05 02 00 02");
  say_hex(&f, "05 00");
  expect_hex(&f, "05 01 00 01 c0 00 02 01 01 bb");
  fixture_close(&f);
}

Test(upstream_connect, asks_http_for_an_address) {
  struct fixture f;
  fixture_open(&f, "http", "", "[2001:db8::9]:443");
  expect_text(&f,
              "CONNECT [2001:db8::9]:443 HTTP/1.1\r\n"
              "Host: [2001:db8::9]:443\r\n\r\n");
  peer_write_text(&f.proxy, "HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello");
  expect_connection(&f, "hello");
  fixture_close(&f);
  cr_expect(leaks_none());
}

Test(upstream_connect, tells_http_its_password) {
  struct fixture f;
  // RFC 7617, section 2's own example.
  fixture_open(&f, "http", "Aladdin:open%20sesame@", "192.0.2.1:443");
  expect_text(&f,
              "CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n"
              "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"
              "\r\n");
  peer_write_text(&f.proxy, "HTTP/1.1 200 OK\r\n\r\n");
  expect_connection(&f, "");
  fixture_close(&f);
}

Test(upstream_connect, sends_the_longest_password) {
  struct fixture f;
  char user[256];
  memset(user, 'x', 255);
  user[255] = '\0';
  fixture_open(&f, "http", "u:p@", "192.0.2.1:443");
  upstream_connect_cancel(f.connect);
  peer_cleanup(&f.proxy);
  memcpy(f.upstream->user, user, 256);
  memcpy(f.upstream->password, user, 256);
  struct address target;
  cr_assert(address_from_host_port(
      &target, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"));
  f.listener.accepted = NULL;
  f.connect =
      upstream_connect_start(f.worker, f.upstream, &target, on_done, &f);
  RUN_UNTIL(f.worker, f.listener.accepted != NULL);
  peer_open(&f.proxy, f.listener.accepted);
  RUN_UNTIL(f.worker, f.proxy.got.len > 4 &&
                          memcmp(f.proxy.got.data + f.proxy.got.len - 4,
                                 "\r\n\r\n", 4) == 0);
  cr_assert_gt(f.proxy.got.len, 684);  // the base64 of 511 octets
  fixture_close(&f);
}

// What a proxy says, in turns, each when it has been asked, and what becomes of
// it. An empty turn is the end of the connection.
Test(upstream_connect, decides_every_fault) {
  static const struct {
    const char *scheme;
    const char *userinfo;
    const char *turns[4];
    int err;
  } kCases[] = {
      {"socks5", "", {""}, UV_ECONNRESET},
      {"socks5", "", {"05", ""}, UV_ECONNRESET},
      {"socks5", "", {"05 00", ""}, UV_ECONNRESET},
      {"socks5", "", {"05 00", "05 00 00 01", ""}, UV_ECONNRESET},
      {"socks5", "u:p@", {"05 02", ""}, UV_ECONNRESET},
      {"socks5", "", {"05 ff"}, UV_EACCES},
      {"socks5", "u:p@", {"05 ff"}, UV_EACCES},
      {"socks5", "", {"05 02"}, UV_EPROTO},  // not offered
      {"socks5", "u:p@", {"05 02", "01 01"}, UV_EACCES},
      {"socks5", "u:p@", {"05 02", "05 00"}, UV_EPROTO},
      {"socks5", "", {"05 00 05"}, UV_EPROTO},  // before it was asked
      {"socks5", "u:p@", {"05 02", "01 00 05"}, UV_EPROTO},
      {"socks5", "", {"05 00", "05 05 00 01"}, UV_ECONNREFUSED},
      {"socks5", "", {"05 00", "05 02"}, UV_EPERM},
      {"socks5", "", {"05 00", "48 54 54 50"}, UV_EPROTO},
      {"socks5", "", {"48 54 54 50"}, UV_EPROTO},
      {"http", "", {""}, UV_ECONNRESET},
      {"http", "", {"48 54", ""}, UV_ECONNRESET},
      {"http", "", {"05 00"}, UV_EPROTO},
      {"http",
       "u:p@",
       {"48 54 54 50 2f 31 2e 31 20 34 30 37 0d 0a"},
       UV_EACCES},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct fixture f;
    fixture_open(&f, kCases[i].scheme, kCases[i].userinfo, "192.0.2.1:443");
    for (size_t turn = 0; turn < 4 && kCases[i].turns[turn] != NULL; turn++) {
      const char *hex = kCases[i].turns[turn];
      cr_assert_eq(f.num_done, 0, "case %zu", i);
      if (hex[0] == '\0') {
        stream_shutdown(f.proxy.stream);
        continue;
      }
      // A request is there before anything is said, unless it is half said.
      RUN_UNTIL(f.worker, f.proxy.got.len > 0 || turn > 0);
      peer_forget(&f.proxy);
      say_hex(&f, hex);
      turn_loop(f.worker, 5);
    }
    RUN_UNTIL(f.worker, f.num_done > 0);
    cr_expect_eq(f.err, kCases[i].err, "case %zu: %s", i,
                 upstream_error_text(f.err));
    fixture_close(&f);
  }
  cr_expect(leaks_none());
}

// Octet by octet, each with a turn of the loop: the answers mean the same.
static void drip(struct fixture *f, const void *data, size_t len) {
  for (size_t i = 0; i < len; i++) {
    cr_assert_eq(f->num_done, 0);
    stream_write(f->proxy.stream, (const uint8_t *)data + i, 1);
    turn_loop(f->worker, 3);
  }
}

Test(upstream_connect, takes_answers_that_come_octet_by_octet) {
  static const char kHttp[] =
      "HTTP/1.1 100 X\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n";
  static const uint8_t kConnected[] = {5, 0, 0, 3, 2, 'a', 'b', 0, 1};
  struct fixture f;
  fixture_open(&f, "http", "", "192.0.2.1:443");
  RUN_UNTIL(f.worker, f.proxy.got.len > 0);
  peer_forget(&f.proxy);
  drip(&f, kHttp, sizeof(kHttp) - 1);
  expect_connection(&f, "");
  fixture_close(&f);

  fixture_open(&f, "socks5", "us:pa@", "192.0.2.1:443");
  expect_hex(&f, "05 02 00 02");
  drip(&f, "\x05\x02", 2);
  expect_hex(&f, "01 02 75 73 02 70 61");
  drip(&f, "\x01\x00", 2);
  expect_hex(&f, "05 01 00 01 c0 00 02 01 01 bb");
  drip(&f, kConnected, sizeof(kConnected));
  expect_connection(&f, "");
  fixture_close(&f);
}

Test(upstream_connect, says_when_the_proxy_cannot_be_reached) {
  struct fixture f;
  fixture_open(&f, "socks5", "", "192.0.2.1:443");
  struct address target = f.upstream->addresses[0];
  fixture_close(&f);
  f = (struct fixture){.worker = test_worker_new()};
  const char *why;
  f.upstream = upstream_new("socks5://127.0.0.1:1", &why);
  f.upstream->addresses[0].port = target.port;  // nobody listens any more
  f.connect =
      upstream_connect_start(f.worker, f.upstream, &target, on_done, &f);
  RUN_UNTIL(f.worker, f.num_done == 1);
  cr_expect_eq(f.err, UV_ENOTCONN);
  upstream_free(f.upstream);
  turn_loop(f.worker, 3);
  cr_assert_eq(worker_free(f.worker), 0);
}

Test(upstream_connect, says_nothing_when_cancelled) {
  upstream_connect_cancel(NULL);
  static const char *const kTurns[] = {NULL, "05", "05 00"};
  for (size_t i = 0; i < 3; i++) {
    struct fixture f;
    fixture_open(&f, "socks5", "", "192.0.2.1:443");
    if (kTurns[i] != NULL) {
      expect_hex(&f, "05 01 00");
      say_hex(&f, kTurns[i]);
      turn_loop(f.worker, 5);
    }
    upstream_connect_cancel(f.connect);
    f.connect = NULL;
    turn_loop(f.worker, 5);
    cr_expect_eq(f.num_done, 0);
    fixture_close(&f);
  }
  cr_expect(leaks_none());
}
