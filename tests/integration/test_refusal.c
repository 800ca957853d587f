#include <criterion/criterion.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <string.h>

#include "support/scene.h"

// Fetches the site through the proxy, which does not reach it: a page says
// `cause` and `advice`. Nothing but the public name was to be seen.
static void assert_refused(struct scene *scene, const char *cause,
                           const char *advice) {
  static const struct {
    const char *option;
    const char *status;  // and the version that the page came over
  } kVersions[] = {{"--http1.1", "502 1.1"}, {"--http2", "502 2"}};
  for (size_t i = 0; i < 2; i++) {
    struct program program;
    scene_run_fetch(&program, scene,
                    &(struct scene_fetch){.args = (const char *const[]){
                                              kVersions[i].option, NULL}});
    cr_assert_eq(program.exit_code, 0, "%s", program.err);
    cr_assert_not_null(strstr(program.err, kVersions[i].status), "%s",
                       program.err);
    cr_assert_not_null(strstr(program.out, "<!--"), "%s", program.out);
    cr_assert_not_null(strstr(program.out, cause), "%s", program.out);
    cr_assert_not_null(strstr(program.out, advice), "%s", program.out);
    cr_assert_null(strstr(program.out, "hello from the site"));
    program_cleanup(&program);
  }
  scene_assert_hidden(scene);
  struct proxy_status status = proxy_process_wait_idle(scene->proxy, 12000);
  cr_assert_eq(status.refused, 2UL);
  cr_assert_eq(status.hidden, 0UL);
  cr_assert_eq(status.passed, 0UL);
}

// A certificate of a root that nobody trusts.
static void make_untrusted(struct scene *scene, const char *names) {
  struct test_cert *root =
      test_cert_new(&(struct test_cert_spec){.is_ca = true});
  struct test_cert *leaf =
      test_cert_new(&(struct test_cert_spec){.names = names, .issuer = root});
  scratch_cert(scene->scratch, "odd", leaf);
  test_cert_free(leaf);
  test_cert_free(root);
}

static void start(struct scene *scene, const struct scene_origin *origin,
                  const char *const args[]) {
  scene_start_odd_site(scene, origin);
  scene_start_dns(scene, NULL);
  scene_start_proxy(scene, args);
}

// The zone has an older key than the server.
static void make_stale(struct scene *scene, const char **out_new_key) {
  const char *zone_line = scene->zone_line;
  *out_new_key = scene_keygen(scene, "new.pem", kPublicName);
  scene->zone_line = zone_line;
}

Test(refusal, is_not_needed_when_a_stale_key_heals, .timeout = 60) {
  struct scene scene;
  const char *ech;
  scene_open(&scene);
  make_stale(&scene, &ech);
  start(&scene, &(struct scene_origin){.ech = ech}, NULL);
  struct program program;
  scene_run_fetch(&program, &scene, &(struct scene_fetch){0});
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  cr_assert_str_eq(program.out, "hello from the site\n");
  program_cleanup(&program);
  scene_assert_hidden(&scene);
  cr_assert_eq(tap_num_connections(scene.tap), 2);
  cr_assert_not_null(
      peer_wait_line(scene.origin, "hello secret.test accepted", 5000));
  cr_assert_eq(proxy_process_wait_idle(scene.proxy, 5000).hidden, 1UL);
  scene_close(&scene);
}

Test(refusal, of_a_certificate_that_is_not_for_the_public_name, .timeout = 60) {
  struct scene scene;
  const char *ech;
  scene_open(&scene);
  make_stale(&scene, &ech);
  test_cert_free(scene_cert(&scene, "odd", "DNS:other.test"));
  start(&scene, &(struct scene_origin){.public = "odd", .ech = ech}, NULL);
  assert_refused(&scene, "the server refused ECH without proving that it may",
                 "tell the site&#39;s operator");
  scene_close(&scene);
}

Test(refusal, of_an_untrusted_certificate_for_the_public_name, .timeout = 60) {
  struct scene scene;
  const char *ech;
  scene_open(&scene);
  make_stale(&scene, &ech);
  make_untrusted(&scene, "DNS:public.test");
  start(&scene, &(struct scene_origin){.public = "odd", .ech = ech}, NULL);
  assert_refused(&scene, "the server refused ECH without proving that it may",
                 "tell the site&#39;s operator");
  scene_close(&scene);
}

// Nor may somebody in between switch ECH off.
Test(refusal, of_ech_switched_off_by_who_is_not_the_public_name,
     .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  test_cert_free(scene_cert(&scene, "odd", "DNS:other.test"));
  start(&scene, &(struct scene_origin){.public = "odd", .ech = ""}, NULL);
  assert_refused(&scene, "the server refused ECH without proving that it may",
                 "Try another network");
  scene_close(&scene);
}

Test(refusal, of_ech_switched_off_when_strict, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  start(&scene, &(struct scene_origin){.ech = ""},
        (const char *const[]){"--mode", "strict", NULL});
  assert_refused(&scene, "has switched ECH off", "--mode prefer");
  scene_close(&scene);
}

Test(refusal, of_a_certificate_that_is_not_for_the_site, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  test_cert_free(scene_cert(&scene, "odd", "DNS:other.test"));
  start(&scene, &(struct scene_origin){.site = "odd"}, NULL);
  assert_refused(&scene, "certificate could not be verified",
                 "Do not enter anything");
  scene_close(&scene);
}

// No browser has taken the common name for a host's for years (RFC 9525,
// section 2), so that authorities check it less.
static void make_nameless(struct scene *scene, const char *common_name) {
  struct test_cert *leaf = test_cert_new(&(struct test_cert_spec){
      .common_name = common_name, .issuer = scene->root});
  scratch_cert(scene->scratch, "odd", leaf);
  test_cert_free(leaf);
}

Test(refusal, of_a_certificate_with_the_sites_name_as_a_common_name_only,
     .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  make_nameless(&scene, kSiteName);
  start(&scene, &(struct scene_origin){.site = "odd"}, NULL);
  assert_refused(&scene, "certificate could not be verified",
                 "Do not enter anything");
  scene_close(&scene);
}

Test(refusal, of_ech_switched_off_by_a_common_name_only, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  make_nameless(&scene, kPublicName);
  start(&scene, &(struct scene_origin){.public = "odd", .ech = ""}, NULL);
  assert_refused(&scene, "the server refused ECH without proving that it may",
                 "Try another network");
  scene_close(&scene);
}

Test(refusal, of_an_untrusted_certificate, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  make_untrusted(&scene, "DNS:secret.test");
  start(&scene, &(struct scene_origin){.site = "odd"}, NULL);
  assert_refused(&scene, "certificate could not be verified",
                 "Do not enter anything");
  scene_close(&scene);
}

Test(refusal, of_an_expired_certificate, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  struct test_cert *expired = test_cert_new(&(struct test_cert_spec){
      .names = "DNS:secret.test", .issuer = scene.root, .is_expired = true});
  scratch_cert(scene.scratch, "odd", expired);
  test_cert_free(expired);
  start(&scene, &(struct scene_origin){.site = "odd"}, NULL);
  assert_refused(&scene, "expired", "Do not enter anything");
  scene_close(&scene);
}

// Who has not been told of the local CA yet finds what to do in the log.
Test(refusal, by_a_browser_that_does_not_trust_us, .timeout = 60) {
  struct scene scene;
  struct program program;
  scene_open(&scene);
  scene_start(&scene);
  scene_run_fetch(&program, &scene,
                  &(struct scene_fetch){
                      .trust_root_only = true,
                  });
  cr_assert_neq(program.exit_code, 0);
  program_cleanup(&program);
  cr_assert_not_null(peer_wait_line(proxy_process_peer(scene.proxy),
                                    "see echproxy trust --list", 5000));
  scene_assert_hidden(&scene);
  scene_close(&scene);
}

// Whoever holds the local CA's key is not to be a site for it.
Test(refusal, of_a_leaf_of_our_own_ca, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  scene_start_dns(&scene, NULL);
  scene_start_proxy(&scene, NULL);  // makes the CA
  proxy_process_stop(scene.proxy);
  struct scratch *s = scene.scratch;
  size_t len;
  const char *pem = scratch_read(s, scratch_path(s, "state/ca.pem"), &len);
  const char *root = scratch_read(s, scratch_path(s, "root.crt"), NULL);
  const char *both = scratch_format(s, "%s%s", pem, root);
  scratch_write(s, "root.crt", both, strlen(both));
  BIO *bio = BIO_new_mem_buf(pem, (int)len);
  const char *key_pem =
      scratch_read(s, scratch_path(s, "state/ca-key.pem"), &len);
  BIO *key_bio = BIO_new_mem_buf(key_pem, (int)len);
  struct test_cert ca = {
      .cert = PEM_read_bio_X509(bio, NULL, NULL, NULL),
      .key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL)};
  BIO_free(bio);
  BIO_free(key_bio);
  struct test_cert *leaf = test_cert_new(
      &(struct test_cert_spec){.names = "DNS:secret.test", .issuer = &ca});
  scratch_cert(s, "odd", leaf);
  test_cert_free(leaf);
  X509_free(ca.cert);
  EVP_PKEY_free(ca.key);
  scene_start_odd_site(&scene, &(struct scene_origin){.site = "odd"});
  scene_start_proxy(&scene, NULL);
  assert_refused(&scene, "certificate could not be verified",
                 "Do not enter anything");
  scene_close(&scene);
}
