// What `echproxy publish` prints, read by the programs that it is for.

#include <criterion/criterion.h>
#include <jansson.h>
#include <openssl/base64.h>
#include <openssl/mem.h>
#include <stdio.h>
#include <string.h>

#include "keys/ech_key.h"
#include "keys/ech_key_file.h"
#include "keys/ech_key_output.h"
#include "support/knot.h"
#include "support/scene.h"

enum { kRunMs = 30000 };

static const char kOwner[] = "_8443._https.secret.test";

// run_publish runs `echproxy publish` with `args`, NULL at their end.
static void run_publish(struct program *out, struct scene *scene,
                        const char *const args[]) {
  const char *argv[16] = {ECHPROXY_BINARY, "publish"};
  for (size_t i = 0; args[i] != NULL; i++) {
    cr_assert_lt(i, 13);
    argv[i + 2] = args[i];
  }
  program_run(out, argv, proxy_process_env(scene->scratch), kRunMs);
  proxy_process_assert_clean(scene->scratch);
}

// publish returns what is printed for the site on port 8443.
static const char *publish(struct scene *scene, const char *ech_path,
                           const char *format) {
  struct program program;
  run_publish(&program, scene,
              (const char *const[]){ech_path, "--name", kSiteName, "--port",
                                    "8443", "--format", format, NULL});
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  cr_assert_str_empty(program.err);
  size_t len = strlen(program.out);
  cr_assert(len > 0 && program.out[len - 1] == '\n');
  const char *text = scratch_format(scene->scratch, "%s", program.out);
  program_cleanup(&program);
  return text;
}

static const char *publish_line(struct scene *scene, const char *format) {
  const char *text = publish(scene, scene->ech_path, format);
  return scratch_format(scene->scratch, "%.*s", (int)strcspn(text, "\n"), text);
}

// wanted_answer is how kdig shows the record of the scene's key.
static const char *wanted_answer(struct scene *scene) {
  char *line = ech_key_zone_line(scene->ech, kSiteName, 8443);
  const char *answer =
      scratch_format(scene->scratch, "1 secret.test. alpn=h2,http/1.1 %s\n",
                     strstr(line, "ech="));
  OPENSSL_free(line);
  return answer;
}

static const char *ask_unbound(struct scene *scene, const char *record) {
  struct unbound *unbound = unbound_start(scene->scratch, "resolver",
                                          (const char *const[]){record, NULL});
  const char *answer =
      knot_query(scene->scratch, unbound_plain_port(unbound), kOwner);
  unbound_stop(unbound);
  return answer;
}

Test(publish, gives_unbound_the_same_record_in_both_forms, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  const char *wanted = wanted_answer(&scene);
  const char *zone = publish_line(&scene, "zone");
  const char *generic = publish_line(&scene, "generic");
  cr_assert_str_eq(ask_unbound(&scene, zone), wanted);
  cr_assert_str_eq(ask_unbound(&scene, generic), wanted);
  cr_assert_not_null(strstr(generic, " IN TYPE65 \\# "), "%s", generic);
  scene_close(&scene);
}

Test(publish, gives_knot_the_same_record_in_both_forms, .timeout = 60) {
  static const char *const kFormats[] = {"zone", "generic"};
  for (size_t i = 0; i < 2; i++) {
    struct scene scene;
    scene_open(&scene);
    const char *line = publish_line(&scene, kFormats[i]);
    struct knot *knot =
        knot_start(scene.scratch, (const char *const[]){line, NULL});
    cr_assert_str_eq(knot_query(scene.scratch, knot_port(knot), kOwner),
                     wanted_answer(&scene));
    knot_stop(knot);
    scene_close(&scene);
  }
}

// Whatever the format, it is the same key. Of a raw one, the configuration is
// in a file of its own.
Test(publish, reads_the_files_of_every_server, .timeout = 60) {
  static const enum ech_key_format kFormats[] = {ECH_KEY_GO, ECH_KEY_NSS,
                                                 ECH_KEY_RAW, ECH_KEY_LIST};
  struct scene scene;
  scene_open(&scene);
  const char *wanted = publish_line(&scene, "zone");
  struct ech_key_file key;
  cr_assert(ech_key_to_file(scene.ech, &key));
  for (size_t i = 0; i < sizeof(kFormats) / sizeof(kFormats[0]); i++) {
    struct ech_key_output out;
    bool raw = kFormats[i] == ECH_KEY_RAW;
    cr_assert(ech_key_output_make(&out, &key, kFormats[i], NULL));
    scene.ech_path =
        scratch_write(scene.scratch, "other", raw ? out.config : out.key,
                      raw ? out.config_len : out.key_len);
    cr_expect_str_eq(publish_line(&scene, "zone"), wanted, "%s",
                     ech_key_format_str(kFormats[i]));
    ech_key_output_cleanup(&out);
  }
  ech_key_file_cleanup(&key);
  scene_close(&scene);
}

// Nor does an older record stay beside the new one.
Test(publish, makes_nsupdate_replace_the_record, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  const char *old = scratch_path(scene.scratch, "old.pem");
  program_must((const char *const[]){ECHPROXY_BINARY, "keygen", kPublicName,
                                     "--out", old, NULL});
  struct knot *knot = knot_start(scene.scratch, (const char *const[]){NULL});
  knot_update(knot, publish(&scene, old, "nsupdate"));
  const char *before = knot_query(scene.scratch, knot_port(knot), kOwner);
  cr_assert_neq(before[0], '\0');
  cr_assert_str_neq(before, wanted_answer(&scene));
  knot_update(knot, publish(&scene, scene.ech_path, "nsupdate"));
  cr_assert_str_eq(knot_query(scene.scratch, knot_port(knot), kOwner),
                   wanted_answer(&scene));
  knot_stop(knot);
  scene_close(&scene);
}

static json_t *publish_json(struct scene *scene, const char *const args[]) {
  struct program program;
  run_publish(&program, scene, args);
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  json_t *json = json_loads(program.out, JSON_REJECT_DUPLICATES, NULL);
  cr_assert_not_null(json, "%s", program.out);
  program_cleanup(&program);
  return json;
}

// The form of draft-ietf-tls-wkech, section 5, whose reader may take half of
// regeninterval for the TTL.
Test(publish, writes_the_file_that_a_site_offers, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  json_t *json = publish_json(
      &scene, (const char *const[]){scene.ech_path, "--name", "Secret.test",
                                    "--format", "wkech", "--ttl", "600",
                                    "--alpn", "h2,h3", "--port", "8443", NULL});
  const char *ech = strstr(wanted_answer(&scene), "ech=") + 4;
  json_t *wanted =
      json_pack("{s:i, s:[{s:i, s:s, s:{s:s%, s:[s, s]}}]}", "regeninterval",
                1200, "endpoints", "priority", 1, "target", "secret.test",
                "params", "ech", ech, strcspn(ech, "\n"), "alpn", "h2", "h3");
  cr_assert_not_null(wanted);
  cr_assert(json_equal(json, wanted));
  json_decref(json);
  json_decref(wanted);
  json = publish_json(&scene,
                      (const char *const[]){scene.ech_path, "--name", kSiteName,
                                            "--format=wkech", "--alpn=", NULL});
  const json_t *endpoint =
      json_array_get(json_object_get(json, "endpoints"), 0);
  cr_assert_str_empty(json_string_value(json_object_get(endpoint, "target")));
  cr_assert_null(json_object_get(json_object_get(endpoint, "params"), "alpn"));
  json_decref(json);
  scene_close(&scene);
}

// has_octets says whether `text` holds `octets` in hexadecimal or in base64,
// however they fall on its groups of three.
static bool has_octets(const char *text, const uint8_t *octets, size_t len) {
  char hex[128] = "";
  for (size_t i = 0; i < len; i++) {
    snprintf(hex + 2 * i, 3, "%02x", octets[i]);
  }
  if (strstr(text, hex) != NULL) {
    return true;
  }
  for (size_t skip = 0; skip < 3; skip++) {
    char base64[128];
    EVP_EncodeBlock((uint8_t *)base64, octets + skip, (len - skip) / 3 * 3);
    if (strstr(text, base64) != NULL) {
      return true;
    }
  }
  return false;
}

Test(publish, never_prints_the_private_key, .timeout = 60) {
  static const char *const kFormats[] = {"zone", "generic", "nsupdate",
                                         "wkech"};
  struct scene scene;
  scene_open(&scene);
  uint8_t key[32];
  size_t len;
  ech_key_private(scene.ech, key);
  const char *pem = scratch_read(scene.scratch, scene.ech_path, &len);
  cr_assert(has_octets(pem, key, sizeof(key)), "the test would not see it");
  for (size_t i = 0; i < 4; i++) {
    const char *text = publish(&scene, scene.ech_path, kFormats[i]);
    cr_expect_not(has_octets(text, key, sizeof(key)), "%s", kFormats[i]);
    cr_expect_null(strstr(text, "PRIVATE"));
  }
  scene_close(&scene);
}

static void assert_wrong(struct scene *scene, int exit_code, const char *cause,
                         const char *const args[]) {
  struct program program;
  run_publish(&program, scene, args);
  cr_expect_eq(program.exit_code, exit_code, "%d: %s", program.exit_code,
               program.err);
  cr_expect_str_empty(program.out);
  cr_expect_not_null(strstr(program.err, cause), "%s", program.err);
  size_t len = strlen(program.err);
  cr_expect_eq(strchr(program.err, '\n'), program.err + len - 1, "one line: %s",
               program.err);
  program_cleanup(&program);
}

Test(publish, says_what_is_wrong_in_one_line, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  const char *key = scene.ech_path;
  const char *junk = scratch_write(scene.scratch, "junk", "junk", 4);
  const struct {
    int exit_code;
    const char *cause;
    const char *args[8];
  } cases[] = {
      {64, "no FILE", {"--name", "a.test"}},
      {64, "--name SITE", {key}},
      {64, "unknown option '--nam'", {key, "--nam", "a.test"}},
      {64, "no host name", {key, "--name", "a..test"}},
      {64, "for a port", {key, "--name", "*.test", "--port", "8443"}},
      {64, "for one site", {key, "--name", "*.test", "--format", "wkech"}},
      {64, "--format must", {key, "--name", "a.test", "--format", "bind"}},
      {64, "--port must", {key, "--name", "a.test", "--port", "65536"}},
      {64, "--ttl must", {key, "--name", "a.test", "--ttl", "-1"}},
      {64, "ALPN", {key, "--name", "a.test", "--alpn", "h2 h3"}},
      {64, "a?b", {key, "--name", "a\nb"}},
      {65, "junk: ", {junk, "--name", "a.test"}},
      {65, "no client would", {key, key, "--name", "a.test"}},
      {66, "none: No such file", {"none", "--name", "a.test"}},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    assert_wrong(&scene, cases[i].exit_code, cases[i].cause, cases[i].args);
  }
  scene_close(&scene);
}
