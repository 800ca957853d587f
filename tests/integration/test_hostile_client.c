#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "support/loopback.h"
#include "support/scene.h"
#include "support/tunnel_client.h"

enum {
  kNumClients = 2000,
  kNumStalled = 300,  // at most that many are left open until the end
  kPatienceMs = 30000,
};

// What a client has to hand.
struct hostile {
  struct scene scene;
  SSL_CTX *ctx;
  uint16_t port;
  uint8_t hello[2048];  // a ClientHello for the site, as a record
  size_t hello_len;
  char connect[256];  // a request for the site
  int stalled[kNumStalled];
  size_t num_stalled;
};

static int open_client(const struct hostile *h) {
  struct timeval patience = {.tv_sec = 20};
  int fd = loopback_connect(h->port);
  cr_assert_geq(fd, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  return fd;
}

static int open_tunnel(const struct hostile *h) {
  int fd = tunnel_client_connect(h->port, kSiteName, tap_port(h->scene.tap));
  cr_assert_geq(fd, 0);
  return fd;
}

static void send_text(int fd, const char *text) {
  loopback_send(fd, text, strlen(text));
}

static void read_to_end(int fd) {
  char buffer[4096];
  ssize_t len;
  do {
    len = recv(fd, buffer, sizeof(buffer), 0);
  } while (len > 0);
}

// Every second one is reset, the others are closed.
static void leave(int fd, size_t number) {
  if (number % 2 == 0) {
    loopback_reset(fd);
  } else {
    close(fd);
  }
}

static void stall(struct hostile *h, int fd) {
  if (h->num_stalled < kNumStalled) {
    h->stalled[h->num_stalled++] = fd;
  } else {
    close(fd);
  }
}

static void says_nothing(struct hostile *h, size_t number) {
  leave(open_client(h), number);
}

static void sends_garbage(struct hostile *h, size_t number) {
  static const uint8_t kGarbage[] = {0xff, 0x00, 0x16, '\n', 0x80, '\r', '\n'};
  int fd = open_client(h);
  loopback_send(fd, kGarbage, sizeof(kGarbage));
  leave(fd, number);
}

static void cuts_its_request_short(struct hostile *h, size_t number) {
  int fd = open_client(h);
  loopback_send(fd, h->connect, 1 + number % (strlen(h->connect) - 1));
  leave(fd, number);
}

static void sends_a_huge_request(struct hostile *h, size_t number) {
  char head[20000];
  int fd = open_client(h);
  memset(head, 'a', sizeof(head));
  memcpy(head, "GET http://", 11);
  loopback_send(fd, head, sizeof(head));
  read_to_end(fd);
  leave(fd, number);
}

static void leaves_after_its_request(struct hostile *h, size_t number) {
  int fd = open_client(h);
  send_text(fd, h->connect);
  leave(fd, number);
}

static void half_closes_after_its_request(struct hostile *h, size_t number) {
  int fd = open_client(h);
  send_text(fd, h->connect);
  shutdown(fd, SHUT_WR);
  read_to_end(fd);
  leave(fd, number);
}

static void leaves_before_its_hello(struct hostile *h, size_t number) {
  leave(open_tunnel(h), number);
}

static void cuts_its_hello_short(struct hostile *h, size_t number) {
  int fd = open_tunnel(h);
  loopback_send(fd, h->hello, 1 + number % (h->hello_len - 1));
  leave(fd, number);
}

static void breaks_its_hello(struct hostile *h, size_t number) {
  uint8_t broken[sizeof(h->hello)];
  int fd = open_tunnel(h);
  memcpy(broken, h->hello, h->hello_len);
  broken[5 + number % (h->hello_len - 5)] ^= 0xff;
  loopback_send(fd, broken, h->hello_len);
  leave(fd, number);
}

static void leaves_after_its_hello(struct hostile *h, size_t number) {
  int fd = open_tunnel(h);
  loopback_send(fd, h->hello, h->hello_len);
  leave(fd, number);
}

static void half_closes_after_its_hello(struct hostile *h, size_t number) {
  int fd = open_tunnel(h);
  loopback_send(fd, h->hello, h->hello_len);
  shutdown(fd, SHUT_WR);
  read_to_end(fd);
  leave(fd, number);
}

// Answers the proxy's whole flight with noise.
static void sends_garbage_after_its_hello(struct hostile *h, size_t number) {
  char answer[16];
  int fd = open_tunnel(h);
  loopback_send(fd, h->hello, h->hello_len);
  loopback_recv(fd, answer, sizeof(answer));
  loopback_send(fd, h->hello, h->hello_len);
  leave(fd, number);
}

static void leaves_a_session(struct hostile *h, size_t number) {
  SSL *ssl = tunnel_client_tls(h->ctx, open_tunnel(h), kSiteName);
  cr_assert_not_null(ssl);
  static const char kRequest[] = "GET / HTTP/1.1\r\nHost: secret.test\r\n\r\n";
  SSL_write(ssl, kRequest, (int)(number % sizeof(kRequest)));
  leave(dup(SSL_get_fd(ssl)), number);
  tunnel_client_close(ssl);
}

static void half_closes_a_session(struct hostile *h, size_t number) {
  SSL *ssl = tunnel_client_tls(h->ctx, open_tunnel(h), kSiteName);
  cr_assert_not_null(ssl);
  SSL_write(ssl, "GET ", (int)(number % 4));
  SSL_shutdown(ssl);
  tunnel_client_count(ssl, -1);
  tunnel_client_close(ssl);
}

static void cuts_a_session_off(struct hostile *h, size_t number) {
  SSL *ssl = tunnel_client_tls(h->ctx, open_tunnel(h), kSiteName);
  cr_assert_not_null(ssl);
  SSL_write(ssl, "GET ", (int)(number % 4));
  shutdown(SSL_get_fd(ssl), SHUT_WR);  // without close_notify
  tunnel_client_count(ssl, -1);
  tunnel_client_close(ssl);
}

static void breaks_a_session(struct hostile *h, size_t number) {
  SSL *ssl = tunnel_client_tls(h->ctx, open_tunnel(h), kSiteName);
  cr_assert_not_null(ssl);
  loopback_send(SSL_get_fd(ssl), h->hello, h->hello_len);
  leave(dup(SSL_get_fd(ssl)), number);
  tunnel_client_close(ssl);
}

static void cuts_its_socks_short(struct hostile *h, size_t number) {
  static const uint8_t kSocks[] = "\x05\x01\x00\x05\x01\x00\x03\x0bsecret.test";
  int fd = open_client(h);
  loopback_send(fd, kSocks, 1 + number % (sizeof(kSocks) - 1));
  leave(fd, number);
}

static void asks_socks_for_nonsense(struct hostile *h, size_t number) {
  static const uint8_t kSocks[] = "\x05\x01\x00\x05\x09\x00\x07zzz";
  int fd = open_client(h);
  loopback_send(fd, kSocks, sizeof(kSocks) - 1);
  read_to_end(fd);
  leave(fd, number);
}

static void leaves_a_plain_request(struct hostile *h, size_t number) {
  int fd = open_client(h);
  send_text(fd,
            "POST http://plain.test:1/ HTTP/1.1\r\nHost: plain.test:1\r\n"
            "Transfer-Encoding: chunked\r\n\r\nfff");
  leave(fd, number);
}

static void stalls_before_its_request(struct hostile *h, size_t number) {
  int fd = open_client(h);
  loopback_send(fd, h->connect, number % 8);
  stall(h, fd);
}

static void stalls_before_its_hello(struct hostile *h, size_t number) {
  int fd = open_tunnel(h);
  loopback_send(fd, h->hello, number % 8);
  stall(h, fd);
}

static void stalls_in_its_handshake(struct hostile *h, size_t number) {
  int fd = open_tunnel(h);
  (void)number;
  loopback_send(fd, h->hello, h->hello_len);
  stall(h, fd);
}

static void (*const kClients[])(struct hostile *h, size_t number) = {
    says_nothing,
    sends_garbage,
    cuts_its_request_short,
    sends_a_huge_request,
    leaves_after_its_request,
    half_closes_after_its_request,
    leaves_before_its_hello,
    cuts_its_hello_short,
    breaks_its_hello,
    leaves_after_its_hello,
    half_closes_after_its_hello,
    sends_garbage_after_its_hello,
    leaves_a_session,
    half_closes_a_session,
    cuts_a_session_off,
    breaks_a_session,
    cuts_its_socks_short,
    asks_socks_for_nonsense,
    leaves_a_plain_request,
    stalls_before_its_request,
    stalls_before_its_hello,
    stalls_in_its_handshake,
};

static void make_hello(struct hostile *h) {
  SSL *ssl = SSL_new(h->ctx);
  BIO *written = BIO_new(BIO_s_mem());
  const uint8_t *data;
  SSL_set_tlsext_host_name(ssl, kSiteName);
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), written);
  SSL_connect(ssl);
  cr_assert(BIO_mem_contents(written, &data, &h->hello_len));
  cr_assert_leq(h->hello_len, sizeof(h->hello));
  memcpy(h->hello, data, h->hello_len);
  SSL_free(ssl);
}

static void start(struct hostile *h) {
  scene_open(&h->scene);
  scene_start_site(&h->scene);
  scene_start_dns(&h->scene, NULL);
  scene_start_proxy(&h->scene, (const char *const[]){"--workers", "2", NULL});
  h->ctx =
      tunnel_client_context(scratch_path(h->scene.scratch, "state/ca.pem"));
  h->port = proxy_process_port(h->scene.proxy);
  unsigned site_port = tap_port(h->scene.tap);
  snprintf(h->connect, sizeof(h->connect),
           "CONNECT secret.test:%u HTTP/1.1\r\nHost: secret.test:%u\r\n\r\n",
           site_port, site_port);
  make_hello(h);
}

// How many files the proxy has open.
static size_t num_files(struct hostile *h) {
  char path[64];
  size_t num = 0;
  snprintf(path, sizeof(path), "/proc/%d/fd",
           (int)peer_pid(proxy_process_peer(h->scene.proxy)));
  DIR *dir = opendir(path);
  cr_assert_not_null(dir);
  while (readdir(dir) != NULL) {
    num++;
  }
  closedir(dir);
  return num;
}

static void assert_fetch(struct hostile *h) {
  struct program program;
  scene_run_fetch(&program, &h->scene, &(struct scene_fetch){0});
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  cr_assert_str_eq(program.out, "hello from the site\n");
  program_cleanup(&program);
  proxy_process_wait_idle(h->scene.proxy, kPatienceMs);
}

// Makes all workers connect to the resolver: so many lookups come to each, but
// for one run in 10^9.
static void let_all_ask(struct hostile *h) {
  enum { kLookups = 32 };
  for (int i = 0; i < kLookups; i++) {
    char host[32];
    snprintf(host, sizeof(host), "nowhere-%d.test", i);
    cr_assert_lt(tunnel_client_connect(h->port, host, 443), 0);
  }
}

// Those that stall are left to the proxy's own patience: it closes them.
static void wait_for_stalled(struct hostile *h) {
  proxy_process_wait_idle(h->scene.proxy, kPatienceMs);
  for (size_t i = 0; i < h->num_stalled; i++) {
    read_to_end(h->stalled[i]);
    close(h->stalled[i]);
  }
}

Test(hostile_client, leaves_nothing_behind, .timeout = 220) {
  static struct hostile h;
  start(&h);
  let_all_ask(&h);
  assert_fetch(&h);
  size_t files = num_files(&h);
  size_t num_kinds = sizeof(kClients) / sizeof(kClients[0]);
  for (size_t i = 0; i < kNumClients; i++) {
    kClients[i % num_kinds](&h, i / num_kinds);
  }
  wait_for_stalled(&h);
  assert_fetch(&h);
  cr_assert_eq(num_files(&h), files);
  cr_assert(!tap_contains_text(h.scene.tap, kSiteName));
  SSL_CTX_free(h.ctx);
  scene_close(&h.scene);
}
