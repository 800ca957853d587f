#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/scene.h"
#include "support/upstream_server.h"

TestSuite(upstream, .timeout = 120);

static const char kUser[] = "alice";
static const char kPassword[] = "pass-word_7";

// A name that does not exist in any DNS but the scene's, for the resolver. With
// the address 0.0.0.0, which is this machine and not loopback by its number, so
// that the resolver is reached through the upstream proxy, as others are.
static const char kResolverName[] = "resolver.test";

// Starts the proxy with a configuration file that says `upstream_proxy`.
static void start_proxy(struct scene *scene, const char *upstream_proxy,
                        bool resolver_through_it) {
  struct scratch *s = scene->scratch;
  const char *text =
      scratch_format(s, "[proxy]\nupstream-proxy = %s\n", upstream_proxy);
  const char *args[] = {
      "-c",
      scratch_write(s, "upstream.conf", text, strlen(text)),
      "--resolver",
      scratch_format(s, "https://%s:%u/dns-query",
                     resolver_through_it ? kResolverName : "127.0.0.1",
                     unbound_port(scene->dns)),
      "--resolver-ca",
      scratch_path(s, "root.crt"),
      "--upstream-ca",
      scratch_path(s, "root.crt"),
      "--state-dir",
      scratch_path(s, "state"),
      resolver_through_it ? "--bootstrap" : NULL,
      "0.0.0.0",
      NULL,
  };
  scene->proxy = proxy_process_start(s, ECHPROXY_BINARY, args);
}

static void open_scene(struct scene *scene) {
  scene_open(scene);
  test_cert_free(
      scene_cert(scene, "resolver", "DNS:resolver.test,IP:127.0.0.1"));
  scene_start_site(scene);
  scene_start_dns(scene, NULL);
}

static void assert_fetched(struct scene *scene, const struct scene_fetch *f) {
  struct program program;
  scene_run_fetch(&program, scene, f);
  cr_assert_eq(program.exit_code, 0, "%s\n%s", program.err,
               peer_output(proxy_process_peer(scene->proxy)));
  cr_assert_not_null(strstr(program.out, "hello from the site"), "%s",
                     program.out);
  program_cleanup(&program);
}

static size_t count(const char *text, const char *wanted) {
  size_t num = 0;
  while ((text = strstr(text, wanted)) != NULL) {
    num++;
    text++;
  }
  return num;
}

static void assert_log_names_addresses_only(struct upstream_server *server) {
  const char *log = upstream_server_log(server);
  cr_assert_not_null(strstr(log, "127.0.0.1"), "%s", log);
  cr_assert_eq(count(log, ".test"), 0, "%s", log);
}

// The site and the resolver are reached through `program` with a password, and
// it learns addresses and the public name alone.
static void fetch_through(enum upstream_program program) {
  struct scene scene;
  open_scene(&scene);
  struct upstream_server *server =
      upstream_server_start(scene.scratch, program, kUser, kPassword);
  // One letter is percent-encoded, as any may be.
  start_proxy(&scene, upstream_server_url(server, "%61lice:pass-word_7"), true);
  assert_fetched(&scene, &(struct scene_fetch){.way = SCENE_CONNECT});
  assert_fetched(&scene, &(struct scene_fetch){.way = SCENE_SOCKS5});
  scene_assert_hidden(&scene);
  // The resolver's connection and two of the site's, and nothing beside them.
  struct tap *tap = upstream_server_tap(server);
  cr_assert_eq(tap_num_connections(tap), 3);
  cr_assert_eq(tap_num_connections(scene.tap), 2);
  tap_assert_hidden(tap, kSiteName, kPublicName, scene.site_der,
                    scene.site_der_len);
  assert_log_names_addresses_only(server);
  struct proxy_status status = proxy_process_wait_idle(scene.proxy, 5000);
  cr_assert_eq(status.hidden, 2UL);
  cr_assert_null(
      strstr(peer_output(proxy_process_peer(scene.proxy)), kPassword));
  scene_close(&scene);
  upstream_server_stop(server);
}

Test(upstream, microsocks_carries_a_private_fetch_and_learns_no_name) {
  fetch_through(MICROSOCKS);
}

Test(upstream, tinyproxy_carries_a_private_fetch_and_learns_no_name) {
  fetch_through(TINYPROXY);
}

// A site without ECH: its name is in the browser's own hello, but the upstream
// proxy is asked for the address all the same.
static void pass_through(enum upstream_program program) {
  struct scene scene;
  scene_open(&scene);
  test_cert_free(scene_cert(&scene, "plain", "DNS:plain.test"));
  const char *const args[] = {"--site",
                              scratch_path(scene.scratch, "plain.crt"),
                              scratch_path(scene.scratch, "plain.key"),
                              "--backend",
                              scene_start_backend(&scene),
                              NULL};
  scene_start_origin(&scene, args);
  scene_start_dns(&scene, NULL);
  struct upstream_server *server =
      upstream_server_start(scene.scratch, program, NULL, NULL);
  start_proxy(&scene, upstream_server_url(server, NULL), false);
  assert_fetched(&scene, &(struct scene_fetch){.way = SCENE_CONNECT,
                                               .host = "plain.test",
                                               .trust_root_only = true});
  // The resolver is on loopback: no way for an upstream proxy.
  cr_assert_eq(tap_num_connections(upstream_server_tap(server)), 1);
  cr_assert(tap_contains_text(upstream_server_tap(server), "plain.test"));
  assert_log_names_addresses_only(server);
  scene_close(&scene);
  upstream_server_stop(server);
}

Test(upstream, is_asked_for_the_address_of_a_site_that_is_passed_through) {
  pass_through(MICROSOCKS);
  pass_through(TINYPROXY);
}

static void assert_refused(struct scene *scene, const char *why) {
  struct program program;
  scene_run_fetch(&program, scene,
                  &(struct scene_fetch){.way = SCENE_CONNECT,
                                        .args = (const char *const[]){
                                            "--dump-header", "-", NULL}});
  cr_assert_null(strstr(program.out, "hello from the site"));
  cr_assert_not_null(strstr(program.out, why), "%s\n%s", program.out,
                     peer_output(proxy_process_peer(scene->proxy)));
  program_cleanup(&program);
  cr_assert_eq(tap_num_connections(scene->tap), 0);
}

static void refuse_password(enum upstream_program program,
                            const char *userinfo) {
  struct scene scene;
  open_scene(&scene);
  struct upstream_server *server =
      upstream_server_start(scene.scratch, program, kUser, kPassword);
  start_proxy(&scene, upstream_server_url(server, userinfo), false);
  assert_refused(&scene, "asks for a user name and password, or for other");
  scene_close(&scene);
  upstream_server_stop(server);
}

Test(upstream, says_that_a_password_is_missing_or_wrong) {
  refuse_password(MICROSOCKS, NULL);
  refuse_password(MICROSOCKS, "alice:wrong");
  refuse_password(TINYPROXY, NULL);
  refuse_password(TINYPROXY, "alice:wrong");
}

Test(upstream, never_goes_around_one_that_is_down) {
  struct scene scene;
  open_scene(&scene);
  struct upstream_server *server =
      upstream_server_start(scene.scratch, MICROSOCKS, NULL, NULL);
  const char *url = upstream_server_url(server, NULL);
  upstream_server_stop(server);
  start_proxy(&scene, url, false);
  assert_refused(&scene, "the upstream proxy could not be reached");
  scene_close(&scene);
}

Test(upstream, that_is_down_is_named_when_the_resolver_is_behind_it) {
  struct scene scene;
  open_scene(&scene);
  struct upstream_server *server =
      upstream_server_start(scene.scratch, TINYPROXY, NULL, NULL);
  const char *url = upstream_server_url(server, NULL);
  upstream_server_stop(server);
  start_proxy(&scene, url, true);
  struct program program;
  scene_run_fetch(&program, &scene,
                  &(struct scene_fetch){.way = SCENE_CONNECT});
  cr_assert_eq(program.exit_code, 56, "%s", program.err);  // CONNECT failed
  program_cleanup(&program);
  struct peer *peer = proxy_process_peer(scene.proxy);
  cr_assert_not_null(
      peer_wait_line(
          peer, "the upstream proxy made no connection to the DNS resolver",
          10000),
      "%s", peer_output(peer));
  scene_close(&scene);
}

// `check` goes the same way.
Test(upstream, is_used_by_check) {
  struct scene scene;
  open_scene(&scene);
  struct upstream_server *server =
      upstream_server_start(scene.scratch, MICROSOCKS, NULL, NULL);
  const char *argv[16] = {ECHPROXY_BINARY, "check"};
  argv[2] =
      scratch_format(scene.scratch, "%s:%u", kSiteName, tap_port(scene.tap));
  argv[3] = "--upstream-proxy";
  argv[4] = upstream_server_url(server, NULL);
  const char *const *names = scene_names(&scene);
  for (size_t i = 0; names[i] != NULL; i++) {
    argv[5 + i] = names[i];
  }
  struct program program;
  program_run(&program, argv, proxy_process_env(scene.scratch), 20000);
  cr_assert_eq(program.exit_code, 0, "%s%s", program.out, program.err);
  program_cleanup(&program);
  cr_assert_eq(tap_num_connections(upstream_server_tap(server)), 1);
  tap_assert_hidden(upstream_server_tap(server), kSiteName, kPublicName,
                    scene.site_der, scene.site_der_len);
  assert_log_names_addresses_only(server);
  proxy_process_assert_clean(scene.scratch);
  scene_close(&scene);
  upstream_server_stop(server);
}

#define FOR_THE_SITE "[site \"secret.test\"]\nupstream-proxy = "

// Only the site that a rule says goes through it, and another rule beats the
// upstream proxy of all.
Test(upstream, is_used_for_the_sites_that_a_rule_says) {
  for (size_t i = 0; i < 2; i++) {
    struct scene scene;
    open_scene(&scene);
    struct upstream_server *server =
        upstream_server_start(scene.scratch, MICROSOCKS, NULL, NULL);
    const char *url = upstream_server_url(server, NULL);
    const char *text =
        i == 0
            ? scratch_format(scene.scratch, FOR_THE_SITE "%s\n", url)
            : scratch_format(
                  scene.scratch,
                  "[proxy]\nupstream-proxy = %s\n" FOR_THE_SITE "none\n", url);
    scene_start_proxy(
        &scene,
        (const char *const[]){
            "-c", scratch_write(scene.scratch, "a.conf", text, strlen(text)),
            NULL});
    assert_fetched(&scene, &(struct scene_fetch){.way = SCENE_CONNECT});
    scene_assert_hidden(&scene);
    cr_assert_eq(tap_num_connections(upstream_server_tap(server)),
                 i == 0 ? 1 : 0);
    scene_close(&scene);
    upstream_server_stop(server);
  }
}
