#include <criterion/criterion.h>

#include "support/bssl_server.h"
#include "support/nss_server.h"
#include "support/scene.h"

// The same sites as anybody's curl reaches them: the taps can see a name.

static void assert_direct_curl_shows_the_name(struct scene *scene) {
  struct program program;
  scene_run_fetch(&program, scene, &(struct scene_fetch){.way = SCENE_DIRECT});
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  cr_assert(tap_contains_text(scene->tap, kSiteName));
  cr_assert(!tap_contains_text(scene->tap, kPublicName));
  program_cleanup(&program);
  tap_clear(scene->tap);
}

// TLS 1.2 shows the certificate as well.
static void assert_direct_curl_shows_the_certificate(struct scene *scene) {
  struct program program;
  scene_run_fetch(&program, scene,
                  &(struct scene_fetch){
                      .way = SCENE_DIRECT,
                      .args = (const char *const[]){"--tls-max", "1.2", NULL}});
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  cr_assert(
      tap_contains_piece(scene->tap, scene->site_der, scene->site_der_len));
  program_cleanup(&program);
  tap_clear(scene->tap);
}

static const struct {
  enum scene_way way;
  const char *version;
} kWays[] = {
    {SCENE_CONNECT, "--http1.1"},
    {SCENE_CONNECT, "--http2"},
    {SCENE_SOCKS5, "--http1.1"},
    {SCENE_SOCKS5, "--http2"},
};

// Fetches in every way; each answer has `expected` in it.
static void assert_hidden_every_way(struct scene *scene, const char *expected) {
  for (size_t i = 0; i < sizeof(kWays) / sizeof(kWays[0]); i++) {
    struct program program;
    scene_run_fetch(&program, scene,
                    &(struct scene_fetch){
                        .way = kWays[i].way,
                        .args = (const char *const[]){kWays[i].version, NULL}});
    cr_assert_eq(program.exit_code, 0, "way %zu: %s\n%s", i, program.err,
                 peer_output(proxy_process_peer(scene->proxy)));
    cr_assert_not_null(strstr(program.out, expected), "%s", program.out);
    program_cleanup(&program);
    scene_assert_hidden(scene);
    tap_clear(scene->tap);
  }
  struct proxy_status status = proxy_process_wait_idle(scene->proxy, 5000);
  cr_assert_eq(status.hidden, 4UL);
  cr_assert_eq(status.passed, 0UL);
  cr_assert_eq(status.refused, 0UL);
  cr_assert_eq(status.minted, 1UL);
}

static void assert_peer_is_reached_privately(struct scene *scene,
                                             const char *expected) {
  scene_start_dns(scene, NULL);
  scene_start_proxy(scene, NULL);
  assert_direct_curl_shows_the_name(scene);
  assert_direct_curl_shows_the_certificate(scene);
  assert_hidden_every_way(scene, expected);
  scene_close(scene);
}

Test(peers, reaches_nss_with_its_name_hidden, .timeout = 120) {
  struct scene scene;
  uint16_t port;
  scene_open(&scene);
  scene.origin = nss_server_start_file(
      scene.scratch, &port, scene.site_cert,
      scene_keygen_as(&scene, "ech.nss", kPublicName, "nss"));
  tap_set_origin(scene.tap, port);
  assert_peer_is_reached_privately(&scene, "GET / HTTP/1.1");
}

Test(peers, reaches_boringssl_tool_with_its_name_hidden, .timeout = 120) {
  struct scene scene;
  uint16_t port;
  scene_open(&scene);
  scene.origin = bssl_server_start_file(
      scene.scratch, &port, "site",
      scene_keygen_as(&scene, "ech.raw", kPublicName, "raw"));
  tap_set_origin(scene.tap, port);
  assert_peer_is_reached_privately(&scene, "Encrypted ClientHello: yes");
}

Test(peers, reaches_the_origin_for_browsers_with_its_name_hidden,
     .timeout = 120) {
  struct scene scene;
  scene_open(&scene);
  scene_start_site(&scene);
  assert_peer_is_reached_privately(&scene, "hello from the site");
}
