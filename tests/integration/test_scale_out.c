// Three instances that share a CA behind HAProxy, with the lines of the example
// that is installed: one ends while connections come.

#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/loopback.h"
#include "support/scene.h"
#include "support/tunnel_client.h"

enum {
  kInstances = 3,
  kTunnels = 30,
  kNewTunnels = 60,
  kEcho = 1000,
  kAnswerMs = 30000,
};

static const char kExample[] =
    TEST_PEERS_DIR "/../../packaging/examples/haproxy.cfg";
static const char kAlice[] = "YWxpY2U6Y29ycmVjdCBob3JzZQ==";
static const char kUsers[] = "alice:correct horse\n";

struct office {
  struct scene scene;
  struct peer *instances[kInstances];
  unsigned ports[kInstances];
  struct peer *haproxy;
  uint16_t port;  // HAProxy's
  SSL_CTX *ctx;
};

// All first starts are at once, and share the state directory.
static void start_instances(struct office *office) {
  struct scratch *s = office->scene.scratch;
  const char *config =
      scene_write_config(&office->scene, NULL, "[proxy]\nusers = users.txt\n");
  scratch_write(s, "users.txt", kUsers, sizeof(kUsers) - 1);
  for (size_t i = 0; i < kInstances; i++) {
    office->instances[i] = peer_start(
        (const char *const[]){ECHPROXY_BINARY, "run", "-c", config, "--listen",
                              "127.0.0.1:0", "--state-dir",
                              scratch_path(s, "state"), "--workers", "2", NULL},
        proxy_process_env(s));
  }
  for (size_t i = 0; i < kInstances; i++) {
    const char *line =
        peer_wait_line(office->instances[i], "listening on ", kAnswerMs);
    cr_assert_not_null(line, "%s", peer_output(office->instances[i]));
    office->ports[i] = (unsigned)atoi(strrchr(line, ':') + 1);
  }
}

// Returns `text` with `to` in the place of `from`, which is in it once.
static const char *replaced(struct scratch *s, const char *text,
                            const char *from, const char *to) {
  const char *at = strstr(text, from);
  cr_assert_not_null(at, "the example has no %s", from);
  return scratch_format(s, "%.*s%s%s", (int)(at - text), text, to,
                        at + strlen(from));
}

static const char *write_haproxy_config(struct office *office) {
  static const char *const kServers[kInstances] = {
      "127.0.0.1:8451", "127.0.0.1:8452", "127.0.0.1:8453"};
  struct scratch *s = office->scene.scratch;
  const char *text = scratch_read(s, kExample, NULL);
  cr_assert_not_null(text, "%s", kExample);
  text = replaced(s, text, "bind 192.0.2.10:8450",
                  scratch_format(s, "bind 127.0.0.1:%u", office->port));
  // As many as the limit of open files lets any user have.
  text = replaced(s, text, "maxconn 4000", "maxconn 400");
  for (size_t i = 0; i < kInstances; i++) {
    text = replaced(s, text, kServers[i],
                    scratch_format(s, "127.0.0.1:%u", office->ports[i]));
  }
  return scratch_write(s, "haproxy.cfg", text, strlen(text));
}

static void open_office(struct office *office) {
  scene_open(&office->scene);
  scene_start_echo(&office->scene);
  scene_start_dns(&office->scene, NULL);
  start_instances(office);
  office->port = loopback_free_port();
  const char *config = write_haproxy_config(office);
  office->haproxy = peer_start(
      (const char *const[]){"/usr/sbin/haproxy", "-db", "-f", config, NULL},
      NULL);
  cr_assert(loopback_wait_for(office->port), "%s",
            peer_output(office->haproxy));
  office->ctx = tunnel_client_context(
      scratch_path(office->scene.scratch, "state/ca.pem"));
}

static void close_office(struct office *office) {
  SSL_CTX_free(office->ctx);
  peer_free(office->haproxy);
  for (size_t i = 0; i < kInstances; i++) {
    if (peer_wait(office->instances[i], 0) == -1) {
      peer_signal(office->instances[i], SIGTERM);
      cr_expect_eq(peer_wait(office->instances[i], kAnswerMs), 0, "%s",
                   peer_output(office->instances[i]));
    }
    peer_free(office->instances[i]);
  }
  proxy_process_assert_clean(office->scene.scratch);
  scene_close(&office->scene);
}

// Returns a tunnel to the site that works, or NULL.
static SSL *tunnel(struct office *office) {
  int fd = tunnel_client_connect_as(office->port, kSiteName,
                                    tap_port(office->scene.tap), kAlice);
  SSL *ssl = fd < 0 ? NULL : tunnel_client_tls(office->ctx, fd, kSiteName);
  if (ssl != NULL && !tunnel_client_echoes(ssl, kEcho)) {
    tunnel_client_close(ssl);
    return NULL;
  }
  return ssl;
}

static unsigned long num_hidden(struct peer *instance) {
  unsigned long open, hidden;
  peer_signal(instance, SIGUSR1);
  const char *line = peer_wait_line(instance, "status: ", kAnswerMs);
  cr_assert_not_null(line);
  cr_assert_eq(
      sscanf(strstr(line, "open="), "open=%lu hidden=%lu", &open, &hidden), 2);
  return hidden;
}

// A load of new connections on a thread of its own.
struct load {
  struct office *office;
  sem_t is_under_way;  // posted when a third of it is done
  int num_failed;
};

static void *run_load(void *arg) {
  struct load *load = arg;
  for (int i = 0; i < kNewTunnels; i++) {
    if (i == kNewTunnels / 3) {
      sem_post(&load->is_under_way);
    }
    SSL *ssl = tunnel(load->office);
    load->num_failed += ssl == NULL;
    if (ssl != NULL) {
      tunnel_client_close(ssl);
    }
  }
  return NULL;
}

// Ends the first instance with `signal` in the middle of a load.
static void end_one_under_load(struct office *office, int signal) {
  struct load load = {.office = office};
  pthread_t thread;
  sem_init(&load.is_under_way, 0, 0);
  cr_assert_eq(pthread_create(&thread, NULL, run_load, &load), 0);
  sem_wait(&load.is_under_way);
  peer_signal(office->instances[0], signal);
  pthread_join(thread, NULL);
  sem_destroy(&load.is_under_way);
  // The one that was under way may have been the instance's own.
  cr_expect_leq(load.num_failed, 1);
}

static void expect_only_its_own_are_lost(struct office *office, int signal) {
  SSL *tunnels[kTunnels];
  for (size_t i = 0; i < kTunnels; i++) {
    tunnels[i] = tunnel(office);
    cr_assert_not_null(tunnels[i], "tunnel %zu", i);
  }
  size_t num_own = num_hidden(office->instances[0]);
  cr_assert(num_own > 0 && num_own < kTunnels, "%zu", num_own);
  end_one_under_load(office, signal);
  cr_assert_neq(peer_wait(office->instances[0], kAnswerMs), -1);
  size_t num_lost = 0;
  for (size_t i = 0; i < kTunnels; i++) {
    num_lost += !tunnel_client_echoes(tunnels[i], kEcho);
    tunnel_client_close(tunnels[i]);
  }
  cr_expect_eq(num_lost, num_own, "%zu lost", num_lost);
  for (int i = 0; i < kInstances * 2; i++) {
    SSL *ssl = tunnel(office);
    cr_assert_not_null(ssl);
    tunnel_client_close(ssl);
  }
}

Test(scale_out, loses_only_the_tunnels_of_an_instance_that_is_killed,
     .timeout = 120) {
  struct office office;
  open_office(&office);
  expect_only_its_own_are_lost(&office, SIGKILL);
  scene_assert_hidden(&office.scene);
  close_office(&office);
}

Test(scale_out, loses_only_the_tunnels_of_an_instance_that_is_stopped,
     .timeout = 120) {
  struct office office;
  open_office(&office);
  expect_only_its_own_are_lost(&office, SIGTERM);
  close_office(&office);
}

// The balancer's own address lets nobody in.
Test(scale_out, asks_for_passwords_behind_the_balancer, .timeout = 120) {
  struct office office;
  open_office(&office);
  cr_expect_eq(
      tunnel_client_connect(office.port, kSiteName, tap_port(office.scene.tap)),
      -1);
  close_office(&office);
}
