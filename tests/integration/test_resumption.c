// Tickets make the next handshake short: with a site, where no certificate
// comes back, and of a browser's with us. OpenSSL is the browser there.

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

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

// browse fetches the site's page with OpenSSL through the proxy and returns
// whether it resumed the session that its last visit left in the file
// `session`.
static bool browse(struct scene *scene) {
  struct scratch *s = scene->scratch;
  const char *session = scratch_path(s, "session");
  const char *known = access(session, R_OK) == 0
                          ? scratch_format(s, "-sess_in %s", session)
                          : "";
  const char *command = scratch_format(
      s,
      "printf 'GET / HTTP/1.1\\r\\nHost: %s\\r\\nConnection: "
      "close\\r\\n\\r\\n' "
      "| openssl s_client -proxy 127.0.0.1:%u -connect %s:%u -servername %s "
      "-CAfile %s -verify_return_error -alpn http/1.1 -ign_eof -tls1_3 "
      "-sess_out %s %s",
      kSiteName, proxy_process_port(scene->proxy), kSiteName,
      tap_port(scene->tap), kSiteName, scratch_path(s, "state/ca.pem"), session,
      known);
  const char *const argv[] = {"/bin/sh", "-c", command, NULL};
  struct program program;
  program_run(&program, argv, NULL, 10000);
  cr_assert_not_null(strstr(program.out, "hello from the site"), "%s%s",
                     program.out, program.err);
  bool resumed = strstr(program.out, "Reused, TLSv1.3") != NULL;
  cr_assert(resumed || strstr(program.out, "New, TLSv1.3") != NULL);
  program_cleanup(&program);
  return resumed;
}

Test(resumption, lets_a_browser_resume_a_session_of_its_host, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  scene_start_odd_site(&scene, &(struct scene_origin){.only_h1 = true});
  scene_start_dns(&scene, NULL);
  scene_start_proxy(&scene, NULL);
  cr_assert_not(browse(&scene));
  cr_assert(browse(&scene));
  cr_assert(browse(&scene), "with a ticket of a resumed session");
  scene_assert_hidden(&scene);
  scene_close(&scene);
}
