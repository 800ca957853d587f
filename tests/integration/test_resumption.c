// Tickets make the next handshake short: with a site, where no certificate
// comes back, and of a browser's with us. OpenSSL is the browser there.

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

// browse fetches `path` of `host` with OpenSSL through the proxy and returns
// whether it resumed the session that its last visit left in the file
// `session`.
static bool browse(struct scene *scene, const char *host) {
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
      host, proxy_process_port(scene->proxy), host, tap_port(scene->tap), host,
      scratch_path(s, "state/ca.pem"), session, known);
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
  cr_assert_not(browse(&scene, kSiteName));
  cr_assert(browse(&scene, kSiteName));
  cr_assert(browse(&scene, kSiteName), "with a ticket of a resumed session");
  scene_assert_hidden(&scene);
  scene_close(&scene);
}
