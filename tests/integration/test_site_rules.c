#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "support/scene.h"

enum { kRunMs = 30000 };

// The base64 of the scene's ECHConfigList, from what keygen has said.
static const char *ech_of(struct scene *scene) {
  const char *ech = strstr(scene->zone_line, "ech=");
  cr_assert_not_null(ech, "%s", scene->zone_line);
  ech += 4 + strspn(ech + 4, "\"");
  return scratch_format(scene->scratch, "%.*s", (int)strcspn(ech, "\" \n"),
                        ech);
}

static const char *write_config(struct scene *scene, const char *text) {
  return scratch_write(scene->scratch, "echproxy.conf", text, strlen(text));
}

// Starts all but the proxy: the site with ECH, and `records` of which none says
// so of it.
static void open_unpublished(struct scene *scene, const char *const records[]) {
  scene_open(scene);
  scene_start_site(scene);
  scene_start_dns(scene, records);
}

static void start_proxy(struct scene *scene, const char *config) {
  scene_start_proxy(
      scene, (const char *const[]){"-c", write_config(scene, config), NULL});
}

static void assert_hidden(struct scene *scene) {
  struct program program;
  scene_run_fetch(&program, scene, &(struct scene_fetch){0});
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  cr_assert_str_eq(program.out, "hello from the site\n");
  program_cleanup(&program);
  scene_assert_hidden(scene);
  cr_assert_eq(proxy_process_wait_idle(scene->proxy, 5000).hidden, 1UL);
}

static const char *const kNoEch[] = {"secret.test. A 127.0.0.1", NULL};

Test(site_rules, hide_a_site_with_a_fixed_configuration, .timeout = 60) {
  struct scene scene;
  open_unpublished(&scene, kNoEch);
  start_proxy(&scene, scratch_format(scene.scratch,
                                     "[site \"secret.test\"]\nech = %s\n",
                                     ech_of(&scene)));
  assert_hidden(&scene);
  scene_close(&scene);
}

Test(site_rules, hide_a_site_that_is_not_in_dns, .timeout = 60) {
  static const char *const kOther[] = {"plain.test. A 127.0.0.1", NULL};
  struct scene scene;
  open_unpublished(&scene, kOther);
  start_proxy(&scene,
              scratch_format(scene.scratch,
                             "[site \"*.test\"]\nech = %s\n"
                             "[site \"secret.test\"]\naddress = 127.0.0.1\n",
                             ech_of(&scene)));
  assert_hidden(&scene);
  scene_close(&scene);
}

// A CDN's configuration, by the site's name and by its address.
Test(site_rules, hide_a_site_with_another_names_configuration, .timeout = 60) {
  static const char *const kPatterns[] = {"secret.test", "127.0.0.0/8"};
  for (size_t i = 0; i < 2; i++) {
    struct scene scene;
    scene_open(&scene);
    scene_start_site(&scene);
    scene_start_dns(
        &scene, (const char *const[]){
                    kNoEch[0],
                    scratch_format(scene.scratch, "cdn.test. HTTPS 1 . ech=%s",
                                   ech_of(&scene)),
                    NULL});
    start_proxy(&scene, scratch_format(scene.scratch,
                                       "[site \"%s\"]\nech-from = cdn.test\n",
                                       kPatterns[i]));
    assert_hidden(&scene);
    scene_close(&scene);
  }
}

Test(site_rules, refuse_when_the_other_name_has_no_configuration,
     .timeout = 60) {
  static const char *const kNames[] = {"plain.test", "nowhere.test",
                                       "broken.test"};
  for (size_t i = 0; i < 3; i++) {
    struct scene scene;
    open_unpublished(&scene, (const char *const[]){
                                 kNoEch[0], "plain.test. A 127.0.0.1", NULL});
    start_proxy(&scene, scratch_format(scene.scratch,
                                       "[site \"secret.test\"]\nech-from=%s\n",
                                       kNames[i]));
    struct program program;
    scene_run_fetch(&program, &scene, &(struct scene_fetch){0});
    cr_assert_eq(program.exit_code, 56, "%s", program.err);
    cr_assert_not_null(strstr(program.err, "502"), "%s", program.err);
    program_cleanup(&program);
    cr_assert_eq(tap_num_connections(scene.tap), 0);
    scene_close(&scene);
  }
}

// What the user asks for in so many words: the browser's own TLS.
Test(site_rules, pass_a_site_with_ech_through, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  scene_start_site(&scene);
  scene_start_dns(&scene, NULL);
  scene_start_proxy(
      &scene,
      (const char *const[]){
          "--mode", "strict", "-c",
          write_config(&scene, "[site \"secret.test\"]\nmode = pass\n"), NULL});
  struct program program;
  scene_run_fetch(&program, &scene,
                  &(struct scene_fetch){.trust_root_only = true,
                                        .args = (const char *const[]){
                                            "--output", "/dev/null", NULL}});
  program_cleanup(&program);
  cr_assert(tap_contains_text(scene.tap, kSiteName));
  struct proxy_status status = proxy_process_wait_idle(scene.proxy, 5000);
  cr_assert_eq(status.passed, 1UL);
  cr_assert_eq(status.minted, 0UL);
  scene_close(&scene);
}

// Runs `echproxy check` of the site and returns what it writes.
static void run_check(struct program *out, struct scene *scene,
                      const char *config, const char *more) {
  const char *argv[32] = {ECHPROXY_BINARY, "check"};
  size_t num = 2;
  argv[num++] =
      scratch_format(scene->scratch, "%s:%u", kSiteName, tap_port(scene->tap));
  argv[num++] = "-c";
  argv[num++] = write_config(scene, config);
  for (const char *const *names = scene_names(scene); *names != NULL; names++) {
    argv[num++] = *names;
  }
  argv[num] = more;
  program_run(out, argv, proxy_process_env(scene->scratch), kRunMs);
  proxy_process_assert_clean(scene->scratch);
}

Test(site_rules, are_named_by_check, .timeout = 60) {
  struct scene scene;
  struct program program;
  open_unpublished(&scene, kNoEch);
  const char *config =
      scratch_format(scene.scratch,
                     "[site \"*.test\"]\nech = %s\nmode = prefer\n"
                     "[site \"secret.test\"]\nmode = strict\n",
                     ech_of(&scene));
  run_check(&program, &scene, config, NULL);
  cr_assert_eq(program.exit_code, 0, "%s", program.out);
  cr_assert_not_null(
      strstr(program.out,
             "  rule: [site \"secret.test\"] for mode\n"
             "  rule: [site \"*.test\"] for ech\n  mode: strict\n"),
      "%s", program.out);
  program_cleanup(&program);

  run_check(&program, &scene, config, "--json");
  json_t *json = json_loads(program.out, 0, NULL);
  cr_assert_not_null(json, "%s", program.out);
  json_t *rules = json_object_get(json, "rules");
  cr_assert_eq(json_array_size(rules), 2);
  json_t *second = json_array_get(rules, 1);
  cr_assert_str_eq(json_string_value(json_object_get(second, "pattern")),
                   "*.test");
  cr_assert_str_eq(
      json_string_value(json_array_get(json_object_get(second, "keys"), 0)),
      "ech");
  json_decref(json);
  program_cleanup(&program);
  scene_assert_hidden(&scene);

  run_check(&program, &scene, "[site \"secret.test\"]\nmode = pass\n", NULL);
  cr_assert_not_null(strstr(program.out, "  mode: pass\n"), "%s", program.out);
  cr_assert_neq(program.exit_code, 0);
  program_cleanup(&program);
  scene_close(&scene);
}

Test(site_rules, are_refused_with_their_line, .timeout = 60) {
  struct scene scene;
  struct program program;
  open_unpublished(&scene, kNoEch);
  run_check(&program, &scene, "[site \"secret.test\"]\n\nech = Zm9v\n", NULL);
  cr_assert_eq(program.exit_code, 78);
  cr_assert_not_null(
      strstr(program.err, "echproxy.conf:3: ech = Zm9v: it is no ECHConfig"),
      "%s", program.err);
  program_cleanup(&program);
  cr_assert_eq(tap_num_connections(scene.tap), 0);
  scene_close(&scene);
}

// A site that lets in nobody without a certificate of "people", whose member
// "me" is. Returns the configuration with it.
static const char *open_members_only(struct scene *scene,
                                     struct test_cert **out_me) {
  scene_open(scene);
  struct test_cert *people =
      test_cert_new(&(struct test_cert_spec){.is_ca = true});
  *out_me = test_cert_new(&(struct test_cert_spec){.issuer = people});
  scratch_cert(scene->scratch, "people", people);
  scratch_cert(scene->scratch, "me", *out_me);
  test_cert_free(people);
  scene_start_odd_site(scene, &(struct scene_origin){.client_ca = "people"});
  scene_start_dns(scene, NULL);
  return "[site \"*.test\"]\nclient-cert = me.crt\nclient-key = me.key\n";
}

Test(site_rules, show_a_client_certificate_to_the_site_alone, .timeout = 60) {
  struct scene scene;
  struct test_cert *me;
  uint8_t *der = NULL;
  const char *config = open_members_only(&scene, &me);
  int der_len = i2d_X509(me->cert, &der);
  start_proxy(&scene, config);
  assert_hidden(&scene);
  cr_assert_not(tap_contains_piece(scene.tap, der, (size_t)der_len));
  OPENSSL_free(der);
  test_cert_free(me);
  scene_close(&scene);
}

Test(site_rules, are_asked_for_when_a_site_wants_a_certificate, .timeout = 60) {
  struct scene scene;
  struct test_cert *me;
  open_members_only(&scene, &me);
  scene_start_proxy(&scene, NULL);
  struct program program;
  scene_run_fetch(&program, &scene, &(struct scene_fetch){0});
  cr_assert_not_null(strstr(program.err, "502 2"), "%s", program.err);
  cr_assert_not_null(strstr(program.out,
                            "<pre>[site &quot;secret.test&quot;]\n"
                            "client-cert = FILE\nclient-key = FILE\n</pre>"),
                     "%s", program.out);
  program_cleanup(&program);
  scene_assert_hidden(&scene);
  cr_assert_eq(proxy_process_wait_idle(scene.proxy, 12000).refused, 1UL);
  test_cert_free(me);
  scene_close(&scene);
}

Test(site_rules, say_when_the_site_refuses_the_certificate, .timeout = 60) {
  struct scene scene;
  struct test_cert *me;
  open_members_only(&scene, &me);
  start_proxy(&scene,
              "[site \"secret.test\"]\n"
              "client-cert = site.crt\nclient-key = site.key\n");
  struct program program;
  scene_run_fetch(&program, &scene, &(struct scene_fetch){0});
  cr_assert_not_null(strstr(program.err, "502 2"), "%s", program.err);
  cr_assert_not_null(
      strstr(program.out, "the site refused the client certificate"), "%s",
      program.out);
  program_cleanup(&program);
  scene_assert_hidden(&scene);
  test_cert_free(me);
  scene_close(&scene);
}

// With rules for it or without, `check` says what the site wants.
Test(site_rules, let_check_show_a_client_certificate, .timeout = 60) {
  struct scene scene;
  struct program program;
  struct test_cert *me;
  const char *config = open_members_only(&scene, &me);
  run_check(&program, &scene, config, NULL);
  cr_assert_eq(program.exit_code, 0, "%s", program.out);
  cr_assert_not_null(strstr(program.out, "for client-cert, client-key\n"));
  program_cleanup(&program);
  run_check(&program, &scene, "", NULL);
  cr_assert_eq(program.exit_code, 2, "%s", program.out);
  cr_assert_not_null(strstr(program.out, "wants a client certificate"), "%s",
                     program.out);
  program_cleanup(&program);
  test_cert_free(me);
  scene_close(&scene);
}
