// Tickets make the next handshake with a site short: no certificate comes back.

#include <criterion/criterion.h>
#include <signal.h>

#include "support/scene.h"

Test(resumption, shortens_the_next_handshake_until_sighup, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  scene_start_long_site(&scene);
  scene_start_dns(&scene, NULL);
  scene_start_proxy(&scene, NULL);
  size_t first = scene_fetch_bytes(&scene);
  size_t resumed = scene_fetch_bytes(&scene);
  struct peer *proxy = proxy_process_peer(scene.proxy);
  peer_signal(proxy, SIGHUP);
  cr_assert(peer_wait_line(proxy, "are forgotten", 10000));
  size_t anew = scene_fetch_bytes(&scene);
  // The certificate is the difference; padding and the like are far smaller.
  cr_expect_lt(resumed + kSceneLongCert / 2, first);
  cr_expect_lt(resumed + kSceneLongCert / 2, anew);
  scene_close(&scene);
}
