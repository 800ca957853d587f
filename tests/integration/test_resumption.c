// Tickets make the next handshake with a site short: no certificate comes back.

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "support/scene.h"

enum { kNumNames = 100, kLongCertificate = 2000 };

// Starts the site with a certificate that is hard to overlook on the wire.
static struct test_cert *start_site_with_long_certificate(struct scene *scene) {
  char names[kNumNames * 24] = "DNS:secret.test";
  for (int i = 0; i < kNumNames; i++) {
    snprintf(names + strlen(names), sizeof(names) - strlen(names),
             ",DNS:another-%03d.test", i);
  }
  struct test_cert *cert = scene_cert(scene, "long", names);
  cr_assert_gt(i2d_X509(cert->cert, NULL), kLongCertificate);
  scene_start_odd_site(scene, &(struct scene_origin){.site = "long"});
  return cert;
}

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
  struct test_cert *cert = start_site_with_long_certificate(&scene);
  scene_start_dns(&scene, NULL);
  scene_start_proxy(&scene, NULL);
  size_t first = fetch(&scene);
  size_t resumed = fetch(&scene);
  struct peer *proxy = proxy_process_peer(scene.proxy);
  peer_signal(proxy, SIGHUP);
  cr_assert(peer_wait_line(proxy, "are forgotten", 10000));
  size_t anew = fetch(&scene);
  // The certificate is the difference; padding and the like are far smaller.
  cr_expect_lt(resumed + kLongCertificate / 2, first);
  cr_expect_lt(resumed + kLongCertificate / 2, anew);
  test_cert_free(cert);
  scene_close(&scene);
}
