#include <criterion/criterion.h>
#include <string.h>

#include "support/chromium.h"
#include "support/firefox.h"
#include "support/scene.h"

enum { kPageMs = 60000 };

static const struct {
  const char *name;
  struct peer *(*start)(struct scratch *scratch, uint16_t proxy_port,
                        const char *ca_path, const char *url);
} kBrowsers[] = {
    {"chromium", chromium_print_start},
    {"firefox", firefox_print_start},
};

enum { kNumBrowsers = sizeof(kBrowsers) / sizeof(kBrowsers[0]) };

// Opens the site in both browsers at once, which trust the CA in the scene's
// file `ca` only, and asserts that what they show has all `texts` in it.
static void assert_shows(struct scene *scene, const char *ca,
                         const char *const texts[]) {
  struct scratch *s = scene->scratch;
  struct peer *browsers[kNumBrowsers];
  const char *url =
      scratch_format(s, "https://%s:%u/", kSiteName, tap_port(scene->tap));
  for (size_t i = 0; i < kNumBrowsers; i++) {
    browsers[i] = kBrowsers[i].start(s, proxy_process_port(scene->proxy),
                                     scratch_path(s, ca), url);
  }
  for (size_t i = 0; i < kNumBrowsers; i++) {
    cr_assert_eq(peer_wait(browsers[i], kPageMs), 0, "%s: %s",
                 kBrowsers[i].name, peer_output(browsers[i]));
    for (size_t j = 0; texts[j] != NULL; j++) {
      const char *page = peer_output(browsers[i]);
      cr_assert_not_null(strstr(page, texts[j]), "%s lacks %s: %s",
                         kBrowsers[i].name, texts[j], page);
    }
    peer_free(browsers[i]);
  }
}

static void assert_shows_site(struct scene *scene, const char *ca) {
  assert_shows(scene, ca, (const char *const[]){"hello from the site", NULL});
}

// A page of the proxy's own, with `title` and the other texts.
static void assert_refused(struct scene *scene, const char *title,
                           const char *cause, const char *advice) {
  assert_shows(scene, "state/ca.pem",
               (const char *const[]){
                   scratch_format(scene->scratch, "<h1>%s</h1>", title),
                   "<p class=\"host\">secret.test</p>", cause, advice,
                   "sent encrypted only", "public.test",
                   "This page comes from echproxy", NULL});
  scene_assert_hidden(scene);
  struct proxy_status status = proxy_process_wait_idle(scene->proxy, 12000);
  cr_assert_geq(status.refused, 2UL);
  cr_assert_eq(status.hidden, 0UL);
  cr_assert_eq(status.passed, 0UL);
}

static void assert_hidden(struct scene *scene) {
  scene_assert_hidden(scene);
  struct proxy_status status = proxy_process_wait_idle(scene->proxy, 12000);
  cr_assert_geq(status.hidden, 2UL);
  cr_assert_eq(status.passed, 0UL);
}

static void start(struct scene *scene, const struct scene_origin *origin,
                  const char *const args[]) {
  scene_start_odd_site(scene, origin);
  scene_start_dns(scene, NULL);
  scene_start_proxy(scene, args);
}

Test(browsers, show_a_site_privately, .timeout = 120) {
  struct scene scene;
  scene_open(&scene);
  start(&scene, &(struct scene_origin){0}, NULL);
  assert_shows_site(&scene, "state/ca.pem");
  assert_hidden(&scene);
  scene_close(&scene);
}

// The zone has an older key than the server, which says so.
Test(browsers, show_a_site_with_a_stale_key_privately, .timeout = 120) {
  struct scene scene;
  scene_open(&scene);
  const char *old_line = scene.zone_line;
  const char *ech = scene_keygen(&scene, "new.pem", kPublicName);
  scene.zone_line = old_line;
  start(&scene, &(struct scene_origin){.ech = ech}, NULL);
  assert_shows_site(&scene, "state/ca.pem");
  cr_assert_not_null(
      peer_wait_line(scene.origin, "hello secret.test accepted", 5000));
  assert_hidden(&scene);
  scene_close(&scene);
}

// The browsers trust the site's root and not the proxy's: what they show came
// with the site's own certificate. The name is seen, which the server wants.
Test(browsers, show_a_site_that_has_switched_ech_off, .timeout = 120) {
  struct scene scene;
  scene_open(&scene);
  start(&scene, &(struct scene_origin){.ech = ""}, NULL);
  assert_shows_site(&scene, "root.crt");
  struct proxy_status status = proxy_process_wait_idle(scene.proxy, 12000);
  cr_assert_geq(status.passed, 2UL);
  cr_assert_eq(status.hidden, 0UL);
  cr_assert_leq(status.minted, 1UL, "it was not known yet");
  cr_assert(tap_contains_text(scene.tap, kSiteName));
  scene_close(&scene);
}

Test(browsers, say_why_strict_mode_refuses_that_site, .timeout = 120) {
  struct scene scene;
  scene_open(&scene);
  start(&scene, &(struct scene_origin){.ech = ""},
        (const char *const[]){"--mode", "strict", NULL});
  assert_refused(&scene, "This site has stopped hiding its name",
                 "has switched ECH off", "--mode prefer");
  scene_close(&scene);
}

// A certificate of a root that nobody trusts.
Test(browsers, say_why_an_untrusted_certificate_is_refused, .timeout = 120) {
  struct scene scene;
  scene_open(&scene);
  struct test_cert *root =
      test_cert_new(&(struct test_cert_spec){.is_ca = true});
  struct test_cert *leaf = test_cert_new(
      &(struct test_cert_spec){.names = "DNS:secret.test", .issuer = root});
  scratch_cert(scene.scratch, "odd", leaf);
  test_cert_free(leaf);
  test_cert_free(root);
  start(&scene, &(struct scene_origin){.site = "odd"}, NULL);
  assert_refused(&scene, "This site's certificate could not be verified",
                 "its issuer is not trusted", "Do not enter anything");
  scene_close(&scene);
}

// A site that lets in nobody without a certificate of a CA of its own.
Test(browsers, say_that_a_site_wants_a_client_certificate, .timeout = 120) {
  struct scene scene;
  scene_open(&scene);
  struct test_cert *people =
      test_cert_new(&(struct test_cert_spec){.is_ca = true});
  scratch_cert(scene.scratch, "people", people);
  test_cert_free(people);
  start(&scene, &(struct scene_origin){.client_ca = "people"}, NULL);
  assert_refused(&scene, "This site wants your certificate",
                 "no rule of echproxy's configuration has one for it",
                 "<pre>[site \"secret.test\"]\nclient-cert = FILE\n");
  scene_close(&scene);
}
