// A proxy that asks for a name and a password, as programs meet it.

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/chromium.h"
#include "support/firefox.h"
#include "support/scene.h"

enum { kAnswerMs = 20000, kBrowserMs = 150000 };

static const char kUsers[] = "# of the house\nalice:correct horse:1\n";

static const char *page_url(struct scene *scene) {
  return scratch_format(scene->scratch, "https://%s:%u/", kSiteName,
                        tap_port(scene->tap));
}

static void write_users(struct scene *scene, const char *text) {
  scratch_write(scene->scratch, "users.txt", text, strlen(text));
}

static void start(struct scene *scene, const char *const args[]) {
  scene_open(scene);
  scene_start_site(scene);
  scene_start_dns(scene, NULL);
  write_users(scene, kUsers);
  scene_start_by_file(
      scene, scene_write_config(scene, NULL, "[proxy]\nusers = users.txt\n"),
      args);
}

// Fetches the site as `user`, NULL for nobody, and returns curl's exit code.
static int fetch_as(struct scene *scene, enum scene_way way, const char *user,
                    const char *option) {
  struct program curl;
  const char *const args[] = {"--proxy-user", user, option, NULL};
  scene_run_fetch(
      &curl, scene,
      &(struct scene_fetch){.way = way, .args = user != NULL ? args : NULL});
  int code = curl.exit_code;
  program_cleanup(&curl);
  return code;
}

static void expect_users(struct scene *scene, const char *good,
                         const char *bad) {
  enum { kNoTunnel = 56, kNoSocks = 97 };
  cr_expect_eq(fetch_as(scene, SCENE_CONNECT, good, NULL), 0);
  cr_expect_eq(fetch_as(scene, SCENE_CONNECT, good, "--proxy-anyauth"), 0);
  cr_expect_eq(fetch_as(scene, SCENE_SOCKS5, good, NULL), 0);
  cr_expect_eq(fetch_as(scene, SCENE_CONNECT, bad, NULL), kNoTunnel);
  cr_expect_eq(fetch_as(scene, SCENE_SOCKS5, bad, NULL), kNoSocks);
  cr_expect_eq(fetch_as(scene, SCENE_CONNECT, NULL, NULL), kNoTunnel);
  cr_expect_eq(fetch_as(scene, SCENE_SOCKS5, NULL, NULL), kNoSocks);
}

static void reload(struct scene *scene, const char *says) {
  struct peer *proxy = proxy_process_peer(scene->proxy);
  peer_signal(proxy, SIGHUP);
  cr_assert_not_null(peer_wait_line(proxy, says, kAnswerMs), "%s",
                     peer_output(proxy));
}

Test(users, are_let_in_and_nobody_else, .timeout = 120) {
  static const char *const kArgs[] = {"-v", "--workers", "2", NULL};
  struct scene scene;
  start(&scene, kArgs);
  expect_users(&scene, "alice:correct horse:1", "alice:correct horse");
  scene_assert_hidden(&scene);
  const char *log = peer_output(proxy_process_peer(scene.proxy));
  cr_expect_not_null(
      strstr(log, "warning: a client at 127.0.0.1 gave a wrong name"), "%s",
      log);
  cr_expect(strstr(log, "alice") == NULL && strstr(log, "correct") == NULL,
            "%s", log);
  scene_close(&scene);
}

Test(users, are_read_again_on_sighup, .timeout = 120) {
  struct scene scene;
  start(&scene, (const char *const[]){NULL});
  write_users(&scene, "alice:another\n");
  reload(&scene, "is in force");
  expect_users(&scene, "alice:another", "alice:correct horse:1");
  chmod(scratch_path(scene.scratch, "users.txt"), 0644);
  reload(&scene, "users.txt holds what is secret and has mode 0644");
  cr_expect_eq(fetch_as(&scene, SCENE_CONNECT, "alice:another", NULL), 0);
  scene_close(&scene);
}

// What listens for other machines must not open itself to all of them.
Test(users, cannot_be_taken_away_where_other_machines_reach, .timeout = 120) {
  static const char *const kArgs[] = {"--listen", "0.0.0.0:0", NULL};
  struct scene scene;
  start(&scene, kArgs);
  cr_expect_eq(fetch_as(&scene, SCENE_CONNECT, "alice:correct horse:1", NULL),
               0);
  scene_write_config(&scene, NULL, "");
  reload(&scene, "it needs users = FILE");
  cr_expect_eq(fetch_as(&scene, SCENE_CONNECT, NULL, NULL), 56);
  scene_close(&scene);
}

Test(users, cannot_be_taken_away_with_the_address, .timeout = 120) {
  static const char kOpen[] =
      "[proxy]\nlisten = 0.0.0.0:0\nusers = users.txt\n";
  struct scene scene;
  scene_open(&scene);
  scene_start_site(&scene);
  scene_start_dns(&scene, NULL);
  write_users(&scene, kUsers);
  const char *config = scene_write_config(&scene, NULL, kOpen);
  struct peer *proxy = peer_start(
      (const char *const[]){scene.proxy_binary, "run", "-c", config,
                            "--state-dir", scratch_path(scene.scratch, "state"),
                            NULL},
      proxy_process_env(scene.scratch));
  cr_assert_not_null(peer_wait_line(proxy, "listening on 0.0.0.0:", kAnswerMs));
  scene_write_config(&scene, NULL, "[proxy]\nlisten = 127.0.0.1:8450\n");
  peer_signal(proxy, SIGHUP);
  cr_assert_not_null(peer_wait_line(proxy, "users is not set", kAnswerMs), "%s",
                     peer_output(proxy));
  peer_signal(proxy, SIGTERM);
  cr_assert_eq(peer_wait(proxy, kAnswerMs), 0);
  peer_free(proxy);
  proxy_process_assert_clean(scene.scratch);
  scene_close(&scene);
}

// Writes an address that is this machine's own and none of loopback. Whoever
// connects to it does so from it. False when there is none.
static bool find_own_address(char out[INET_ADDRSTRLEN]) {
  struct ifaddrs *list, *each;
  bool found = false;
  cr_assert_eq(getifaddrs(&list), 0);
  for (each = list; each != NULL && !found; each = each->ifa_next) {
    struct sockaddr_in in;
    if (each->ifa_addr != NULL && each->ifa_addr->sa_family == AF_INET) {
      memcpy(&in, each->ifa_addr, sizeof in);
      found = ntohl(in.sin_addr.s_addr) >> 24 != 127;
      inet_ntop(AF_INET, &in.sin_addr, out, INET_ADDRSTRLEN);
    }
  }
  freeifaddrs(list);
  return found;
}

// Fetches `host` through the proxy at `address`. What curl says of it is the
// HTTP status of the answer, and that of the answer to CONNECT.
static void expect_fetch(struct scene *scene, const char *proxy_scheme,
                         const char *address, const struct scene_fetch *fetch,
                         const char *expected) {
  struct program curl;
  struct scene_fetch as_alice = *fetch;
  const char *proxy = scratch_format(scene->scratch, "%s://%s:%u", proxy_scheme,
                                     address, proxy_process_port(scene->proxy));
  as_alice.args = (const char *const[]){"--proxy",
                                        proxy,
                                        "--proxy-user",
                                        "alice:correct horse:1",
                                        "--write-out",
                                        "%{http_code} %{http_connect}\n",
                                        "--output",
                                        "/dev/null",
                                        NULL};
  scene_run_fetch(&curl, scene, &as_alice);
  cr_expect_str_eq(curl.out, expected, "%s %s %s: %s", proxy,
                   fetch->scheme != NULL ? fetch->scheme : "https",
                   fetch->host != NULL ? fetch->host : kSiteName, curl.err);
  program_cleanup(&curl);
}

// Both by its address and by a name in DNS that has it.
Test(users, do_not_reach_loopback_from_another_machine, .timeout = 120) {
  static const char *const kArgs[] = {"--listen", "0.0.0.0:0", NULL};
  char own[INET_ADDRSTRLEN];
  struct scene scene;
  if (!find_own_address(own)) {
    cr_skip_test("this machine has no address but loopback's");
  }
  start(&scene, kArgs);
  const uint16_t port = scene.resolver_port;
  static const char *const kHosts[] = {"127.0.0.1", "localhost", "0.0.0.0",
                                       "[::ffff:127.0.0.1]", kSiteName};
  for (size_t i = 0; i < 5; i++) {
    const struct scene_fetch over_tls = {.host = kHosts[i]};
    const struct scene_fetch plain = {
        .host = kHosts[i], .port = port, .scheme = "http"};
    expect_fetch(&scene, "http", own, &over_tls, "000 403\n");
    expect_fetch(&scene, "socks5h", own, &over_tls, "000 000\n");
    if (kHosts[i] != kSiteName) {
      expect_fetch(&scene, "http", own, &plain, "403 000\n");
    }
  }
  expect_fetch(&scene, "http", "127.0.0.1", &(struct scene_fetch){0},
               "200 200\n");
  scene_assert_hidden(&scene);
  scene_close(&scene);
}

static void expect_page(struct scene *scene, struct peer *browser) {
  cr_assert_eq(peer_wait(browser, kBrowserMs), 0, "%s\n%s",
               peer_output(browser),
               peer_output(proxy_process_peer(scene->proxy)));
  cr_expect_not_null(strstr(peer_output(browser), "hello from the site"), "%s",
                     peer_output(browser));
}

// Both learn from a 407 that they need a name and a password.
Test(users, are_asked_by_chromium, .timeout = 200) {
  struct scene scene;
  start(&scene, (const char *const[]){NULL});
  struct peer *browser = chromium_print_with_login_start(
      scene.scratch, proxy_process_port(scene.proxy),
      scratch_path(scene.scratch, "state/ca.pem"), page_url(&scene), "alice",
      "correct horse:1");
  expect_page(&scene, browser);
  cr_expect_not_null(strstr(peer_output(browser), "asked 1\n"), "%s",
                     peer_output(browser));
  peer_free(browser);
  scene_assert_hidden(&scene);
  scene_close(&scene);
}

Test(users, are_known_to_firefox, .timeout = 200) {
  struct scene scene;
  start(&scene, (const char *const[]){NULL});
  struct peer *browser = firefox_print_with_login_start(
      scene.scratch, proxy_process_port(scene.proxy),
      scratch_path(scene.scratch, "state/ca.pem"), page_url(&scene),
      "alice:correct horse:1");
  expect_page(&scene, browser);
  peer_free(browser);
  scene_assert_hidden(&scene);
  scene_close(&scene);
}
