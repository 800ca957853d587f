#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/scene.h"
#include "support/tunnel_client.h"

enum {
  kNumTunnels = 1000,
  kMaxIntercepted = 18 * 1024,  // bytes for each tunnel
  kMaxBlind = 4 * 1024,
  kMaxGrowth = 1024,  // when as many come again
  kMaxFiles = 64,     // besides two sockets each: spare pipes, resolvers
  kEcho = 4096,
};

// The memory that is the process's own share of what is there, in bytes.
static long memory_of(const struct peer *peer) {
  char path[64];
  char line[256];
  long kib = -1;
  snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)peer_pid(peer));
  FILE *file = fopen(path, "re");
  cr_assert_not_null(file);
  while (kib < 0 && fgets(line, sizeof(line), file) != NULL) {
    sscanf(line, "Pss: %ld kB", &kib);
  }
  fclose(file);
  cr_assert_geq(kib, 0);
  return kib * 1024;
}

// Opens a tunnel, uses it once, and leaves it idle.
static SSL *open_tunnel(struct scene *scene, SSL_CTX *ctx) {
  int fd = tunnel_client_connect(proxy_process_port(scene->proxy), kSiteName,
                                 tap_port(scene->tap));
  cr_assert_geq(fd, 0);
  SSL *ssl = tunnel_client_tls(ctx, fd, kSiteName);
  cr_assert_not_null(ssl);
  cr_assert(tunnel_client_echoes(ssl, kEcho));
  return ssl;
}

static void allow_many_files(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Starts a site that echoes, which has ECH or, for `blind`, has not.
static void start(struct scene *scene, bool blind) {
  const char *const clear[] = {"secret.test. A 127.0.0.1", NULL};
  scene_open(scene);
  scene_start_echo(scene);
  scene_start_dns(scene, blind ? clear : NULL);
  scene->proxy_binary = ECHPROXY_PLAIN_BINARY;
  scene_start_proxy(scene, NULL);
}

// What the proxy has with all of its tunnels open and idle.
struct cost {
  long memory;
  unsigned num_files;
};

static unsigned num_files(const struct peer *peer) {
  char path[64];
  unsigned num = 0;
  snprintf(path, sizeof(path), "/proc/%d/fd", (int)peer_pid(peer));
  DIR *dir = opendir(path);
  cr_assert_not_null(dir);
  while (readdir(dir) != NULL) {
    num++;
  }
  closedir(dir);
  return num;
}

// Opens `num` tunnels, looks, and closes them again.
static struct cost cost_of(struct scene *scene, SSL_CTX *ctx, size_t num) {
  struct peer *proxy = proxy_process_peer(scene->proxy);
  SSL **tunnels = calloc(num, sizeof(SSL *));
  cr_assert_not_null(tunnels);
  for (size_t i = 0; i < num; i++) {
    tunnels[i] = open_tunnel(scene, ctx);
  }
  cr_assert_eq(proxy_process_status(scene->proxy).open, (unsigned long)num);
  struct cost cost = {memory_of(proxy), num_files(proxy)};
  // They are idle, and not broken: the first and the last still carry bytes.
  cr_assert(tunnel_client_send(tunnels[0], -1, 1));
  cr_assert(tunnel_client_send(tunnels[num - 1], -1, 1));
  for (size_t i = 0; i < num; i++) {
    tunnel_client_close(tunnels[i]);
  }
  free(tunnels);
  proxy_process_wait_idle(scene->proxy, 20000);
  return cost;
}

static void assert_small(struct scene *scene, const char *ca, long max_bytes) {
  SSL_CTX *ctx = tunnel_client_context(scratch_path(scene->scratch, ca));
  struct cost one = cost_of(scene, ctx, 1);
  struct cost all = cost_of(scene, ctx, kNumTunnels);
  struct cost again = cost_of(scene, ctx, kNumTunnels);
  long each = (all.memory - one.memory) / (kNumTunnels - 1);
  long growth = (again.memory - all.memory) / kNumTunnels;
  fprintf(stderr, "an idle tunnel costs %ld bytes, then %ld more\n", each,
          growth);
  cr_assert_leq(each, max_bytes);
  cr_assert_leq(growth, (long)kMaxGrowth);
  cr_assert_leq(all.num_files, one.num_files + 2 * kNumTunnels + kMaxFiles);
  SSL_CTX_free(ctx);
}

Test(idle_memory, of_a_tunnel_is_at_most_18_kib, .timeout = 200) {
  struct scene scene;
  allow_many_files();
  start(&scene, false);
  assert_small(&scene, "state/ca.pem", kMaxIntercepted);
  scene_assert_hidden(&scene);
  scene_close(&scene);
}

Test(idle_memory, of_a_blind_tunnel_is_at_most_4_kib, .timeout = 200) {
  struct scene scene;
  allow_many_files();
  start(&scene, true);
  assert_small(&scene, "root.crt", kMaxBlind);
  cr_assert_eq(proxy_process_status(scene.proxy).hidden, 0UL);
  scene_close(&scene);
}
