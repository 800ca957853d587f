#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "support/bulk.h"
#include "support/chromium.h"
#include "support/scene.h"

enum { kReportMs = 150000, kNumParts = 50 };

static const char *text_at(const json_t *json, const char *name) {
  const char *text = json_string_value(json_object_get(json, name));
  return text == NULL ? "" : text;
}

// The page of site.py loads 50 parts, then runs its script and posts what came
// of it.
static json_t *load_report_page(struct scene *scene) {
  struct scratch *s = scene->scratch;
  struct peer *browser = chromium_start(
      s, proxy_process_port(scene->proxy), scratch_path(s, "state/ca.pem"),
      scratch_format(s, "https://%s:%u/page", kSiteName, tap_port(scene->tap)));
  const char *line = peer_wait_line(scene->backend, "report ", kReportMs);
  cr_assert_not_null(line, "chromium: %s\nechproxy: %s", peer_output(browser),
                     peer_output(proxy_process_peer(scene->proxy)));
  json_t *report = json_loads(strchr(line, '{'), 0, NULL);
  cr_assert_not_null(report);
  peer_free(browser);
  return report;
}

static void assert_parts(const json_t *report, const char *protocol) {
  const json_t *parts = json_object_get(report, "parts");
  cr_assert_eq(json_integer_value(json_object_get(parts, "loaded")), kNumParts);
  const json_t *protocols = json_object_get(parts, "protocols");
  cr_assert_eq(json_array_size(protocols), 1);
  cr_assert_str_eq(json_string_value(json_array_get(protocols, 0)), protocol);
}

static void assert_report(const json_t *report, const char *protocol) {
  char hash[65];
  uint8_t *bulk = bulk_new();
  bulk_hash(hash, bulk, kBulkSize);
  free(bulk);
  const json_t *errors = json_object_get(report, "errors");
  cr_assert_eq(json_array_size(errors), 0, "%s",
               json_string_value(json_array_get(errors, 0)));
  assert_parts(report, protocol);
  cr_assert_str_eq(text_at(report, "page"), protocol);
  cr_assert_str_eq(text_at(report, "echo"), "what comes back");
  cr_assert_str_eq(text_at(report, "expected"), hash);
  cr_assert_str_eq(text_at(report, "upload"), hash);
  cr_assert_str_eq(text_at(report, "download"), hash);
}

static void assert_browser_is_hidden(struct scene *scene,
                                     const char *protocol) {
  scene_start_dns(scene, NULL);
  scene_start_proxy(scene, NULL);
  json_t *report = load_report_page(scene);
  assert_report(report, protocol);
  json_decref(report);
  cr_assert_gt(tap_num_bytes(scene->tap), (size_t)2 * kBulkSize);
  scene_assert_hidden(scene);
  struct proxy_status status = proxy_process_wait_idle(scene->proxy, 10000);
  cr_assert_gt(status.hidden, 0UL);
  scene_close(scene);
}

Test(chromium, loads_a_page_over_h2_with_the_name_hidden, .timeout = 200) {
  struct scene scene;
  scene_open(&scene);
  scene_start_site(&scene);
  assert_browser_is_hidden(&scene, "h2");
}

Test(chromium, loads_a_page_over_h1_with_the_name_hidden, .timeout = 200) {
  struct scene scene;
  scene_open(&scene);
  scene_start_odd_site(&scene, &(struct scene_origin){.only_h1 = true});
  assert_browser_is_hidden(&scene, "http/1.1");
}
