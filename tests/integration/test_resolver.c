#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/loopback.h"
#include "support/scene.h"

// Whatever the resolver does, no hello leaves: the origin, which is there and
// would answer, sees no connection.

static void assert_no_fetch(struct scene *scene, enum scene_way way,
                            const char *host) {
  struct program program;
  scene_run_fetch(&program, scene,
                  &(struct scene_fetch){.way = way, .host = host});
  cr_assert_eq(program.exit_code, way == SCENE_SOCKS5 ? 97 : 56, "%d: %s",
               program.exit_code, program.err);
  cr_assert_str_empty(program.out);
  program_cleanup(&program);
}

static void assert_refused_without_a_hello(struct scene *scene,
                                           const char *host) {
  assert_no_fetch(scene, SCENE_CONNECT, host);
  assert_no_fetch(scene, SCENE_SOCKS5, host);
  cr_assert_eq(tap_num_connections(scene->tap), 0, "a connection was made");
  struct proxy_status status = proxy_process_wait_idle(scene->proxy, 5000);
  cr_assert_eq(status.refused, 2UL);
  cr_assert_eq(status.minted, 0UL);
}

static void open_with_site(struct scene *scene) {
  scene_open(scene);
  scene_start_site(scene);
}

Test(resolver, that_is_gone_leads_to_a_refusal, .timeout = 60) {
  struct scene scene;
  open_with_site(&scene);
  scene.resolver_port = loopback_free_port();
  scene_start_proxy(&scene, NULL);
  assert_refused_without_a_hello(&scene, kSiteName);
  scene_close(&scene);
}

Test(resolver, that_says_nothing_leads_to_a_refusal, .timeout = 60) {
  struct scene scene;
  open_with_site(&scene);
  int silent = loopback_listen();
  scene.resolver_port = loopback_port(silent);
  scene_start_proxy(&scene, NULL);
  assert_no_fetch(&scene, SCENE_CONNECT, kSiteName);
  cr_assert_eq(tap_num_connections(scene.tap), 0, "a connection was made");
  scene_close(&scene);
  close(silent);
}

Test(resolver, that_speaks_no_tls_leads_to_a_refusal, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  scene.resolver_port =
      (uint16_t)strtoul(scene_start_backend(&scene), NULL, 10);
  tap_set_origin(scene.tap, scene.resolver_port);
  scene_start_proxy(&scene, NULL);
  assert_refused_without_a_hello(&scene, kSiteName);
  scene_close(&scene);
}

Test(resolver, that_nobody_vouches_for_leads_to_a_refusal, .timeout = 60) {
  struct scene scene;
  open_with_site(&scene);
  struct test_cert *self =
      test_cert_new(&(struct test_cert_spec){.names = "IP:127.0.0.1"});
  scratch_cert(scene.scratch, "resolver", self);
  test_cert_free(self);
  scene_start_dns(&scene, NULL);
  scene_start_proxy(&scene, NULL);
  assert_refused_without_a_hello(&scene, kSiteName);
  scene_close(&scene);
}

Test(resolver, that_answers_servfail_leads_to_a_refusal, .timeout = 60) {
  struct scene scene;
  open_with_site(&scene);
  scene_start_dns(&scene, NULL);
  scene_start_proxy(&scene, NULL);
  assert_refused_without_a_hello(&scene, "broken.test");
  scene_close(&scene);
}

// The resolver has an address for the site, and a fault where its HTTPS record
// should be.
static void assert_fault_leads_to_a_refusal(const char *fault) {
  struct scene scene;
  open_with_site(&scene);
  struct scratch *s = scene.scratch;
  const char *const argv[] = {"/usr/bin/python3",
                              TEST_PEERS_DIR "/bad_resolver.py",
                              scratch_path(s, "resolver.crt"),
                              scratch_path(s, "resolver.key"),
                              fault,
                              NULL};
  struct peer *resolver = peer_start(argv, NULL);
  const char *line = peer_wait_line(resolver, "resolver on ", 20000);
  cr_assert_not_null(line, "%s", peer_output(resolver));
  scene.resolver_port = (uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10);
  scene_start_proxy(&scene, NULL);
  assert_no_fetch(&scene, SCENE_SOCKS5, kSiteName);
  cr_assert_eq(tap_num_connections(scene.tap), 0, "a connection was made");
  // It was this fault, and not that no query came.
  cr_assert_not_null(peer_wait_line(resolver, "asked HTTPS", 5000), "%s",
                     fault);
  scene_close(&scene);
  peer_free(resolver);
}

Test(resolver, that_answers_junk_leads_to_a_refusal, .timeout = 100) {
  static const char *const kFaults[] = {
      "junk", "empty", "cut", "html", "error", "forged", "servfail", "refused"};
  for (size_t i = 0; i < sizeof(kFaults) / sizeof(kFaults[0]); i++) {
    assert_fault_leads_to_a_refusal(kFaults[i]);
  }
}

Test(resolver, that_is_slow_to_answer_leads_to_a_refusal, .timeout = 60) {
  assert_fault_leads_to_a_refusal("silent");
}

Test(resolver, that_never_ends_its_answer_leads_to_a_refusal, .timeout = 60) {
  assert_fault_leads_to_a_refusal("half");
}
