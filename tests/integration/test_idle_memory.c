#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/scene.h"
#include "support/tunnel_client.h"

enum { kNumTunnels = 1000, kMaxBytesPerTunnel = 64 * 1024, kEcho = 4096 };

// Resident memory, in bytes.
static long resident(const struct peer *peer) {
  char path[64];
  long pages;
  snprintf(path, sizeof(path), "/proc/%d/statm", (int)peer_pid(peer));
  FILE *file = fopen(path, "re");
  cr_assert_not_null(file);
  cr_assert_eq(fscanf(file, "%*d %ld", &pages), 1);
  fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
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

static void start(struct scene *scene) {
  scene_open(scene);
  scene_start_echo(scene);
  scene_start_dns(scene, NULL);
  scene->proxy_binary = ECHPROXY_PLAIN_BINARY;
  scene_start_proxy(scene, NULL);
}

Test(idle_memory, of_a_tunnel_is_at_most_64_kib, .timeout = 200) {
  struct scene scene;
  SSL **tunnels = calloc(kNumTunnels, sizeof(SSL *));
  cr_assert_not_null(tunnels);
  allow_many_files();
  start(&scene);
  struct peer *proxy = proxy_process_peer(scene.proxy);
  SSL_CTX *ctx =
      tunnel_client_context(scratch_path(scene.scratch, "state/ca.pem"));
  tunnel_client_close(open_tunnel(&scene, ctx));  // what comes with the first
  proxy_process_wait_idle(scene.proxy, 5000);
  long before = resident(proxy);
  for (size_t i = 0; i < kNumTunnels; i++) {
    tunnels[i] = open_tunnel(&scene, ctx);
  }
  cr_assert_eq(proxy_process_status(scene.proxy).open,
               (unsigned long)kNumTunnels);
  long each = (resident(proxy) - before) / kNumTunnels;
  // They are idle, and not broken: the first and the last still carry bytes.
  cr_assert(tunnel_client_send(tunnels[0], -1, 1));
  cr_assert(tunnel_client_send(tunnels[kNumTunnels - 1], -1, 1));
  for (size_t i = 0; i < kNumTunnels; i++) {
    tunnel_client_close(tunnels[i]);
  }
  proxy_process_wait_idle(scene.proxy, 20000);
  fprintf(stderr, "an idle tunnel costs %ld bytes\n", each);
  cr_assert_leq(each, (long)kMaxBytesPerTunnel);
  SSL_CTX_free(ctx);
  free(tunnels);
  scene_assert_hidden(&scene);
  scene_close(&scene);
}
