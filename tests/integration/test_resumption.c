// Tickets make the next handshake with a site short: no certificate comes back.

#include <criterion/criterion.h>
#include <signal.h>

#include "support/scene.h"

// Fetches once and returns how many bytes were on the wire.
static size_t fetch(struct scene *scene) {
  struct program curl;
  tap_clear(scene->tap);
  scene_run_fetch(&curl, scene, &(struct scene_fetch){0});
  cr_assert_eq(curl.exit_code, 0, "%s", curl.err);
  program_cleanup(&curl);
  proxy_process_wait_idle(scene->proxy, 12000);
  scene_assert_hidden(scene);
  return tap_num_bytes(scene->tap);
}

Test(resumption, shortens_the_next_handshake_until_sighup, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  scene_start(&scene);
  size_t first = fetch(&scene);
  size_t resumed = fetch(&scene);
  struct peer *proxy = proxy_process_peer(scene.proxy);
  peer_signal(proxy, SIGHUP);
  cr_assert(peer_wait_line(proxy, "are forgotten", 10000));
  size_t anew = fetch(&scene);
  // The certificate is the difference, padding and the like are not.
  cr_expect_lt(resumed + scene.site_der_len / 2, first);
  cr_expect_lt(resumed + scene.site_der_len / 2, anew);
  scene_close(&scene);
}
