#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/scene.h"

enum { kRunMs = 30000 };

// Runs `echproxy` with `args`, NULL at their end.
static void run(struct program *out, struct scene *scene,
                const char *const args[]) {
  const char *argv[32] = {ECHPROXY_BINARY};
  for (size_t i = 0; args[i] != NULL; i++) {
    cr_assert_lt(i, 30);
    argv[i + 1] = args[i];
  }
  program_run(out, argv, proxy_process_env(scene->scratch), kRunMs);
  proxy_process_assert_clean(scene->scratch);
}

static void run_check(struct program *out, struct scene *scene,
                      const char *target, const char *const more[]) {
  const char *args[32] = {"check", target};
  size_t num = 2;
  for (const char *const *names = scene_names(scene); *names != NULL; names++) {
    args[num++] = *names;
  }
  for (; more != NULL && *more != NULL; more++) {
    args[num++] = *more;
  }
  run(out, scene, args);
}

static const char *target_of(struct scene *scene, const char *host) {
  return scratch_format(scene->scratch, "%s:%u", host, tap_port(scene->tap));
}

static json_t *check_json(struct scene *scene, const char *host,
                          int exit_code) {
  struct program program;
  run_check(&program, scene, target_of(scene, host),
            (const char *const[]){"--json", NULL});
  cr_assert_eq(program.exit_code, exit_code, "%d: %s%s", program.exit_code,
               program.out, program.err);
  json_t *json = json_loads(program.out, 0, NULL);
  cr_assert_not_null(json, "%s", program.out);
  program_cleanup(&program);
  return json;
}

static const char *text_at(const json_t *json, const char *object,
                           const char *name) {
  return json_string_value(
      json_object_get(json_object_get(json, object), name));
}

static bool true_at(const json_t *json, const char *object, const char *name) {
  return json_is_true(json_object_get(json_object_get(json, object), name));
}

// The key is keygen's, the zone line as unbound took it, and the server another
// party's reading of the file: what check finds is all three.
Test(check, says_that_a_site_is_private, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  scene_start_site(&scene);
  scene_start_dns(&scene, NULL);
  json_t *json = check_json(&scene, kSiteName, 0);
  cr_assert_str_eq(json_string_value(json_object_get(json, "verdict")),
                   "private");
  cr_assert_str_eq(text_at(json, "lookup", "status"), "ech");
  cr_assert(true_at(json, "handshake", "ech_accepted"));
  cr_assert(!true_at(json, "handshake", "retried"));
  cr_assert_str_eq(text_at(json, "handshake", "tls"), "TLSv1.3");
  cr_assert_str_eq(text_at(json, "observer", "server_name"), kPublicName);
  cr_assert(!true_at(json, "observer", "name_seen"));
  json_decref(json);
  scene_assert_hidden(&scene);
  scene_close(&scene);
}

Test(check, says_in_words_what_an_observer_saw, .timeout = 60) {
  struct scene scene;
  struct program program;
  scene_open(&scene);
  scene_start_site(&scene);
  scene_start_dns(&scene, NULL);
  run_check(&program, &scene, target_of(&scene, kSiteName), NULL);
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  cr_assert_not_null(strstr(program.out, kPublicName), "%s", program.out);
  program_cleanup(&program);
  scene_close(&scene);
}

Test(check, says_that_a_stale_key_was_healed, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  const char *zone_line = scene.zone_line;
  const char *ech = scene_keygen(&scene, "new.pem", kPublicName);
  scene.zone_line = zone_line;
  scene_start_odd_site(&scene, &(struct scene_origin){.ech = ech});
  scene_start_dns(&scene, NULL);
  json_t *json = check_json(&scene, kSiteName, 0);
  cr_assert(true_at(json, "handshake", "retried"));
  json_decref(json);
  scene_assert_hidden(&scene);
  scene_close(&scene);
}

Test(check, says_that_a_site_without_record_is_not_private, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  test_cert_free(scene_cert(&scene, "clear", "DNS:plain.test"));
  scene_start_odd_site(&scene,
                       &(struct scene_origin){.site = "clear", .ech = ""});
  scene_start_dns(&scene, NULL);
  json_t *json = check_json(&scene, "plain.test", 1);
  cr_assert_str_eq(text_at(json, "lookup", "status"), "no-record");
  cr_assert_str_eq(text_at(json, "observer", "server_name"), "plain.test");
  cr_assert(true_at(json, "observer", "name_seen"));
  json_decref(json);
  cr_assert(tap_contains_text(scene.tap, "plain.test"));
  scene_close(&scene);
}

Test(check, says_that_it_could_not_tell, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  test_cert_free(scene_cert(&scene, "odd", "DNS:other.test"));
  scene_start_odd_site(&scene, &(struct scene_origin){.site = "odd"});
  scene_start_dns(&scene, NULL);
  json_t *json = check_json(&scene, kSiteName, 2);
  cr_assert_str_eq(text_at(json, "handshake", "status"), "bad-certificate");
  json_decref(json);
  scene_assert_hidden(&scene);
  tap_clear(scene.tap);
  json = check_json(&scene, "broken.test", 2);
  cr_assert_str_eq(text_at(json, "lookup", "status"), "failed");
  json_decref(json);
  json = check_json(&scene, "nowhere.test", 2);
  cr_assert_str_eq(text_at(json, "lookup", "status"), "nxdomain");
  json_decref(json);
  cr_assert_eq(tap_num_connections(scene.tap), 0);
  scene_close(&scene);
}

// Runs each command line and asserts its exit code, one line on standard error
// and nothing on standard output.
static void assert_exits(struct scene *scene, int exit_code,
                         const char *const command_lines[][6]) {
  for (size_t i = 0; command_lines[i][0] != NULL; i++) {
    struct program program;
    run(&program, scene, command_lines[i]);
    cr_assert_eq(program.exit_code, exit_code, "%zu: %d: %s", i,
                 program.exit_code, program.err);
    cr_assert_str_empty(program.out);
    cr_assert_not_null(strstr(program.err, "echproxy"), "%s", program.err);
    program_cleanup(&program);
  }
}

Test(command_line, that_is_wrong_exits_with_64, .timeout = 60) {
  static const char *const kWrong[][6] = {
      {"rub", NULL},
      {"run", "--nonsense", NULL},
      {"run", "--listen", NULL},
      {"run", "--listen", "127.0.0.1", NULL},
      {"run", "--listen", "0.0.0.0:8450", NULL},
      {"run", "--mode", "polite", NULL},
      {"run", "--resolver", "ftp://resolver.test", NULL},
      {"run", "surplus", NULL},
      {"check", NULL},
      {"check", "secret.test:0", NULL},
      {"check", "secret.test:65536", NULL},
      {"keygen", NULL},
      {"keygen", "127.0.0.1", NULL},
      {"keygen", "public.test", "--port", "0", NULL},
      {"keygen", "public.test", "--forc", NULL},
      {"inspect", NULL},
      {"inspect", "--js", "x", NULL},
      {NULL},
  };
  struct scene scene;
  scene_open(&scene);
  assert_exits(&scene, 64, kWrong);
  scene_close(&scene);
}

Test(configuration, that_is_wrong_exits_with_78, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  struct scratch *s = scene.scratch;
  const char *unknown =
      scratch_write(s, "unknown.conf", "[proxy]\ncolour = red\n", 22);
  const char *empty = scratch_write(s, "empty.crt", "", 0);
  const char *readable = scratch_dir(s, "readable");
  scratch_write(s, "readable/ca.pem", "x", 1);
  scratch_write(s, "readable/ca-key.pem", "x", 1);
  cr_assert_eq(chmod(scratch_path(s, "readable/ca-key.pem"), 0644), 0);
  const char *missing = scratch_path(s, "missing");
  const char *const kWrong[][6] = {
      {"run", "-c", unknown, NULL},
      {"run", "-c", missing, NULL},
      {"run", "--upstream-ca", missing, "--state-dir", missing, NULL},
      {"run", "--upstream-ca", empty, "--state-dir", missing, NULL},
      {"run", "--state-dir", readable, NULL},
      {NULL},
  };
  assert_exits(&scene, 78, kWrong);
  scene_close(&scene);
}

Test(keygen, writes_a_key_that_only_its_owner_reads, .timeout = 60) {
  struct scene scene;
  struct stat st;
  scene_open(&scene);
  cr_assert_eq(stat(scene.ech_path, &st), 0);
  cr_assert_eq(st.st_mode & 0777, 0600);
  // Nor is a key replaced that is there.
  struct program program;
  run(&program, &scene,
      (const char *const[]){"keygen", kPublicName, "--out", scene.ech_path,
                            NULL});
  cr_assert_neq(program.exit_code, 0);
  program_cleanup(&program);
  scene_close(&scene);
}

Test(keygen, writes_a_key_that_openssl_reads, .timeout = 60) {
  struct scene scene;
  struct program program;
  scene_open(&scene);
  program_run(&program,
              (const char *const[]){"openssl", "pkey", "-in", scene.ech_path,
                                    "-noout", "-text_pub", NULL},
              NULL, kRunMs);
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  cr_assert_not_null(strstr(program.out, "X25519 Public-Key"));
  program_cleanup(&program);
  scene_close(&scene);
}

// The same configuration in the key and in the record that keygen printed.
Test(inspect, reads_what_keygen_writes_and_prints, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  const char *const kWhats[] = {scene.ech_path, scene.zone_line};
  for (size_t i = 0; i < 2; i++) {
    struct program program;
    run(&program, &scene,
        (const char *const[]){"inspect", kWhats[i], "--json", NULL});
    cr_assert_eq(program.exit_code, 0, "%s", program.err);
    json_t *json = json_loads(program.out, 0, NULL);
    const json_t *entry =
        json_array_get(json_object_get(json, "configurations"), 0);
    cr_assert(json_is_true(json_object_get(entry, "used")));
    cr_assert_str_eq(json_string_value(json_object_get(entry, "public_name")),
                     kPublicName);
    json_decref(json);
    program_cleanup(&program);
  }
  scene_close(&scene);
}

// Whether the kernel would never write a core file of `pid`.
static bool leaves_no_core(pid_t pid) {
  char path[64];
  char line[256];
  bool found = false;
  snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
  FILE *file = fopen(path, "r");
  cr_assert_not_null(file);
  while (!found && fgets(line, sizeof(line), file) != NULL) {
    int hard = -1;
    found = sscanf(line, "Max core file size %*s %d", &hard) == 1 && hard == 0;
  }
  fclose(file);
  return found;
}

// The configuration file holds passwords and names keys. Here it is a pipe, so
// that the program has come to it and gets no further.
Test(command_line, of_any_kind_leaves_no_core_file, .timeout = 60) {
  static const char *const kCommands[] = {"run", "check"};
  struct scene scene;
  scene_open(&scene);
  const char *config = scratch_path(scene.scratch, "config");
  cr_assert_eq(mkfifo(config, 0600), 0);
  for (size_t i = 0; i < 2; i++) {
    struct peer *peer =
        peer_start((const char *const[]){ECHPROXY_BINARY, kCommands[i], "-c",
                                         config, NULL},
                   NULL);
    int fd = open(config, O_WRONLY);
    cr_expect(leaves_no_core(peer_pid(peer)), "%s", kCommands[i]);
    peer_free(peer);
    close(fd);
  }
  scene_close(&scene);
}
