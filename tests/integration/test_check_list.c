// `echproxy check` with several hosts, on a terminal and not.

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "support/scene.h"

enum { kRunMs = 30000, kMaxArgs = 32 };

// The site with ECH, one without, and a name whose lookup fails.
static void open_sites(struct scene *scene) {
  scene_open(scene);
  test_cert_free(scene_cert(scene, "both", "DNS:secret.test,DNS:plain.test"));
  scene_start_odd_site(scene, &(struct scene_origin){.site = "both"});
  scene_start_dns(scene, NULL);
}

static const char *at_tap(struct scene *scene, const char *host) {
  return scratch_format(scene->scratch, "%s:%u", host, tap_port(scene->tap));
}

// The command line for `targets` and `more`, NULL at their ends.
static void fill(const char *argv[kMaxArgs], struct scene *scene,
                 const char *const targets[], const char *const more[]) {
  const char *const *const lists[] = {targets, scene_names(scene), more};
  size_t num = 0;
  argv[num++] = ECHPROXY_BINARY;
  argv[num++] = "check";
  for (size_t i = 0; i < 3; i++) {
    for (const char *const *word = lists[i]; word != NULL && *word != NULL;
         word++) {
      cr_assert_lt(num, kMaxArgs - 1);
      argv[num++] = *word;
    }
  }
  argv[num] = NULL;
}

static void run(struct program *out, struct scene *scene,
                const char *const targets[], const char *const more[]) {
  const char *argv[kMaxArgs];
  fill(argv, scene, targets, more);
  program_run(out, argv, proxy_process_env(scene->scratch), kRunMs);
  proxy_process_assert_clean(scene->scratch);
}

// The lines stand in the order given, though the last is done first: it needs
// no handshake.
Test(check_list, has_a_line_for_each_host_in_order, .timeout = 60) {
  struct scene scene;
  struct program program;
  open_sites(&scene);
  const char *const targets[] = {at_tap(&scene, "secret.test"),
                                 at_tap(&scene, "plain.test"), "nowhere.test",
                                 NULL};
  run(&program, &scene, targets, NULL);
  cr_expect_eq(program.exit_code, 2);
  char *line = strtok(program.out, "\n");
  cr_expect(strstr(line, "private      secret.test:"), "%s", line);
  cr_expect(strstr(line, "an observer saw public.test"), "%s", line);
  line = strtok(NULL, "\n");
  cr_expect(strstr(line, "not private  plain.test:"), "%s", line);
  line = strtok(NULL, "\n");
  cr_expect(strstr(line, "unknown      nowhere.test "), "%s", line);
  line = strtok(NULL, "\n");
  cr_expect_str_eq(line, "3 hosts: 1 private, 1 not private, 1 unknown");
  cr_expect_null(strtok(NULL, "\n"));
  cr_expect_str_empty(program.err, "%s", program.err);
  program_cleanup(&program);
  scene_close(&scene);
}

Test(check_list, exits_with_the_worst_of_all, .timeout = 60) {
  struct scene scene;
  struct program program;
  open_sites(&scene);
  const char *secret = at_tap(&scene, "secret.test");
  const char *plain = at_tap(&scene, "plain.test");
  const struct {
    const char *targets[4];
    int exit_code;
  } cases[] = {
      {{secret, secret, NULL}, 0},
      {{plain, secret, NULL}, 1},
      {{"nowhere.test", plain, secret, NULL}, 2},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    run(&program, &scene, cases[i].targets, NULL);
    cr_expect_eq(program.exit_code, cases[i].exit_code, "%zu: %s", i,
                 program.out);
    program_cleanup(&program);
  }
  scene_close(&scene);
}

static const char *verdict_at(const json_t *array, size_t i) {
  return json_string_value(
      json_object_get(json_array_get(array, i), "verdict"));
}

Test(check_list, is_an_array_in_json, .timeout = 60) {
  struct scene scene;
  struct program program;
  open_sites(&scene);
  const char *const targets[] = {"nowhere.test", at_tap(&scene, "secret.test"),
                                 NULL};
  run(&program, &scene, targets, (const char *const[]){"--json", NULL});
  cr_expect_eq(program.exit_code, 2);
  json_t *json = json_loads(program.out, 0, NULL);
  cr_assert_eq(json_array_size(json), 2, "%s", program.out);
  cr_expect_str_eq(verdict_at(json, 0), "unknown");
  cr_expect_str_eq(verdict_at(json, 1), "private");
  json_decref(json);
  program_cleanup(&program);
  scene_close(&scene);
}

// More than are checked at a time.
Test(check_list, is_read_from_standard_input, .timeout = 60) {
  enum { kHosts = 20 };
  struct scene scene;
  struct program program;
  const char *argv[kMaxArgs];
  char text[kHosts * 32] = "# nobody\n";
  open_sites(&scene);
  for (int i = 0; i < kHosts; i++) {
    snprintf(text + strlen(text), 32, "nowhere%02d.test\n", i);
  }
  const char *list = scratch_write(scene.scratch, "list", text, strlen(text));
  fill(argv, &scene, (const char *const[]){"-", NULL},
       (const char *const[]){"--json", NULL});
  const char *shell[kMaxArgs + 5] = {"sh", "-c", "exec \"$@\" <\"$0\"", list};
  memcpy(shell + 4, argv, sizeof(argv));
  program_run(&program, shell, proxy_process_env(scene.scratch), kRunMs);
  proxy_process_assert_clean(scene.scratch);
  cr_expect_eq(program.exit_code, 2, "%s", program.err);
  json_t *json = json_loads(program.out, 0, NULL);
  cr_assert_eq(json_array_size(json), kHosts, "%s", program.out);
  for (size_t i = 0; i < kHosts; i++) {
    cr_expect_str_eq(
        json_string_value(json_object_get(json_array_get(json, i), "host")),
        scratch_format(scene.scratch, "nowhere%02zu.test", i));
  }
  json_decref(json);
  program_cleanup(&program);
  scene_close(&scene);
}

Test(check_list, that_is_wrong_is_not_begun, .timeout = 60) {
  static const struct {
    const char *shell;
    const char *said;
  } kWrong[] = {
      {"printf 'secret.test\\nhttps://plain.test/\\n' | \"$0\" check -",
       "line 2: https://plain.test/: give HOST"},
      {"echo '# none' | \"$0\" check -", "names no host"},
  };
  struct scene scene;
  struct program program;
  scene_open(&scene);
  for (size_t i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); i++) {
    const char *const argv[] = {"sh", "-c", kWrong[i].shell, ECHPROXY_BINARY,
                                NULL};
    program_run(&program, argv, proxy_process_env(scene.scratch), kRunMs);
    cr_expect_eq(program.exit_code, 65);
    cr_expect_str_empty(program.out);
    cr_expect(strstr(program.err, kWrong[i].said), "%s", program.err);
    program_cleanup(&program);
  }
  scene_close(&scene);
}

static struct peer *check_in_terminal(struct scene *scene, const char *no_color,
                                      const char *const targets[]) {
  const char *argv[kMaxArgs];
  const char *env[8] = {"TERM=xterm", no_color};
  const char *const *more = proxy_process_env(scene->scratch);
  for (size_t i = 2; *more != NULL; i++) {
    cr_assert_lt(i, 7);
    env[i] = *more++;
  }
  fill(argv, scene, targets, NULL);
  return peer_start_in_terminal(argv, env, 80, 24);
}

Test(check_list, has_colour_and_progress_on_a_terminal, .timeout = 60) {
  struct scene scene;
  open_sites(&scene);
  const char *const targets[] = {at_tap(&scene, "secret.test"),
                                 at_tap(&scene, "plain.test"), "nowhere.test",
                                 NULL};
  struct peer *peer = check_in_terminal(&scene, "NO_COLOR=", targets);
  cr_expect(peer_wait_text(peer, "checked 0 of 3 ...", kRunMs));
  cr_expect(peer_wait_text(peer, "\r\x1b[K\x1b[32mprivate    \x1b[0m  secret",
                           kRunMs));
  cr_expect(
      peer_wait_text(peer, "\x1b[33mnot private\x1b[0m  plain.test", kRunMs));
  cr_expect(
      peer_wait_text(peer, "\x1b[31munknown    \x1b[0m  nowhere", kRunMs));
  cr_expect(peer_wait_text(peer, "\x1b[31m1 unknown\x1b[0m\r\n", kRunMs));
  cr_expect_eq(peer_wait(peer, kRunMs), 2);
  peer_free(peer);

  peer = check_in_terminal(&scene, "NO_COLOR=1", targets);
  cr_expect_eq(peer_wait(peer, kRunMs), 2);
  cr_expect(strstr(peer_output(peer), "private      secret.test"));
  cr_expect_null(strstr(peer_output(peer), "\x1b[3"));
  peer_free(peer);

  peer = check_in_terminal(
      &scene, "NO_COLOR=", (const char *const[]){targets[0], NULL});
  cr_expect(peer_wait_text(peer, "checking secret.test ...\r\x1b[K", kRunMs));
  cr_expect(peer_wait_text(peer, "\x1b[32mPRIVATE\x1b[0m: ", kRunMs));
  cr_expect_eq(peer_wait(peer, kRunMs), 0);
  peer_free(peer);
  scene_close(&scene);
}
