#include <criterion/criterion.h>
#include <stdlib.h>

#include "support/bulk.h"
#include "support/scene.h"

static void assert_upload(struct scene *scene, enum scene_way way,
                          const char *version, const char *bulk_path,
                          const char *expected) {
  struct program program;
  const char *const args[] = {version,
                              "-H",
                              "Expect:",
                              "--data-binary",
                              scratch_format(scene->scratch, "@%s", bulk_path),
                              NULL};
  scene_run_fetch(
      &program, scene,
      &(struct scene_fetch){.way = way, .path = "/hash", .args = args});
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  cr_assert_str_eq(program.out, expected);
  program_cleanup(&program);
}

static void assert_download(struct scene *scene, enum scene_way way,
                            const char *version, const char *expected) {
  struct program program;
  char hash[65];
  scene_run_fetch(
      &program, scene,
      &(struct scene_fetch){
          .way = way,
          .path = scratch_format(scene->scratch, "/bulk?%d", kBulkSize),
          .args = (const char *const[]){version, NULL}});
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  cr_assert_str_eq(bulk_hash(hash, program.out, program.out_len), expected);
  program_cleanup(&program);
}

// 64 MiB up and down in one way, with the tap in between.
static void assert_bulk(enum scene_way way, const char *version) {
  struct scene scene;
  char expected[65];
  uint8_t *bulk = bulk_new();
  scene_open(&scene);
  const char *path = scratch_write(scene.scratch, "bulk", bulk, kBulkSize);
  bulk_hash(expected, bulk, kBulkSize);
  free(bulk);
  scene_start(&scene);
  assert_upload(&scene, way, version, path, expected);
  assert_download(&scene, way, version, expected);
  cr_assert_gt(tap_num_bytes(scene.tap), (size_t)2 * kBulkSize);
  scene_assert_hidden(&scene);
  cr_assert_eq(proxy_process_wait_idle(scene.proxy, 5000).hidden, 2UL);
  scene_close(&scene);
}

Test(bulk, goes_both_ways_over_h1_and_connect, .timeout = 120) {
  assert_bulk(SCENE_CONNECT, "--http1.1");
}

Test(bulk, goes_both_ways_over_h2_and_connect, .timeout = 120) {
  assert_bulk(SCENE_CONNECT, "--http2");
}

Test(bulk, goes_both_ways_over_h2_and_socks, .timeout = 120) {
  assert_bulk(SCENE_SOCKS5, "--http2");
}
