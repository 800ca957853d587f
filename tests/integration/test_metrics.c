// The proxy's metrics, as a Prometheus has them that is set up as the
// documentation says.

#include <poll.h>

#include "integration/local_bed.h"

enum { kStartMs = 30000, kQueries = 300, kPauseMs = 100 };

static void start(struct scene *scene) {
  scene_open(scene);
  scene_start_site(scene);
  scene_start_dns(scene, NULL);
  scene_start_proxy(scene, NULL);
}

// fetch_site visits the hidden site once, and returns when the proxy is idle.
static void fetch_site(struct scene *scene) {
  struct program curl;
  scene_run_fetch(&curl, scene, &(struct scene_fetch){0});
  cr_assert_eq(curl.exit_code, 0, "%s", curl.err);
  program_cleanup(&curl);
  proxy_process_wait_idle(scene->proxy, kCurlMs);
}

Test(metrics, are_what_promtool_wants) {
  struct scene scene;
  struct program promtool;
  start(&scene);
  fetch_site(&scene);
  const char *answer = local_get(&scene, "/metrics");
  cr_expect(strstr(answer,
                   "\r\nContent-Type: text/plain; version=0.0.4; "
                   "charset=utf-8\r\n") != NULL);
  const char *body = strstr(answer, "\r\n\r\n") + 4;
  const char *path =
      scratch_write(scene.scratch, "metrics", body, strlen(body));
  program_run(&promtool,
              ARGS("sh", "-c", "promtool check metrics <\"$1\"", "sh", path),
              NULL, kCurlMs);
  cr_expect_eq(promtool.exit_code, 0);
  cr_expect_str_eq(promtool.err, "");
  cr_expect_eq(strstr(body, kSiteName), NULL);
  program_cleanup(&promtool);
  scene_close(&scene);
}

// documented_config writes the configuration of docs/STATUS.md, which stands
// there indented, with this proxy's address and file.
static const char *documented_config(struct scene *scene) {
  struct program sed;
  const char *file =
      scratch_format(scene->scratch, "s#\\(credentials_file: \\).*#\\1%s#",
                     local_running_file(scene));
  const char *target = scratch_format(
      scene->scratch, "s#\\(targets: \\).*#\\1[\"%s\"]#", local_address(scene));
  program_run(&sed,
              ARGS("sed", "-n", "-e", file, "-e", target, "-e",
                   "/^    scrape_configs:/,/^[^ ]/s/^    //p", STATUS_DOC),
              NULL, kCurlMs);
  cr_assert_eq(sed.exit_code, 0, "%s", sed.err);
  const char *config = scratch_format(
      scene->scratch, "global: {scrape_interval: 1s}\n%s", sed.out);
  program_cleanup(&sed);
  return scratch_write(scene->scratch, "prometheus.yml", config,
                       strlen(config));
}

// start_prometheus returns it when it listens, at `out_url`.
static struct peer *start_prometheus(struct scene *scene,
                                     const char **out_url) {
  const char *config = scratch_format(scene->scratch, "--config.file=%s",
                                      documented_config(scene));
  const char *data = scratch_format(scene->scratch, "--storage.tsdb.path=%s",
                                    scratch_dir(scene->scratch, "prometheus"));
  struct peer *peer = peer_start(
      ARGS("prometheus", config, data, "--web.listen-address=127.0.0.1:0"),
      NULL);
  const char *line = peer_wait_line(peer, "\"Listening on\"", kStartMs);
  cr_assert_not_null(line, "%s", peer_output(peer));
  const char *address = strstr(line, "address=") + strlen("address=");
  *out_url =
      scratch_format(scene->scratch, "http://%s/api/v1/query?query=", address);
  return peer;
}

// knows asks Prometheus, which scrapes once a second, until `query` has the
// value `wanted`.
static bool knows(struct scene *scene, const char *url, const char *query,
                  const char *wanted) {
  const char *value = scratch_format(scene->scratch, ",\"%s\"]", wanted);
  bool found = false;
  for (int i = 0; i < kQueries && !found; i++) {
    struct program curl;
    local_run(&curl, ARGS("--retry", "3", "--globoff",
                          scratch_format(scene->scratch, "%s%s", url, query)));
    found = curl.exit_code == 0 && strstr(curl.out, value) != NULL;
    program_cleanup(&curl);
    poll(NULL, 0, kPauseMs);
  }
  return found;
}

Test(metrics, come_to_a_prometheus_set_up_as_documented, .timeout = 120) {
  struct scene scene;
  const char *url;
  start(&scene);
  fetch_site(&scene);
  struct peer *prometheus = start_prometheus(&scene, &url);
  cr_expect(knows(&scene, url, "up", "1"), "%s", peer_output(prometheus));
  cr_expect(
      knows(&scene, url, "echproxy_tunnels_total{verdict=%22hidden%22}", "1"));
  cr_expect(knows(&scene, url, "echproxy_handshake_seconds_count", "1"));
  peer_free(prometheus);
  scene_close(&scene);
}
