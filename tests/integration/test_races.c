// The program built with ThreadSanitizer, with four workers and clients of all
// kinds at the same time. What the sanitizer finds fails proxy_process_stop.

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/loopback.h"
#include "support/scene.h"
#include "support/tunnel_client.h"

enum { kClients = 8, kRounds = 40, kBytes = 100000 };

static const char kBadName[] = "bad.test";

// One of the clients, on a thread of its own.
struct client {
  pthread_t thread;
  uint16_t proxy_port;
  uint16_t site_port;
  uint16_t plain_port;
  const char *forward;  // a request to forward
  const char *status;   // one for what the proxy has done
  const char *visits;   // likewise
  const char *events;   // likewise
  const char *rule;     // one to change the rule of a site nobody visits
  SSL_CTX *trusts_us;
  SSL_CTX *trusts_root;
  int num_failures;
};

static bool uses_tunnel(const struct client *c, SSL_CTX *ctx, const char *host,
                        uint16_t port) {
  int fd = tunnel_client_connect(c->proxy_port, host, port);
  SSL *ssl = fd < 0 ? NULL : tunnel_client_tls(ctx, fd, host);
  bool ok = ssl != NULL && tunnel_client_echoes(ssl, kBytes);
  if (ssl != NULL) {
    tunnel_client_close(ssl);
  }
  return ok;
}

// Sends a request and says whether the answer begins as it should.
static bool is_answered(const struct client *c, const char *request,
                        const char *begin) {
  char answer[16] = "";
  int fd = loopback_connect(c->proxy_port);
  bool ok = fd >= 0 && loopback_send(fd, request, strlen(request)) &&
            loopback_recv(fd, answer, strlen(begin)) &&
            strcmp(answer, begin) == 0;
  close(fd);
  return ok;
}

// Asks for a site whose certificate is not good, and gets a page that says so.
static bool is_refused(const struct client *c) {
  int fd = tunnel_client_connect(c->proxy_port, kBadName, c->site_port);
  SSL *ssl = fd < 0 ? NULL : tunnel_client_tls(c->trusts_us, fd, kBadName);
  char answer[12];
  bool ok = ssl != NULL && SSL_write(ssl, "GET / HTTP/1.0\r\n\r\n", 18) == 18 &&
            SSL_read(ssl, answer, sizeof(answer)) == sizeof(answer) &&
            memcmp(answer, "HTTP/1.1 502", sizeof(answer)) == 0;
  if (ssl != NULL) {
    tunnel_client_close(ssl);
  }
  return ok;
}

// Begins a tunnel and leaves in the middle of it.
static bool leaves(const struct client *c) {
  int fd = tunnel_client_connect(c->proxy_port, kSiteName, c->site_port);
  if (fd >= 0) {
    loopback_send(fd, "\x16\x03\x01", 3);
    loopback_reset(fd);
  }
  return fd >= 0;
}

static void *run_client(void *arg) {
  struct client *c = arg;
  for (int i = 0; i < kRounds; i++) {
    bool ok = uses_tunnel(c, c->trusts_us, kSiteName, c->site_port);
    ok &= uses_tunnel(c, c->trusts_root, "plain.test", c->plain_port);
    ok &= is_answered(c, "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200");
    ok &= is_answered(c, "CONNECT broken.test:443 HTTP/1.1\r\nHost: x\r\n\r\n",
                      "HTTP/1.1 502");
    ok &= is_answered(c, "CONNECT nowhere.test:443 HTTP/1.1\r\nHost: x\r\n\r\n",
                      "HTTP/1.1 502");
    ok &= is_answered(c, c->forward, "HTTP/1.1 502");  // it speaks TLS
    ok &= is_answered(c, c->status, "HTTP/1.1 200");
    ok &= is_answered(c, c->visits, "HTTP/1.1 200");
    ok &= is_answered(c, c->events, "HTTP/1.1 200");
    ok &= is_refused(c);
    ok &= leaves(c);
    c->num_failures += !ok;
  }
  return NULL;
}

// Two sites: one with ECH that knows another key than its record says, so that
// what it answers is learned, and one without.
static uint16_t start_sites(struct scene *scene, struct peer **out_plain) {
  struct scratch *s = scene->scratch;
  uint16_t plain_port;
  const char *zone_line = scene->zone_line;
  const char *ech = scene_keygen(scene, "new.pem", kPublicName);
  scene->zone_line = zone_line;
  test_cert_free(scene_cert(scene, "plain", "DNS:plain.test"));
  *out_plain = scene_run_origin(
      (const char *const[]){"--site", scratch_path(s, "plain.crt"),
                            scratch_path(s, "plain.key"), NULL},
      &plain_port);
  scene_start_origin(
      scene,
      (const char *const[]){"--site", scratch_path(s, "site.crt"),
                            scratch_path(s, "site.key"), "--public",
                            kPublicName, scratch_path(s, "public.crt"),
                            scratch_path(s, "public.key"), "--ech", ech, NULL});
  return plain_port;
}

static void start_clients(struct client clients[kClients],
                          const struct client *like) {
  for (size_t i = 0; i < kClients; i++) {
    clients[i] = *like;
    cr_assert_eq(
        pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), 0);
  }
}

static int join_clients(struct client clients[kClients]) {
  int num_failures = 0;
  for (size_t i = 0; i < kClients; i++) {
    pthread_join(clients[i].thread, NULL);
    num_failures += clients[i].num_failures;
  }
  return num_failures;
}

// Writes one of two configurations that let the clients see the same: another
// resolver, a client certificate for which nobody asks, what is logged.
static const char *write_config(struct scene *scene, int which) {
  struct scratch *s = scene->scratch;
  return scene_write_config(
      scene,
      scratch_format(
          s,
          "[proxy]\nupstream-ca = root.crt\nverbose = %s\n"
          "[resolver]\nresolver-ca = root.crt\n"
          "resolver = %s:%u\n",
          which == 0 ? "no" : "yes",
          which == 0 ? "https://127.0.0.1" : "tls://127.0.0.1",
          which == 0 ? unbound_port(scene->dns) : unbound_tls_port(scene->dns)),
      which == 0 ? "[site \"*.test\"]\nmode = prefer\n"
                 : "[site \"secret.test\"]\nclient-cert = site.crt\n"
                   "client-key = site.key\n");
}

// Signals while clients are at it, other configurations, and rules. A tunnel of
// its own takes as long as theirs do, and so keeps step with them.
static void disturb(struct scene *scene, const struct client *client) {
  struct peer *proxy = proxy_process_peer(scene->proxy);
  for (int i = 0; i < 20; i++) {
    cr_assert(
        uses_tunnel(client, client->trusts_us, kSiteName, client->site_port));
    write_config(scene, i % 2 == 0);
    peer_signal(proxy, SIGHUP);
    cr_assert(peer_wait_line(proxy, "is in force", 20000));
    proxy_process_status(scene->proxy);
    cr_assert(is_answered(client, client->rule, "HTTP/1.1 200"));
  }
}

static const char *data_request(struct scene *scene, const char *line,
                                const char *body) {
  struct scratch *s = scene->scratch;
  const char *path = scratch_path(
      s, scratch_format(s, "state/running/127.0.0.1:%u",
                        (unsigned)proxy_process_port(scene->proxy)));
  return scratch_format(s,
                        "%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                        "Authorization: Bearer %.43s\r\n"
                        "Content-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        line, scratch_read(s, path, NULL), strlen(body), body);
}

static void prepare_requests(struct client *out, struct scene *scene) {
  out->status = data_request(scene, "GET /api/status", "");
  out->visits = data_request(scene, "GET /api/visits", "");
  out->events = data_request(scene, "GET /api/events", "");
  out->rule = data_request(scene, "POST /api/rules",
                           "{\"site\":\"x.test\",\"mode\":\"strict\"}");
}

// What a test stands on.
struct bed {
  struct scene scene;
  struct peer *plain;
  struct client like;
};

static void bed_open(struct bed *bed) {
  struct scene *scene = &bed->scene;
  scene_open(scene);
  struct scratch *s = scene->scratch;
  bed->like = (struct client){.plain_port = start_sites(scene, &bed->plain)};
  const char *const records[] = {
      scene->zone_line,
      "secret.test. A 127.0.0.1",
      "plain.test. A 127.0.0.1",
      scratch_format(s, "_%u._https.bad.test. HTTPS 1 secret.test. %s",
                     tap_port(scene->tap), strstr(scene->zone_line, "ech=")),
      "bad.test. A 127.0.0.1",
      NULL,
  };
  scene_start_dns(scene, records);
  scene->proxy_binary = ECHPROXY_RACES_BINARY;
  scene_start_by_file(scene, write_config(scene, 0),
                      (const char *const[]){"--workers", "4", NULL});
  bed->like.proxy_port = proxy_process_port(scene->proxy);
  bed->like.forward = scratch_format(
      s, "GET http://127.0.0.1:%u/ HTTP/1.0\r\n\r\n", bed->like.plain_port);
  prepare_requests(&bed->like, scene);
  bed->like.site_port = tap_port(scene->tap);
  bed->like.trusts_us = tunnel_client_context(scratch_path(s, "state/ca.pem"));
  bed->like.trusts_root = tunnel_client_context(scratch_path(s, "root.crt"));
}

static void bed_close(struct bed *bed) {
  SSL_CTX_free(bed->like.trusts_us);
  SSL_CTX_free(bed->like.trusts_root);
  peer_free(bed->plain);
  scene_close(&bed->scene);
}

// Ends the proxy, which must have nothing to say.
static void stop_proxy(struct scene *scene) {
  proxy_process_stop(scene->proxy);
  scene->proxy = NULL;
}

Test(races, are_none_between_workers, .timeout = 200) {
  struct bed bed;
  struct client clients[kClients];
  bed_open(&bed);
  struct peer *proxy = proxy_process_peer(bed.scene.proxy);
  start_clients(clients, &bed.like);
  disturb(&bed.scene, &bed.like);
  cr_expect_eq(join_clients(clients), 0, "%s", peer_output(proxy));
  int fd =
      tunnel_client_connect(bed.like.proxy_port, kSiteName, bed.like.site_port);
  SSL *open = tunnel_client_tls(bed.like.trusts_us, fd, kSiteName);
  cr_assert_not_null(open);
  peer_signal(proxy, SIGTERM);
  scene_assert_hidden(&bed.scene);
  stop_proxy(&bed.scene);
  tunnel_client_close(open);
  bed_close(&bed);
}

// Clients go on to the end, and more signals than it takes come meanwhile.
Test(races, are_none_when_it_stops_under_load, .timeout = 200) {
  static const int kSignals[] = {SIGUSR1, SIGHUP, SIGTERM, SIGHUP, SIGUSR1};
  struct bed bed;
  struct client clients[kClients];
  signal(SIGPIPE, SIG_IGN);
  bed_open(&bed);
  struct peer *proxy = proxy_process_peer(bed.scene.proxy);
  start_clients(clients, &bed.like);
  for (int i = 0; i < 20; i++) {
    cr_assert(peer_wait_line(proxy, "hidden step=relay", 20000));
  }
  for (size_t i = 0; i < sizeof(kSignals) / sizeof(kSignals[0]); i++) {
    peer_signal(proxy, kSignals[i]);
  }
  cr_assert(peer_wait_line(proxy, "stopping when", 20000));
  peer_signal(proxy, SIGINT);
  cr_assert_eq(peer_wait(proxy, 20000), 0, "%s", peer_output(proxy));
  join_clients(clients);  // whose connections have failed
  scene_assert_hidden(&bed.scene);
  stop_proxy(&bed.scene);
  bed_close(&bed);
}
