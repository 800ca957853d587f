// Keys rotate while a client fetches: `echproxy rotate`, a server that reloads
// the directory, `echproxy publish` into a DNS server through nsupdate, a
// resolver that keeps records for their TTL, and the proxy, which keeps them
// for what is left of it.

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support/knot.h"
#include "support/scene.h"
#include "support/tunnel_client.h"

enum {
  kFetchMs = 50,
  kNumRotations = 20,
  kFetchesPerRotation = 12,  // 600 ms: a TTL spans three rotations or more
  kSlowMs = 60000,
};

// The record's TTL, and what `rotate` is told, so that a slow machine may take
// a while between rotating and publishing.
static const char kTtl[] = "2";
static const char kKeepTtl[] = "4";

// The client: a connection through the proxy every kFetchMs. It stops at the
// first failure.
struct client {
  uint16_t proxy_port;
  struct tap *tap;
  SSL_CTX *ctx;
  pthread_t thread;
  atomic_int num_fetches;
  atomic_int most_connections;  // to the site, of one fetch
  atomic_bool has_failed;
  atomic_bool stop;
};

static bool echo(SSL *ssl) {
  return tunnel_client_send(ssl, -1, 1000) && SSL_shutdown(ssl) >= 0 &&
         tunnel_client_count(ssl, -1) == 1000;
}

static bool fetch(const struct client *client) {
  int fd = tunnel_client_connect(client->proxy_port, kSiteName,
                                 tap_port(client->tap));
  SSL *ssl = fd < 0 ? NULL : tunnel_client_tls(client->ctx, fd, kSiteName);
  bool ok = ssl != NULL && echo(ssl);
  if (ssl != NULL) {
    tunnel_client_close(ssl);
  }
  return ok;
}

static void fetch_once(struct client *client) {
  size_t before = tap_num_connections(client->tap);
  if (!fetch(client)) {
    client->has_failed = true;
    return;
  }
  int connections = (int)(tap_num_connections(client->tap) - before);
  if (connections > client->most_connections) {
    client->most_connections = connections;
  }
  client->num_fetches++;
}

// The pause is the load that the test is about, and waits for nothing.
static void *run_client(void *arg) {
  static const struct timespec kPause = {0, kFetchMs * 1000000L};
  struct client *client = arg;
  while (!client->stop && !client->has_failed) {
    fetch_once(client);
    nanosleep(&kPause, NULL);
  }
  return NULL;
}

static void client_start(struct client *client, struct scene *scene) {
  client->proxy_port = proxy_process_port(scene->proxy);
  client->tap = scene->tap;
  client->ctx =
      tunnel_client_context(scratch_path(scene->scratch, "state/ca.pem"));
  cr_assert_not_null(client->ctx);
  cr_assert_eq(pthread_create(&client->thread, NULL, run_client, client), 0);
}

// client_wait waits for so many fetches more.
static void client_wait(struct client *client, int num) {
  static const struct timespec kPause = {0, 1000000};
  int wanted = client->num_fetches + num;
  for (int ms = 0; ms < kSlowMs && client->num_fetches < wanted; ms++) {
    cr_assert_not(client->has_failed, "after %d fetches",
                  (int)client->num_fetches);
    nanosleep(&kPause, NULL);
  }
  cr_assert_geq(client->num_fetches, wanted);
}

static void client_stop(struct client *client) {
  client->stop = true;
  pthread_join(client->thread, NULL);
  SSL_CTX_free(client->ctx);
  cr_assert_not(client->has_failed);
}

// What rotates.
struct site {
  struct scene scene;
  struct knot *knot;
  const char *dir;
  const char *keep;
  const char *ttl;  // for rotate
};

static void rotate(struct site *site) {
  program_must((const char *const[]){ECHPROXY_PLAIN_BINARY, "rotate", site->dir,
                                     kPublicName, "--keep", site->keep, "--ttl",
                                     site->ttl, NULL});
}

static void publish(struct site *site) {
  struct program program;
  struct scratch *s = site->scene.scratch;
  const char *const argv[] = {
      ECHPROXY_PLAIN_BINARY,
      "publish",
      scratch_format(s, "%s/current.pem", site->dir),
      "--name",
      kSiteName,
      "--port",
      scratch_format(s, "%u", tap_port(site->scene.tap)),
      "--ttl",
      kTtl,
      "--format",
      "nsupdate",
      NULL};
  program_run(&program, argv, NULL, kSlowMs);
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  knot_update(site->knot, program.out);
  program_cleanup(&program);
}

static void reload(struct site *site) {
  peer_signal(site->scene.origin, SIGHUP);
  cr_assert_not_null(peer_wait_line(site->scene.origin, "loaded ", kSlowMs),
                     "%s", peer_output(site->scene.origin));
}

static void start_origin(struct site *site) {
  struct scratch *s = site->scene.scratch;
  scene_start_origin(
      &site->scene,
      (const char *const[]){
          "--site", scratch_path(s, "site.crt"), scratch_path(s, "site.key"),
          "--public", kPublicName, scratch_path(s, "public.crt"),
          scratch_path(s, "public.key"), "--ech", site->dir, NULL});
}

static void site_open(struct site *site) {
  struct scene *scene = &site->scene;
  scene_open(scene);
  scene->proxy_binary = ECHPROXY_PLAIN_BINARY;
  site->dir = scratch_path(scene->scratch, "keys");
  site->knot =
      knot_start(scene->scratch,
                 (const char *const[]){"secret.test. 2 IN A 127.0.0.1", NULL});
  rotate(site);
  start_origin(site);
  publish(site);
  scene->dns =
      unbound_cache_start(scene->scratch, "resolver", knot_port(site->knot));
  scene->resolver_port = unbound_port(scene->dns);
  scene_start_proxy(scene, NULL);
}

static void site_close(struct site *site) {
  knot_stop(site->knot);
  scene_close(&site->scene);
}

static int count(const char *text, const char *word) {
  int num = 0;
  while ((text = strstr(text, word)) != NULL) {
    num++;
    text += strlen(word);
  }
  return num;
}

// rotate_under_load returns how many handshakes met a key that the server did
// not have.
static int rotate_under_load(struct site *site, struct client *client) {
  site_open(site);
  client_start(client, &site->scene);
  for (int i = 0; i < kNumRotations; i++) {
    rotate(site);
    reload(site);
    publish(site);
    client_wait(client, kFetchesPerRotation);
  }
  client_stop(client);
  scene_assert_hidden(&site->scene);
  const char *said = peer_output(site->scene.origin);
  int num_accepted = count(said, "hello secret.test accepted");
  int num_rejected = count(said, "hello public.test outer");
  cr_assert_eq(num_accepted, (int)client->num_fetches);
  return num_rejected;
}

Test(rotation_load, costs_no_client_a_retry, .timeout = 200) {
  struct site site = {.keep = "2", .ttl = kKeepTtl};
  struct client client = {0};
  cr_assert_eq(rotate_under_load(&site, &client), 0);
  cr_assert_eq(client.most_connections, 1);
  cr_assert_neq(
      access(scratch_format(site.scene.scratch, "%s/ech-999999.ech", site.dir),
             F_OK),
      0, "no key has gone");
  site_close(&site);
}

// The same without keys for those who have an older record: the server's retry
// configurations help them, and once is enough.
Test(rotation_load, without_old_keys_costs_a_client_one_retry, .timeout = 200) {
  struct site site = {.keep = "1", .ttl = "0"};
  struct client client = {0};
  int num_rejected = rotate_under_load(&site, &client);
  cr_assert_gt(num_rejected, 0);
  cr_assert_eq(client.most_connections, 2);
  site_close(&site);
}
