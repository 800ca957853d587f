// local_bed is what the tests of the proxy's own pages share: curl at the
// proxy, with its token or without.

#ifndef ECHPROXY_TESTS_INTEGRATION_LOCAL_BED_H
#define ECHPROXY_TESTS_INTEGRATION_LOCAL_BED_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "support/scene.h"

enum { kCurlMs = 30000, kCurlEmptyReply = 52, kCurlMaxArgs = 32 };

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

// local_address is "127.0.0.1:PORT".
static inline const char *local_address(struct scene *scene) {
  return scratch_format(scene->scratch, "127.0.0.1:%u",
                        (unsigned)proxy_process_port(scene->proxy));
}

static inline const char *local_running_file(struct scene *scene) {
  return scratch_path(
      scene->scratch,
      scratch_format(scene->scratch, "state/running/%s", local_address(scene)));
}

static inline const char *local_token(struct scene *scene) {
  const char *text =
      scratch_read(scene->scratch, local_running_file(scene), NULL);
  cr_assert_not_null(text);
  return scratch_format(scene->scratch, "%.*s", (int)strcspn(text, "\n"), text);
}

static inline const char *local_bearer(struct scene *scene) {
  return scratch_format(scene->scratch, "Authorization: Bearer %s",
                        local_token(scene));
}

// local_run runs curl with `args` (NULL at its end), which name the URL.
static inline void local_run(struct program *out, const char *const args[]) {
  const char *argv[kCurlMaxArgs] = {
      "curl", "--silent", "--include", "--noproxy", "", "--max-time", "20"};
  size_t num = 7;
  for (; *args != NULL; args++) {
    cr_assert_lt(num, (size_t)kCurlMaxArgs - 1);
    argv[num++] = *args;
  }
  program_run(out, argv, NULL, kCurlMs);
}

// local_url is the URL of `path` at the proxy's own address.
static inline const char *local_url(struct scene *scene, const char *path) {
  return scratch_format(scene->scratch, "http://%s%s", local_address(scene),
                        path);
}

// local_status returns the HTTP status of what curl gets with `args` from
// `path`, 0 for an empty reply.
static inline int local_status(struct scene *scene, const char *path,
                               const char *const args[]) {
  const char *argv[kCurlMaxArgs] = {local_url(scene, path)};
  struct program curl;
  size_t num = 1;
  for (; args != NULL && *args != NULL; args++) {
    argv[num++] = *args;
  }
  local_run(&curl, argv);
  int status =
      curl.exit_code == 0 ? atoi(curl.out + strcspn(curl.out, " ")) : 0;
  cr_assert(
      status != 0 || (curl.exit_code == kCurlEmptyReply && curl.out_len == 0),
      "%s: curl ended with %d: %s", path, curl.exit_code, curl.out);
  program_cleanup(&curl);
  return status;
}

// local_body returns what curl gets with the token from `path`, its head too.
static inline const char *local_get(struct scene *scene, const char *path) {
  struct program curl;
  local_run(&curl, ARGS("-H", local_bearer(scene), local_url(scene, path)));
  cr_assert_eq(curl.exit_code, 0, "%s", curl.err);
  const char *text = scratch_format(scene->scratch, "%s", curl.out);
  program_cleanup(&curl);
  return text;
}

// local_probe_key returns the key of /api/status.
static inline const char *local_probe_key(struct scene *scene) {
  const char *status = local_get(scene, "/api/status");
  const char *key = strstr(status, "\"probe_key\":\"");
  cr_assert_not_null(key, "%s", status);
  return scratch_format(scene->scratch, "%.32s", key + 13);
}

#endif
