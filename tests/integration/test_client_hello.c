// Hellos that are not as browsers send them must not make the proxy send a name
// with ECH in the clear.

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/client_side.h"
#include "support/loopback.h"
#include "support/scene.h"
#include "support/tunnel_client.h"

enum { kMaxHello = 4096, kMaxRecord = 16384 };

static int connect_to(struct scene *scene, const char *host) {
  int fd = tunnel_client_connect(proxy_process_port(scene->proxy), host,
                                 tap_port(scene->tap));
  cr_assert_geq(fd, 0);
  return fd;
}

// Makes a handshake with the site, whose name is spelt as `server_name`.
static void assert_hidden_as(struct scene *scene, SSL_CTX *ctx,
                             const char *host, const char *server_name) {
  SSL *ssl = SSL_new(ctx);
  SSL_set_tlsext_host_name(ssl, server_name);
  SSL_set1_host(ssl, kSiteName);
  SSL_set_fd(ssl, connect_to(scene, host));
  cr_expect_eq(SSL_connect(ssl), 1, "%s", server_name);
  tunnel_client_close(ssl);
  scene_assert_hidden(scene);
  tap_clear(scene->tap);
}

Test(client_hello, is_for_the_host_however_its_name_is_spelt, .timeout = 60) {
  static const char *const kSpellings[][2] = {
      {"secret.test", "SECRET.test"},
      {"secret.test", "secret.test."},
      {"secret.test.", "secret.test"},
      {"Secret.Test.", "secret.test."},
  };
  struct scene scene;
  scene_open(&scene);
  scene_start(&scene);
  SSL_CTX *ctx =
      tunnel_client_context(scratch_path(scene.scratch, "state/ca.pem"));
  for (size_t i = 0; i < sizeof(kSpellings) / sizeof(kSpellings[0]); i++) {
    assert_hidden_as(&scene, ctx, kSpellings[i][0], kSpellings[i][1]);
  }
  SSL_CTX_free(ctx);
  scene_close(&scene);
}

// Programs that look names up elsewhere ask for an address; only their hello
// tells the name. `host` and `port` are what is asked for, the site's record
// for port 443 leads to the tap.
static void fetch_by_hello(const char *const mode[], const char *asked) {
  struct scene scene;
  char record[1024];
  char other[1024];
  char connect_to[128];
  scene_open(&scene);
  scene_start_site(&scene);
  const char *ech = strstr(scene.zone_line, "ech=");
  cr_assert_not_null(ech);
  snprintf(record, sizeof(record),
           "secret.test. 60 IN HTTPS 1 . alpn=h2,http/1.1 port=%u %s",
           tap_port(scene.tap), ech);
  snprintf(other, sizeof(other), "other.test. 60 IN HTTPS 1 . %s", ech);
  const char *const records[] = {record, other,
                                 "secret.test. 60 IN A 127.0.0.1",
                                 "other.test. 60 IN A 127.0.0.1", NULL};
  scene_start_dns(&scene, records);
  scene_start_proxy(&scene, mode);
  snprintf(connect_to, sizeof(connect_to), "secret.test:443:%s:443", asked);
  const char *const args[] = {"--connect-to", connect_to, NULL};
  struct program curl;
  scene_run_fetch(&curl, &scene,
                  &(struct scene_fetch){.port = 443, .args = args});
  cr_expect_eq(curl.exit_code, 0, "%s", curl.err);
  program_cleanup(&curl);
  scene_assert_hidden(&scene);
  scene_close(&scene);
}

Test(client_hello, may_be_for_another_site_than_the_tunnel, .timeout = 60) {
  fetch_by_hello(NULL, "other.test");
}

Test(client_hello, tells_the_name_of_a_tunnel_to_an_address, .timeout = 60) {
  static const char *const kStrict[] = {"--mode", "strict", NULL};
  fetch_by_hello(NULL, "127.0.0.1");
  fetch_by_hello(kStrict, "127.0.0.1");
}

// Writes a record of the handshake protocol and returns what follows it.
static uint8_t *put_record(uint8_t *out, const uint8_t *message, size_t len) {
  const uint8_t header[] = {SSL3_RT_HANDSHAKE, 3, 1, (uint8_t)(len >> 8),
                            (uint8_t)len};
  memcpy(out, header, sizeof(header));
  memcpy(out + sizeof(header), message, len);
  return out + sizeof(header) + len;
}

// Writes the site's hello in records of at most `max_len`.
static size_t write_hello(uint8_t *out, const char *name, size_t max_len) {
  uint8_t message[kMaxHello];
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  SSL *ssl = SSL_new(ctx);
  SSL_set_tlsext_host_name(ssl, name);
  size_t len = client_side_hello(ssl, message, sizeof(message));
  SSL_CTX_free(ctx);
  cr_assert_gt(len, 0);
  uint8_t *end = out;
  for (size_t at = 0; at < len; at += max_len) {
    end =
        put_record(end, message + at, len - at < max_len ? len - at : max_len);
  }
  return (size_t)(end - out);
}

// The peer's first record is of the handshake.
static void assert_answered(int fd) {
  uint8_t type;
  cr_assert(loopback_recv(fd, &type, 1));
  cr_assert_eq(type, SSL3_RT_HANDSHAKE);
  close(fd);
}

Test(client_hello, may_come_in_pieces, .timeout = 60) {
  uint8_t hello[8 * kMaxHello];
  struct scene scene;
  scene_open(&scene);
  scene_start(&scene);
  int fd = connect_to(&scene, kSiteName);
  size_t len = write_hello(hello, kSiteName, kMaxRecord);
  for (size_t i = 0; i < len; i++) {
    cr_assert(loopback_send(fd, hello + i, 1));
  }
  assert_answered(fd);
  fd = connect_to(&scene, kSiteName);
  len = write_hello(hello, kSiteName, 7);
  cr_assert(loopback_send(fd, hello, len));
  assert_answered(fd);
  scene_assert_hidden(&scene);
  scene_close(&scene);
}

// Sends `prefix` and then the site's hello, and waits for what comes of it.
static void send_behind(struct scene *scene, const char *prefix, size_t len) {
  uint8_t hello[8 * kMaxHello];
  uint8_t ignored;
  int fd = connect_to(scene, kSiteName);
  memcpy(hello, prefix, len);
  len += write_hello(hello + len, kSiteName, kMaxRecord);
  loopback_send(fd, hello, len);
  shutdown(fd, SHUT_WR);
  while (loopback_recv(fd, &ignored, 1)) {
  }
  close(fd);
}

Test(client_hello, behind_other_records_is_not_passed_on, .timeout = 60) {
  static const struct {
    const char *bytes;
    size_t len;
  } kPrefixes[] = {
      {"\x14\x03\x03\x00\x01\x01", 6},          // change_cipher_spec
      {"\x15\x03\x03\x00\x02\x01\x5a", 7},      // a warning
      {"\x15\x03\x03\x00\x02\x02\x28", 7},      // a fatal alert
      {"\x17\x03\x03\x00\x01x", 6},             // application data
      {"\x18\x03\x03\x00\x03\x01\x00\x00", 8},  // a heartbeat
      {"\x16\x03\x03\x00\x00", 5},
  };
  struct scene scene;
  scene_open(&scene);
  scene_start(&scene);
  for (size_t i = 0; i < sizeof(kPrefixes) / sizeof(kPrefixes[0]); i++) {
    send_behind(&scene, kPrefixes[i].bytes, kPrefixes[i].len);
    cr_expect(!tap_contains_text(scene.tap, kSiteName), "prefix %zu", i);
  }
  proxy_process_wait_idle(scene.proxy, 15000);
  scene_close(&scene);
}
