#include <criterion/criterion.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/loopback.h"
#include "support/scene.h"
#include "support/tunnel_client.h"

enum { kRequest = 3 << 20, kAnswer = 5 << 20 };

// A site's end, of one connection: it says all it has either after the client
// has finished, or first.
struct half_closer {
  pthread_t thread;
  int listener;
  bool ends_first;
  ssize_t received;  // until the client's end, -1 when it never ended
  bool sent;
};

static void *half_closer_run(void *arg) {
  struct half_closer *site = arg;
  int fd = accept(site->listener, NULL, NULL);
  if (!site->ends_first) {
    site->received = tunnel_client_count(NULL, fd);
  }
  site->sent = tunnel_client_send(NULL, fd, kAnswer);
  shutdown(fd, SHUT_WR);
  if (site->ends_first) {
    site->received = tunnel_client_count(NULL, fd);
  }
  close(fd);
  return NULL;
}

static void half_closer_start(struct half_closer *site, bool ends_first) {
  *site = (struct half_closer){.listener = loopback_listen(),
                               .ends_first = ends_first};
  cr_assert_eq(pthread_create(&site->thread, NULL, half_closer_run, site), 0);
}

static void half_closer_finish(struct half_closer *site) {
  pthread_join(site->thread, NULL);
  close(site->listener);
  cr_assert(site->sent);
  cr_assert_eq(site->received, kRequest, "the site got %zd", site->received);
}

// The client's end of the same: over TLS, or with a NULL `ssl` in the clear.
static void talk(SSL *ssl, int fd, bool ends_first) {
  if (!ends_first) {
    cr_assert_eq(tunnel_client_count(ssl, fd), kAnswer);
  }
  cr_assert(tunnel_client_send(ssl, fd, kRequest));
  if (ssl == NULL) {
    shutdown(fd, SHUT_WR);
  } else {
    SSL_shutdown(ssl);
  }
  if (ends_first) {
    cr_assert_eq(tunnel_client_count(ssl, fd), kAnswer);
  }
}

static void start_with_backend(struct scene *scene, uint16_t backend_port) {
  struct scratch *s = scene->scratch;
  scene_start_origin(
      scene, (const char *const[]){
                 "--site", scratch_path(s, "site.crt"),
                 scratch_path(s, "site.key"), "--ech", scene->ech_path,
                 "--backend", scratch_format(s, "%u", backend_port), NULL});
}

static void assert_hidden_half_close(bool client_first) {
  struct scene scene;
  struct half_closer site;
  scene_open(&scene);
  half_closer_start(&site, !client_first);
  start_with_backend(&scene, loopback_port(site.listener));
  scene_start_dns(&scene, NULL);
  scene_start_proxy(&scene, NULL);
  SSL_CTX *ctx =
      tunnel_client_context(scratch_path(scene.scratch, "state/ca.pem"));
  int fd = tunnel_client_connect(proxy_process_port(scene.proxy), kSiteName,
                                 tap_port(scene.tap));
  SSL *ssl = tunnel_client_tls(ctx, fd, kSiteName);
  cr_assert_not_null(ssl);
  talk(ssl, fd, client_first);
  half_closer_finish(&site);
  cr_assert_eq(proxy_process_wait_idle(scene.proxy, 10000).hidden, 1UL);
  scene_assert_hidden(&scene);
  tunnel_client_close(ssl);
  SSL_CTX_free(ctx);
  scene_close(&scene);
}

static void assert_clear_half_close(bool client_first) {
  struct scene scene;
  struct half_closer site;
  scene_open(&scene);
  half_closer_start(&site, !client_first);
  tap_set_origin(scene.tap, loopback_port(site.listener));
  scene_start_dns(&scene, NULL);
  scene_start_proxy(&scene, NULL);
  int fd = tunnel_client_connect(proxy_process_port(scene.proxy), "plain.test",
                                 tap_port(scene.tap));
  cr_assert_geq(fd, 0);
  talk(NULL, fd, client_first);
  half_closer_finish(&site);
  close(fd);
  cr_assert_eq(proxy_process_wait_idle(scene.proxy, 10000).passed, 1UL);
  scene_close(&scene);
}

Test(half_close, of_the_client_leaves_the_site_its_answer, .timeout = 60) {
  assert_hidden_half_close(true);
}

Test(half_close, of_the_site_leaves_the_client_its_request, .timeout = 60) {
  assert_hidden_half_close(false);
}

Test(half_close, of_the_client_goes_through_a_clear_tunnel, .timeout = 60) {
  assert_clear_half_close(true);
}

Test(half_close, of_the_site_goes_through_a_clear_tunnel, .timeout = 60) {
  assert_clear_half_close(false);
}
