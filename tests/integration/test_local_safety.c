// Who gets what of the proxy's own pages: the data are for who has the token,
// and neither another user nor a web page learns or changes anything.

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "integration/local_bed.h"

static const char *const kData[] = {"/api/status", "/api/visits",
                                    "/api/visits/1", "/api/events", "/metrics"};
static const char *const kPublic[] = {"/", "/setup", "/ca.pem", "/ca.der",
                                      "/proxy.pac"};

enum { kNumData = 5, kNumPublic = 5 };

// A scene with one visit, so that there is something to see.
static void open_visited(struct scene *scene) {
  struct program curl;
  scene_open(scene);
  scene_start_site(scene);
  scene_start_dns(scene, NULL);
  scene_start_by_file(scene, scene_write_config(scene, NULL, ""),
                      ARGS("--workers", "2"));
  scene_run_fetch(&curl, scene, &(struct scene_fetch){0});
  cr_assert_eq(curl.exit_code, 0, "%s", curl.err);
  program_cleanup(&curl);
  cr_assert_not_null(strstr(local_get(scene, "/api/visits"), kSiteName));
}

static void expect_all(struct scene *scene, const char *const paths[],
                       size_t num, const char *const args[], int status) {
  for (size_t i = 0; i < num; i++) {
    int got = local_status(scene, paths[i], args);
    cr_expect_eq(got, status, "%s: %d instead of %d", paths[i], got, status);
  }
}

Test(local_safety, gives_data_for_the_token_only, .timeout = 120) {
  struct scene scene;
  open_visited(&scene);
  const char *bearer = local_bearer(&scene);
  const char *wrong =
      scratch_format(scene.scratch, "%.*sAA", (int)strlen(bearer) - 2, bearer);
  expect_all(&scene, kData, kNumData, NULL, 401);
  expect_all(&scene, kData, kNumData, ARGS("-H", wrong), 401);
  expect_all(&scene, kPublic, kNumPublic, NULL, 200);
  cr_expect_eq(local_status(&scene, "/api/status", ARGS("-H", bearer)), 200);
  cr_expect_eq(local_status(&scene, "/metrics", ARGS("-H", bearer)), 200);
  // In no address: what is in one ends up in logs and histories.
  const char *in_url = scratch_format(scene.scratch, "/api/status?token=%s",
                                      local_token(&scene));
  cr_expect_eq(local_status(&scene, in_url, NULL), 401);
  for (size_t i = 0; i < kNumPublic; i++) {
    struct program curl;
    local_run(&curl, ARGS(local_url(&scene, kPublic[i])));
    cr_expect_null(strstr(curl.out, kSiteName), "%s", kPublic[i]);
    cr_expect_null(strstr(curl.out, local_token(&scene)), "%s", kPublic[i]);
    program_cleanup(&curl);
  }
  scene_close(&scene);
}

// The address of a name of the site's turns to us (DNS rebinding): what a
// browser then sends.
Test(local_safety, answers_for_no_other_host, .timeout = 120) {
  static const char *const kHosts[] = {
      "Host: evil.example", "Host: localhost.evil.example",
      "Host: ech.internal", "Host: 192.0.2.1:8450", "Host;"};
  struct scene scene;
  open_visited(&scene);
  const char *bearer = local_bearer(&scene);
  for (size_t i = 0; i < sizeof(kHosts) / sizeof(kHosts[0]); i++) {
    const char *const *args = ARGS("-H", kHosts[i], "-H", bearer);
    expect_all(&scene, kData, kNumData, args, 421);
    expect_all(&scene, kPublic, kNumPublic, args, 421);
  }
  scene_close(&scene);
}

// What browsers send for a script, an image, a frame, a form, a WebSocket of
// another site, even one that had found the token out.
Test(local_safety, says_nothing_to_other_sites, .timeout = 120) {
  static const char *const kHow[][2] = {
      {"Origin: https://evil.example", "X: x"},
      {"Origin: null", "X: x"},
      {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"},
      {"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"},
      {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: websocket"},
      {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: iframe"},
  };
  struct scene scene;
  open_visited(&scene);
  const char *bearer = local_bearer(&scene);
  for (size_t i = 0; i < sizeof(kHow) / sizeof(kHow[0]); i++) {
    const char *const *args =
        ARGS("-H", kHow[i][0], "-H", kHow[i][1], "-H", bearer);
    expect_all(&scene, kData, kNumData, args, 0);
    expect_all(&scene, kPublic, kNumPublic, args, 0);
  }
  // A link that is followed leads to what is for everybody.
  const char *const *link =
      ARGS("-H", "Sec-Fetch-Site: cross-site", "-H", "Sec-Fetch-Mode: navigate",
           "-H", "Sec-Fetch-Dest: document", "-H", bearer);
  expect_all(&scene, kData, kNumData, link, 401);
  expect_all(&scene, kPublic, kNumPublic, link, 200);
  scene_close(&scene);
}

static const char kRule[] = "{\"site\":\"secret.test\",\"mode\":\"pass\"}";

Test(local_safety, changes_nothing_for_other_sites, .timeout = 120) {
  struct scene scene;
  open_visited(&scene);
  const char *path = scratch_path(scene.scratch, "echproxy.conf");
  const char *before = scratch_read(scene.scratch, path, NULL);
  const char *bearer = local_bearer(&scene);
  const char *const json = "Content-Type: application/json";
  const char *const form = "Content-Type: application/x-www-form-urlencoded";
  const struct {
    const char *const *args;
    int status;
  } kPosts[] = {
      {ARGS("-d", kRule, "-H", json), 401},
      {ARGS("-d", kRule, "-H", json, "-H", "Authorization: Bearer x"), 401},
      {ARGS("-d", kRule, "-H", form, "-H", bearer), 415},
      {ARGS("-d", kRule, "-H", json, "-H", bearer, "-H",
            "Origin: https://evil.example"),
       0},
      {ARGS("-d", kRule, "-H", form, "-H", bearer, "-H",
            "Origin: https://evil.example", "-H", "Sec-Fetch-Site: cross-site",
            "-H", "Sec-Fetch-Mode: navigate", "-H", "Sec-Fetch-Dest: document"),
       403},
      {ARGS("-d", kRule, "-H", json, "-H", bearer, "-H", "Host: evil.example"),
       421},
      {ARGS("-H", bearer), 405},  // no GET changes anything
      {ARGS("-X", "PUT", "-d", kRule, "-H", json, "-H", bearer), 405},
      {ARGS("-X", "OPTIONS", "-H", bearer), 405},
  };
  for (size_t i = 0; i < sizeof(kPosts) / sizeof(kPosts[0]); i++) {
    int status = local_status(&scene, "/api/rules", kPosts[i].args);
    cr_expect_eq(status, kPosts[i].status, "%zu: %d", i, status);
  }
  cr_expect_str_eq(scratch_read(scene.scratch, path, NULL), before);
  scene_close(&scene);
}

// Every answer says that no other site may have it, and none says the contrary.
Test(local_safety, keeps_answers_from_other_sites, .timeout = 120) {
  static const char *const kFields[] = {
      "\r\nContent-Security-Policy: default-src 'none'; ",
      "frame-ancestors 'none'\r\n",
      "\r\nCross-Origin-Opener-Policy: same-origin\r\n",
      "\r\nCross-Origin-Resource-Policy: same-origin\r\n",
      "\r\nReferrer-Policy: no-referrer\r\n",
      "\r\nX-Content-Type-Options: nosniff\r\n",
      "\r\nCache-Control: no-store\r\n",
  };
  static const char *const kPaths[] = {
      "/",        "/setup",      "/ca.pem",     "/ca.der",       "/proxy.pac",
      "/metrics", "/api/status", "/api/visits", "/api/visits/1", "/nowhere"};
  struct scene scene;
  open_visited(&scene);
  for (size_t i = 0; i < sizeof(kPaths) / sizeof(kPaths[0]); i++) {
    const char *text = local_get(&scene, kPaths[i]);
    for (size_t k = 0; k < sizeof(kFields) / sizeof(kFields[0]); k++) {
      cr_expect_not_null(strstr(text, kFields[k]), "%s lacks %s", kPaths[i],
                         kFields[k]);
    }
    cr_expect_null(strstr(text, "Access-Control-"), "%s", kPaths[i]);
    cr_expect_null(strstr(text, "Set-Cookie"), "%s", kPaths[i]);
    cr_expect_null(strstr(text, "unsafe-"), "%s", kPaths[i]);
  }
  scene_close(&scene);
}

// Runs a program as another user, whom the directories let in, so that only the
// file's own mode keeps him out.
static int run_as_nobody(const char *const args[], const char *lacks) {
  const char *argv[kCurlMaxArgs] = {"runuser", "-u", "nobody", "--"};
  struct program program;
  size_t num = 4;
  for (; *args != NULL; args++) {
    argv[num++] = *args;
  }
  program_run(&program, argv, NULL, kCurlMs);
  int exit_code = program.exit_code;
  cr_expect_null(strstr(program.out, lacks), "%s", program.out);
  program_cleanup(&program);
  return exit_code;
}

Test(local_safety, tells_another_user_nothing, .timeout = 120) {
  struct scene scene;
  if (geteuid() != 0) {
    return;  // only root can be another user
  }
  open_visited(&scene);
  const char *file = local_running_file(&scene);
  static const char *const kDirs[] = {".", "state", "state/running"};
  for (size_t i = 0; i < 3; i++) {
    cr_assert_eq(chmod(scratch_path(scene.scratch, kDirs[i]), 0755), 0);
  }
  const char *token = local_token(&scene);
  cr_expect_eq(run_as_nobody(ARGS("ls", file), token), 0);
  cr_expect_neq(run_as_nobody(ARGS("cat", file), token), 0);
  for (size_t i = 0; i < kNumData; i++) {
    int exit_code = run_as_nobody(
        ARGS("curl", "-s", "--noproxy", "", "-f", local_url(&scene, kData[i])),
        kSiteName);
    cr_expect_eq(exit_code, 22, "%s", kData[i]);  // a status of 400 or more
  }
  scene_close(&scene);
}

// Compares an answer with that for a site that is not there.
static void expect_like_nobody(struct scene *scene, const char *url) {
  const char *proxy =
      scratch_format(scene->scratch, "http://%s", local_address(scene));
  const char *ca = scratch_path(scene->scratch, "state/ca.pem");
  struct program ours, nobodys;
  local_run(&nobodys, ARGS("-x", proxy, "http://nowhere.test/"));
  local_run(&ours, ARGS("-x", proxy, "--cacert", ca, url));
  cr_expect_eq(ours.exit_code, nobodys.exit_code, "%s: %d", url,
               ours.exit_code);
  cr_expect_str_eq(ours.out, nobodys.out, "%s: %s instead of %s", url, ours.out,
                   nobodys.out);
  program_cleanup(&ours);
  program_cleanup(&nobodys);
}

static int probe(struct scene *scene, const char *url) {
  const char *ca = scratch_path(scene->scratch, "state/ca.pem");
  struct program curl;
  local_run(&curl,
            ARGS("-x", local_url(scene, ""), "--suppress-connect-headers",
                 "--cacert", ca, "-H", "Sec-Fetch-Site: cross-site", "-H",
                 "Sec-Fetch-Mode: no-cors", url));
  int status = curl.out_len > 0 ? atoi(curl.out + strcspn(curl.out, " ")) : 0;
  program_cleanup(&curl);
  return status;
}

Test(local_safety, lets_only_the_page_find_the_proxy, .timeout = 120) {
  struct scene scene;
  open_visited(&scene);
  const char *key = local_probe_key(&scene);
  struct scratch *s = scene.scratch;
  cr_expect_eq(
      probe(&scene, scratch_format(s, "http://ech.internal/probe?%s", key)),
      204);
  cr_expect_eq(
      probe(&scene, scratch_format(s, "https://ech.internal/probe?%s", key)),
      204);
  expect_like_nobody(&scene, "http://ech.internal/probe");
  expect_like_nobody(&scene, "http://ech.internal/probe?x");
  expect_like_nobody(&scene,
                     scratch_format(s, "http://ech.internal:81/probe?%s", key));
  cr_expect_eq(probe(&scene, "http://ech.internal/"), 502);
  cr_expect_eq(probe(&scene, "https://ech.internal/probe?x"), 0);
  cr_expect_eq(probe(&scene, "https://ech.internal/"), 0);
  scene_close(&scene);
}

Test(local_safety, leaves_no_way_around_the_proxy, .timeout = 120) {
  struct scene scene;
  open_visited(&scene);
  const char *by[][2] = {
      {local_url(&scene, "/proxy.pac"), ""},
      {scratch_format(scene.scratch, "http://localhost:%u/proxy.pac",
                      (unsigned)proxy_process_port(scene.proxy)),
       ""},
      {"http://ech.internal/proxy.pac", local_url(&scene, "")},
      {local_url(&scene, "/proxy.pac"), local_url(&scene, "")},
  };
  for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
    struct program curl;
    local_run(&curl, ARGS("-x", by[i][1], by[i][0]));
    const char *name = i == 1 ? "localhost" : "127.0.0.1";
    const char *line =
        scratch_format(scene.scratch, "return \"PROXY %s:%u\";\n", name,
                       (unsigned)proxy_process_port(scene.proxy));
    cr_expect_not_null(strstr(curl.out, line), "%s", curl.out);
    cr_expect_null(strstr(curl.out, "DIRECT"));
    program_cleanup(&curl);
  }
  scene_close(&scene);
}

// The address with the token is for a person at a terminal: what a service
// writes is kept where others may read it.
Test(local_safety, shows_the_token_on_a_terminal_only, .timeout = 120) {
  struct scratch *s = scratch_new();
  const char *dir = scratch_path(s, "state");
  const char *command =
      scratch_format(s, "exec '%s' run --listen 127.0.0.1:0 --state-dir '%s'",
                     ECHPROXY_BINARY, dir);
  for (int i = 0; i < 2; i++) {
    const char *const *args =
        i == 0 ? ARGS("script", "-qefc", command, "/dev/null")
               : ARGS("sh", "-c", command);
    struct peer *peer = peer_start(args, proxy_process_env(s));
    const char *line = peer_wait_line(peer, "listening on ", kCurlMs);
    cr_assert_not_null(line, "%s", peer_output(peer));
    if (i == 0) {
      line = peer_wait_line(peer, "status page: http://127.0.0.1:", kCurlMs);
      cr_assert_not_null(line, "%s", peer_output(peer));
      cr_assert_eq(strcspn(strchr(line, '#'), "\r\n"), 44);
    }
    peer_signal(peer, SIGTERM);
    peer_wait(peer, kCurlMs);
    cr_assert(i == 0 || strstr(peer_output(peer), "#") == NULL);
    peer_free(peer);
  }
  proxy_process_assert_clean(s);
  scratch_free(s);
}
