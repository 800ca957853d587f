// Keys from `echproxy keygen` serve on other people's servers, and browsers
// reach those by themselves: what `echproxy publish` prints is in unbound, the
// browser asks that over HTTPS, and no proxy is in the way.

#include <criterion/criterion.h>
#include <string.h>

#include "support/bssl_server.h"
#include "support/chromium.h"
#include "support/firefox.h"
#include "support/nss_server.h"
#include "support/scene.h"

enum { kPageMs = 60000, kRunMs = 30000 };

// A server, and what it says and shows of a connection with ECH accepted.
struct server {
  struct peer *(*start)(struct scene *scene, uint16_t *out_port);
  const char *const says[3];
  const char *shows;
};

typedef struct peer *start_browser(struct scratch *scratch,
                                   const char *resolver, const char *ca_path,
                                   const char *url);

static struct peer *start_nss(struct scene *scene, uint16_t *out_port) {
  return nss_server_start_for(scene->scratch, out_port, scene->site_cert,
                              scene->ech, kSiteName);
}

static struct peer *start_bssl(struct scene *scene, uint16_t *out_port) {
  return bssl_server_start(scene->scratch, out_port, "site", scene->ech);
}

// selfserv has no word for ECH. It reads the site's name, which the tap has not
// seen: so it was in the encrypted hello.
static const struct server kNss = {
    start_nss,
    {"Negotiated server name: secret.test"},
    "GET / HTTP/1.1",
};

static const struct server kBssl = {
    start_bssl,
    {"Encrypted ClientHello: yes", "Client sent SNI: secret.test"},
    "Encrypted ClientHello: yes",
};

// publish runs `echproxy publish` for the site behind the tap and returns the
// zone line.
static const char *publish(struct scene *scene) {
  struct program program;
  const char *port = scratch_format(scene->scratch, "%u", tap_port(scene->tap));
  const char *const argv[] = {
      ECHPROXY_BINARY, "publish", scene->ech_path, "--name",   kSiteName,
      "--port",        port,      "--alpn",        "http/1.1", NULL};
  program_run(&program, argv, proxy_process_env(scene->scratch), kRunMs);
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  program.out[strcspn(program.out, "\n")] = '\0';
  const char *line = scratch_format(scene->scratch, "%s", program.out);
  program_cleanup(&program);
  proxy_process_assert_clean(scene->scratch);
  return line;
}

// open_page opens the site in the browser and waits for its document.
static void open_page(struct scene *scene, start_browser *browser,
                      const char *wanted) {
  struct scratch *s = scene->scratch;
  const char *resolver =
      scratch_format(s, "https://127.0.0.1:%u/dns-query", scene->resolver_port);
  const char *url =
      scratch_format(s, "https://%s:%u/", kSiteName, tap_port(scene->tap));
  struct peer *peer = browser(s, resolver, scratch_path(s, "root.crt"), url);
  cr_assert_eq(peer_wait(peer, kPageMs), 0, "%s", peer_output(peer));
  cr_assert_not_null(strstr(peer_output(peer), wanted), "%s",
                     peer_output(peer));
  peer_free(peer);
}

static void assert_reached(const struct server *server,
                           start_browser *browser) {
  struct scene scene;
  uint16_t port;
  scene_open(&scene);
  struct peer *peer = server->start(&scene, &port);
  tap_set_origin(scene.tap, port);
  scene_start_dns(
      &scene,
      (const char *const[]){publish(&scene), "secret.test. A 127.0.0.1", NULL});
  open_page(&scene, browser, server->shows);
  for (size_t i = 0; server->says[i] != NULL; i++) {
    cr_assert_not_null(strstr(peer_output(peer), server->says[i]), "%s",
                       peer_output(peer));
  }
  scene_assert_hidden(&scene);
  peer_free(peer);
  scene_close(&scene);
}

Test(published_keys, on_bssl_tool_are_used_by_chromium, .timeout = 120) {
  assert_reached(&kBssl, chromium_direct_start);
}

Test(published_keys, on_bssl_tool_are_used_by_firefox, .timeout = 120) {
  assert_reached(&kBssl, firefox_direct_start);
}

Test(published_keys, on_selfserv_are_used_by_chromium, .timeout = 120) {
  assert_reached(&kNss, chromium_direct_start);
}

Test(published_keys, on_selfserv_are_used_by_firefox, .timeout = 120) {
  assert_reached(&kNss, firefox_direct_start);
}
