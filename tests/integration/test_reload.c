// SIGHUP: another configuration for what comes, while what is open goes on.

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/loopback.h"
#include "support/scene.h"
#include "support/tunnel_client.h"

enum { kEcho = 1000, kAnswerMs = 20000 };

static const char *const kFourWorkers[] = {"--workers", "4", NULL};
static const char kPass[] = "[site \"secret.test\"]\nmode = pass\n";

// Makes the proxy read its configuration again and returns the line that says
// how it went, which has `text` in it.
static const char *reload(struct scene *scene, const char *text) {
  struct peer *proxy = proxy_process_peer(scene->proxy);
  peer_signal(proxy, SIGHUP);
  const char *line = peer_wait_line(proxy, text, kAnswerMs);
  cr_assert_not_null(line, "%s", peer_output(proxy));
  return line;
}

static void apply(struct scene *scene, const char *more) {
  scene_write_config(scene, NULL, more);
  reload(scene, "the configuration was read again and is in force");
}

static void start_echo(struct scene *scene, const char *more) {
  scene_open(scene);
  scene_start_echo(scene);
  scene_start_dns(scene, NULL);
  scene_start_by_file(scene, scene_write_config(scene, NULL, more),
                      kFourWorkers);
}

// Whom a client trusts tells what the proxy does: the local CA, that it
// intercepts, the root, that it passes through.
struct clients {
  SSL_CTX *of_proxy;
  SSL_CTX *of_site;
};

static struct clients clients_new(struct scene *scene) {
  struct scratch *s = scene->scratch;
  return (struct clients){
      tunnel_client_context(scratch_path(s, "state/ca.pem")),
      tunnel_client_context(scratch_path(s, "root.crt"))};
}

static void clients_free(struct clients *clients) {
  SSL_CTX_free(clients->of_proxy);
  SSL_CTX_free(clients->of_site);
}

static int ask(struct scene *scene) {
  int fd = tunnel_client_connect(proxy_process_port(scene->proxy), kSiteName,
                                 tap_port(scene->tap));
  cr_assert_geq(fd, 0);
  return fd;
}

static SSL *connect_as(struct scene *scene, SSL_CTX *ctx) {
  SSL *ssl = tunnel_client_tls(ctx, ask(scene), kSiteName);
  cr_assert_not_null(ssl, "%s", peer_output(proxy_process_peer(scene->proxy)));
  cr_assert(tunnel_client_echoes(ssl, kEcho));
  return ssl;
}

// The kernel spreads connections: one for each worker, as good as surely.
static void expect_many(struct scene *scene, SSL_CTX *ctx) {
  for (int i = 0; i < 16; i++) {
    tunnel_client_close(connect_as(scene, ctx));
  }
}

Test(reload, is_for_what_comes_and_not_for_what_is_open, .timeout = 100) {
  struct scene scene;
  start_echo(&scene, "");
  struct clients clients = clients_new(&scene);
  SSL *open = connect_as(&scene, clients.of_proxy);
  expect_many(&scene, clients.of_proxy);
  scene_assert_hidden(&scene);
  apply(&scene, kPass);
  cr_assert(tunnel_client_echoes(open, kEcho));
  expect_many(&scene, clients.of_site);
  cr_assert(tap_contains_text(scene.tap, kSiteName));
  tap_clear(scene.tap);
  apply(&scene, "");
  expect_many(&scene, clients.of_proxy);
  cr_assert(tunnel_client_echoes(open, kEcho));
  tunnel_client_close(open);
  cr_assert_not(tap_contains_text(scene.tap, kSiteName));
  struct proxy_status status = proxy_process_wait_idle(scene.proxy, 12000);
  cr_assert_eq(status.hidden, 33UL);
  cr_assert_eq(status.passed, 16UL);
  clients_free(&clients);
  scene_close(&scene);
}

// The rule's client certificate is needed when the rule is long gone.
Test(reload, leaves_a_tunnel_that_has_begun_its_rule, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  struct test_cert *people =
      test_cert_new(&(struct test_cert_spec){.is_ca = true});
  struct test_cert *me =
      test_cert_new(&(struct test_cert_spec){.issuer = people});
  scratch_cert(scene.scratch, "people", people);
  scratch_cert(scene.scratch, "me", me);
  scene_start_odd_site(&scene, &(struct scene_origin){.client_ca = "people"});
  scene_start_dns(&scene, NULL);
  scene_start_by_file(
      &scene,
      scene_write_config(&scene, NULL,
                         "[site \"secret.test\"]\nclient-cert = me.crt\n"
                         "client-key = me.key\n"),
      kFourWorkers);
  struct clients clients = clients_new(&scene);
  int begun = ask(&scene);
  apply(&scene, "");
  apply(&scene, "[proxy]\nmode = strict\n");
  SSL *ssl = tunnel_client_tls(clients.of_proxy, begun, kSiteName);
  cr_assert_not_null(ssl);
  tunnel_client_close(ssl);
  cr_assert_not_null(peer_wait_line(proxy_process_peer(scene.proxy),
                                    "hidden step=relay", kAnswerMs));
  ssl = tunnel_client_tls(clients.of_proxy, ask(&scene), kSiteName);
  cr_assert_not_null(ssl, "the page that says why");
  tunnel_client_close(ssl);
  cr_assert_not_null(peer_wait_line(proxy_process_peer(scene.proxy),
                                    "client certificate", kAnswerMs),
                     "%s", peer_output(proxy_process_peer(scene.proxy)));
  scene_assert_hidden(&scene);
  clients_free(&clients);
  test_cert_free(me);
  test_cert_free(people);
  scene_close(&scene);
}

static size_t count_of(const char *text, const char *word) {
  size_t num = 0;
  for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
    num++;
  }
  return num;
}

Test(reload, says_in_one_line_what_is_wrong_and_changes_nothing,
     .timeout = 60) {
  static const struct {
    const char *file;
    const char *line;
  } kBad[] = {
      {"[site \"secret.test\"]\nmoed = strict\n",
       "echproxy.conf:7: [site] has no key 'moed'; did you mean 'mode'?; the "
       "configuration from before stays in force"},
      {"[proxy]\nupstream-proxy = http://me:secret@x\n", "echproxy.conf:7: up"},
      {"[proxy]\nupstream-proxy = http://nowhere.invalid:1\n",
       "upstream proxy nowhere.invalid: "},
      {"[proxy]\nstate-dir\n", "echproxy.conf:7: neither a [section] nor"},
  };
  struct scene scene;
  start_echo(&scene, kPass);
  struct clients clients = clients_new(&scene);
  struct peer *proxy = proxy_process_peer(scene.proxy);
  for (size_t i = 0; i < sizeof(kBad) / sizeof(kBad[0]); i++) {
    scene_write_config(&scene, NULL, kBad[i].file);
    const char *line = reload(&scene, "stays in force");
    cr_expect_not_null(strstr(line, kBad[i].line), "%s", line);
  }
  scene_write_config(&scene, "[proxy]\nupstream-ca = missing.pem\n", "");
  reload(&scene, "missing.pem");
  expect_many(&scene, clients.of_site);
  cr_assert_eq(count_of(peer_output(proxy), "error: "),
               sizeof(kBad) / sizeof(kBad[0]) + 1);
  cr_assert_null(strstr(peer_output(proxy), "secret@"));
  apply(&scene, "");
  expect_many(&scene, clients.of_proxy);
  clients_free(&clients);
  scene_close(&scene);
}

// Everything is in the file.
static struct peer *start_by_file_alone(struct scene *scene,
                                        const char *config) {
  const char *const argv[] = {ECHPROXY_BINARY, "-c", config, NULL};
  struct peer *proxy = peer_start(argv, proxy_process_env(scene->scratch));
  cr_assert_not_null(peer_wait_line(proxy, "listening on", kAnswerMs), "%s",
                     peer_output(proxy));
  return proxy;
}

Test(reload, says_what_stays_until_the_next_start, .timeout = 60) {
  static const struct {
    const char *change;
    const char *line;
  } kFixed[] = {
      {"listen = 127.0.0.1:0\nworkers = 2\nstate-dir = other\n",
       "is started again: state-dir"},
      {"listen = [::1]:0\nworkers = 3\nstate-dir = other\n",
       "changed, but not in force before echproxy is started again: listen "
       "workers state-dir"},
  };
  struct scene scene;
  scene_open(&scene);
  scene.resolver_port = 9;  // not asked for anything
  const char *config = scene_write_config(
      &scene, NULL,
      "[proxy]\nlisten = 127.0.0.1:0\nworkers = 2\nstate-dir = state\n");
  struct peer *proxy = start_by_file_alone(&scene, config);
  for (size_t i = 0; i < sizeof(kFixed) / sizeof(kFixed[0]); i++) {
    scene_write_config(
        &scene, NULL,
        scratch_format(scene.scratch, "[proxy]\n%s", kFixed[i].change));
    peer_signal(proxy, SIGHUP);
    const char *line = peer_wait_line(proxy, "changed, but", kAnswerMs);
    cr_assert_not_null(line, "%s", peer_output(proxy));
    cr_expect_not_null(strstr(line, kFixed[i].line), "%s", line);
    cr_assert_not_null(peer_wait_line(proxy, "is in force", kAnswerMs));
  }
  peer_signal(proxy, SIGTERM);
  cr_assert_eq(peer_wait(proxy, kAnswerMs), 0);
  peer_free(proxy);
  proxy_process_assert_clean(scene.scratch);
  scene_close(&scene);
}

Test(reload, changes_what_is_logged_at_once, .timeout = 60) {
  struct scene scene;
  start_echo(&scene, "[proxy]\nverbose = yes\n");
  struct clients clients = clients_new(&scene);
  struct peer *proxy = proxy_process_peer(scene.proxy);
  tunnel_client_close(connect_as(&scene, clients.of_proxy));
  cr_assert_not_null(peer_wait_line(proxy, "hidden secret.test", kAnswerMs));
  SSL *open = connect_as(&scene, clients.of_proxy);
  // The command line beats the file, as at the start.
  apply(&scene, "[proxy]\nlisten = 127.0.0.1:9\nworkers = 2\n");
  tunnel_client_close(open);
  cr_assert_not_null(peer_wait_line(proxy, "hidden step=relay", kAnswerMs));
  cr_assert_null(strstr(peer_output(proxy), "changed, but"));
  clients_free(&clients);
  scene_close(&scene);
}

// What resolver B knows: the site's address alone, and a name of its own.
static const char *const kOthers[] = {"secret.test. A 127.0.0.1",
                                      "second.test. A 127.0.0.1", NULL};

static bool is_found(struct scene *scene, const char *host) {
  int fd = tunnel_client_connect(proxy_process_port(scene->proxy), host,
                                 scene->origin_port);
  bool found = fd >= 0;
  if (found) {
    loopback_reset(fd);
  }
  return found;
}

Test(reload, asks_another_resolver_and_exposes_no_name_that_had_ech,
     .timeout = 100) {
  struct scene scene;
  start_echo(&scene, "");
  struct clients clients = clients_new(&scene);
  expect_many(&scene, clients.of_proxy);
  cr_assert(is_found(&scene, "plain.test"));
  cr_assert_not(is_found(&scene, "second.test"));
  unbound_stop(scene.dns);
  scene_start_dns(&scene, kOthers);
  apply(&scene, "");
  expect_many(&scene, clients.of_proxy);
  scene_assert_hidden(&scene);
  for (int i = 0; i < 16; i++) {
    cr_expect(is_found(&scene, "second.test"), "it was remembered");
    cr_expect_not(is_found(&scene, "plain.test"), "it was remembered");
  }
  clients_free(&clients);
  scene_close(&scene);
}

Test(reload, lets_lookups_that_are_under_way_end, .timeout = 60) {
  struct scene scene;
  char answer[13] = "";
  scene_open(&scene);
  scene_start_echo(&scene);
  int silent = loopback_bind();
  cr_assert_eq(listen(silent, 10), 0);
  scene.resolver_port = loopback_port(silent);
  scene_start_by_file(&scene, scene_write_config(&scene, NULL, ""),
                      kFourWorkers);
  struct clients clients = clients_new(&scene);
  const char *request =
      "CONNECT secret.test:443 HTTP/1.1\r\nHost: secret.test\r\n\r\n";
  int waiting = loopback_connect(proxy_process_port(scene.proxy));
  cr_assert(loopback_send(waiting, request, strlen(request)));
  int asked = accept(silent, NULL, NULL);  // the lookup is under way
  cr_assert_geq(asked, 0);
  scene_start_dns(&scene, NULL);
  apply(&scene, "");
  expect_many(&scene, clients.of_proxy);
  close(asked);
  close(silent);
  cr_assert(loopback_recv(waiting, answer, sizeof(answer) - 1));
  cr_assert_str_eq(answer, "HTTP/1.1 502");
  close(waiting);
  scene_assert_hidden(&scene);
  clients_free(&clients);
  scene_close(&scene);
}

Test(reload, verifies_anew_by_other_roots, .timeout = 60) {
  struct scene scene;
  start_echo(&scene, "");
  struct clients clients = clients_new(&scene);
  SSL *open = connect_as(&scene, clients.of_proxy);
  test_cert_free(scene_cert(&scene, "stranger", "DNS:stranger.test"));
  scene_write_config(
      &scene,
      scratch_format(scene.scratch,
                     "[proxy]\nupstream-ca = stranger.crt\n"
                     "[resolver]\nresolver-ca = root.crt\n"
                     "resolver = https://127.0.0.1:%u/dns-query\n",
                     scene.resolver_port),
      "");
  reload(&scene, "is in force");
  cr_assert(tunnel_client_echoes(open, kEcho));
  SSL *page = tunnel_client_tls(clients.of_proxy, ask(&scene), kSiteName);
  cr_assert_not_null(page);
  tunnel_client_close(page);
  tunnel_client_close(open);
  struct proxy_status status = proxy_process_wait_idle(scene.proxy, 12000);
  cr_assert_eq(status.hidden, 1UL);
  cr_assert_eq(status.refused, 1UL);
  clients_free(&clients);
  scene_close(&scene);
}

// One reload after the other is under way when the proxy is stopped.
Test(reload, may_be_under_way_at_the_end, .timeout = 60) {
  struct scene scene;
  start_echo(&scene, "");
  for (int i = 0; i < 20; i++) {
    peer_signal(proxy_process_peer(scene.proxy), SIGHUP);
  }
  peer_signal(proxy_process_peer(scene.proxy), SIGTERM);
  scene_close(&scene);
}
