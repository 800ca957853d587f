#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support/scene.h"

static void assert_counts_with_leaves(struct scene *scene, unsigned long passed,
                                      unsigned long refused,
                                      unsigned long minted) {
  struct proxy_status status = proxy_process_wait_idle(scene->proxy, 5000);
  cr_assert_eq(status.passed, passed, "passed %lu", status.passed);
  cr_assert_eq(status.refused, refused, "refused %lu", status.refused);
  cr_assert_eq(status.hidden, 0UL);
  cr_assert_eq(status.minted, minted, "minted %lu", status.minted);
}

static void assert_counts(struct scene *scene, unsigned long passed,
                          unsigned long refused) {
  assert_counts_with_leaves(scene, passed, refused, 0);
}

// A site whose certificate is for `host`, which the proxy knows only by its
// address.
static void open_clear_site(struct scene *scene, const char *host) {
  scene_open(scene);
  test_cert_free(scene_cert(scene, "clear",
                            scratch_format(scene->scratch, "DNS:%s", host)));
  scene_start_odd_site(scene,
                       &(struct scene_origin){.site = "clear", .ech = ""});
  scene_start_dns(scene, NULL);
}

Test(pass_through, gives_a_site_without_record_its_own_certificate,
     .timeout = 60) {
  struct scene scene;
  open_clear_site(&scene, "plain.test");
  scene_start_proxy(&scene, NULL);
  static const enum scene_way kWays[] = {SCENE_CONNECT, SCENE_SOCKS5};
  for (size_t i = 0; i < 2; i++) {
    struct program program;
    scene_run_fetch(
        &program, &scene,
        &(struct scene_fetch){
            .way = kWays[i], .host = "plain.test", .trust_root_only = true});
    cr_assert_eq(program.exit_code, 0, "%s", program.err);
    cr_assert_str_eq(program.out, "hello from the site\n");
    program_cleanup(&program);
  }
  cr_assert(tap_contains_text(scene.tap, "plain.test"));
  assert_counts(&scene, 2, 0);
  scene_close(&scene);
}

Test(pass_through, of_a_site_without_record_is_refused_when_strict,
     .timeout = 60) {
  struct scene scene;
  open_clear_site(&scene, "plain.test");
  scene_start_proxy(&scene, (const char *const[]){"--mode", "strict", NULL});
  struct program program;
  scene_run_fetch(&program, &scene,
                  &(struct scene_fetch){.host = "plain.test"});
  cr_assert_eq(program.exit_code, 56, "%s", program.err);
  cr_assert_not_null(strstr(program.err, "403"), "%s", program.err);
  program_cleanup(&program);
  cr_assert_eq(tap_num_connections(scene.tap), 0);
  assert_counts(&scene, 0, 1);
  scene_close(&scene);
}

Test(pass_through, says_that_a_name_does_not_exist, .timeout = 60) {
  struct scene scene;
  open_clear_site(&scene, "plain.test");
  scene_start_proxy(&scene, NULL);
  struct program program;
  scene_run_fetch(&program, &scene,
                  &(struct scene_fetch){.host = "nowhere.test"});
  cr_assert_eq(program.exit_code, 56, "%s", program.err);
  cr_assert_not_null(strstr(program.err, "502"), "%s", program.err);
  program_cleanup(&program);
  cr_assert_eq(tap_num_connections(scene.tap), 0);
  assert_counts(&scene, 0, 1);
  scene_close(&scene);
}

// A hello for another name than the tunnel's is none of ours to answer.
Test(pass_through, leaves_a_hello_for_another_name_alone, .timeout = 60) {
  struct scene scene;
  open_clear_site(&scene, "other.test");
  scene_start_proxy(&scene, NULL);
  struct program program;
  const char *to =
      scratch_format(scene.scratch, "other.test:%u:%s:%u", tap_port(scene.tap),
                     kSiteName, tap_port(scene.tap));
  scene_run_fetch(&program, &scene,
                  &(struct scene_fetch){
                      .host = "other.test",
                      .trust_root_only = true,
                      .args = (const char *const[]){"--connect-to", to, NULL}});
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  cr_assert_str_eq(program.out, "hello from the site\n");
  program_cleanup(&program);
  cr_assert(tap_contains_text(scene.tap, "other.test"));
  cr_assert(!tap_contains_text(scene.tap, kSiteName));
  assert_counts(&scene, 1, 0);
  scene_close(&scene);
}

Test(pass_through, leaves_bytes_that_are_not_tls_alone, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  tap_set_origin(scene.tap,
                 (uint16_t)strtoul(scene_start_backend(&scene), NULL, 10));
  scene_start_dns(&scene, NULL);
  scene_start_proxy(&scene, NULL);
  struct program program;
  scene_run_fetch(&program, &scene,
                  &(struct scene_fetch){
                      .scheme = "http",
                      .args = (const char *const[]){"--proxytunnel", NULL}});
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  cr_assert_str_eq(program.out, "hello from the site\n");
  program_cleanup(&program);
  assert_counts(&scene, 1, 0);
  scene_close(&scene);
}

// RFC 9849, section 6.1.6: the server, authenticated for the public name, says
// that it has no ECH.
Test(pass_through, follows_a_server_that_has_switched_ech_off, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  scene_start_odd_site(&scene, &(struct scene_origin){.ech = ""});
  scene_start_dns(&scene, NULL);
  scene_start_proxy(&scene, NULL);
  struct program program;
  scene_run_fetch(&program, &scene,
                  &(struct scene_fetch){.trust_root_only = true});
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  cr_assert_str_eq(program.out, "hello from the site\n");
  program_cleanup(&program);
  cr_assert(tap_contains_text(scene.tap, kPublicName));
  cr_assert(tap_contains_text(scene.tap, kSiteName));
  // A leaf is made while the server's answer is awaited, here for nothing.
  assert_counts_with_leaves(&scene, 1, 0, 1);
  scene_close(&scene);
}

// A configuration whose public name is the site's own hides nothing, so there
// is nothing to decrypt for.
Test(pass_through, of_a_site_that_is_its_own_public_name, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  const char *ech = scene_keygen(&scene, "own.pem", "Secret.test");
  scene_start_odd_site(&scene,
                       &(struct scene_origin){.public = "site", .ech = ech});
  scene_start_dns(&scene, NULL);
  scene_start_proxy(&scene, NULL);
  struct program program;
  scene_run_fetch(&program, &scene,
                  &(struct scene_fetch){.trust_root_only = true});
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  cr_assert_str_eq(program.out, "hello from the site\n");
  program_cleanup(&program);
  assert_counts(&scene, 1, 0);
  scene_close(&scene);
}

// The log says what an observer saw, which is not the name of the tunnel when
// the hello is for another.
Test(pass_through, logs_the_name_that_was_in_the_clear, .timeout = 60) {
  struct scene scene;
  struct program program;
  open_clear_site(&scene, "plain.test");
  scene_start_proxy(&scene, (const char *const[]){"-v", NULL});
  const char *connect_to =
      scratch_format(scene.scratch, "plain.test:%u:%s:%u", tap_port(scene.tap),
                     kSiteName, tap_port(scene.tap));
  scene_run_fetch(&program, &scene,
                  &(struct scene_fetch){.host = "plain.test",
                                        .trust_root_only = true,
                                        .args = (const char *const[]){
                                            "--connect-to", connect_to, NULL}});
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  program_cleanup(&program);
  const char *line =
      peer_wait_line(proxy_process_peer(scene.proxy), "passed through", 5000);
  cr_assert_not_null(line);
  cr_assert_not_null(strstr(line, "seen=plain.test"), "%s", line);
  scene_close(&scene);
}
