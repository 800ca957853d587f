// What X509 says of the same certificate is what is expected.

#include "ech/certificate_names.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "support/leaks.h"
#include "support/mutate.h"
#include "support/test_cert.h"

TestSuite(certificate_names, .timeout = 120);

static const char *const kHosts[] = {
    "a.test",
    "A.TEST",
    "x.a.test",
    "y.x.a.test",
    "test",
    "a.test.",
    ".a.test",
    "x*.a.test",
    "xy.a.test",
    "x_y.a.test",
    "x._a.test",
    "x.-a.test",
    "b.test",
    "xn--b.a.test",
    "x.xn--a.test",
    "192.0.2.1",
    "192.0.2.2",
    "2001:db8::1",
    "2001:db8:0:0::1",
    "2001:db8::2",
    "mail.test",
    "common.test",
    "::ffff:192.0.2.1",
    "x--y.a.test",
    // No host's names, of which X509 takes some for what a star may stand for.
    "-x.a.test",
    "x-.a.test",
    "*.a.test",
};
enum { kNumHosts = sizeof kHosts / sizeof kHosts[0], kNumOdd = 3 };

static bool is_address(const char *host) {
  return strchr(host, ':') != NULL || strncmp(host, "192.", 4) == 0;
}

static bool x509_holds(X509 *x509, const char *host) {
  return is_address(host)
             ? X509_check_ip_asc(x509, host, 0) == 1
             : X509_check_host(x509, host, strlen(host),
                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                   X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                               NULL) == 1;
}

static uint8_t *der_of(const struct test_cert *cert, size_t *out_len) {
  uint8_t *der = NULL;
  int len = i2d_X509(cert->cert, &der);
  cr_assert_gt(len, 0);
  *out_len = (size_t)len;
  return der;
}

static bool holds(const uint8_t *der, size_t len, const char *host) {
  CBS certificate;
  CBS_init(&certificate, der, len);
  return certificate_names_hold(certificate, host);
}

Test(certificate_names, agree_with_x509) {
  static const char *const kNames[] = {
      "DNS:a.test",
      "DNS:A.Test,DNS:b.test",
      "DNS:*.a.test",
      "DNS:*.A.TEST",
      "DNS:*.test",
      "DNS:*",
      "DNS:*.",
      "DNS:*.*.test",
      "DNS:x.*.test",
      "DNS:x*.a.test",
      "DNS:*x.a.test",
      "DNS:xn--*.test",
      "DNS:*.xn--a.test",
      "DNS:*._a.test",
      "DNS:*.-a.test",
      "DNS:*.a.test.",
      "DNS:a.test.",
      "DNS:.a.test",
      "DNS:x_y.a.test",
      "IP:192.0.2.1",
      "IP:2001:db8::1,DNS:a.test",
      "DNS:192.0.2.1",
      "DNS:2001:db8::1",
      "URI:https://a.test/,email:a.test",
      "otherName:1.2.3.4;UTF8:a.test",
      "RID:1.2.3.4",
      NULL,
  };
  size_t num_held = 0;
  for (size_t i = 0; i < sizeof kNames / sizeof kNames[0]; i++) {
    struct test_cert *cert = test_cert_new(&(struct test_cert_spec){
        .names = kNames[i], .common_name = "common.test"});
    size_t len;
    uint8_t *der = der_of(cert, &len);
    for (size_t k = 0; k < kNumHosts; k++) {
      bool expected = x509_holds(cert->cert, kHosts[k]);
      bool held = holds(der, len, kHosts[k]);
      cr_assert(held == expected || (k >= kNumHosts - kNumOdd && !held),
                "%s for %s", kNames[i], kHosts[k]);
      num_held += expected;
    }
    OPENSSL_free(der);
    test_cert_free(cert);
  }
  cr_assert_geq(num_held, 20);
  cr_assert(leaks_none());
}

Test(certificate_names, leave_what_sites_do_not_have_to_x509) {
  static const char *const kNames[] = {
      "DNS:a.test,email:a@a.test",
      "URI:https://a.test/,DNS:a.test",
      "DNS:a.test,otherName:1.2.3.4;UTF8:b",
      "RID:1.2.3.4,DNS:a.test",
  };
  for (size_t i = 0; i < sizeof kNames / sizeof kNames[0]; i++) {
    struct test_cert *cert =
        test_cert_new(&(struct test_cert_spec){.names = kNames[i]});
    size_t len;
    uint8_t *der = der_of(cert, &len);
    cr_assert(x509_holds(cert->cert, "a.test"));
    cr_assert_not(holds(der, len, "a.test"), "%s", kNames[i]);
    OPENSSL_free(der);
    test_cert_free(cert);
  }
  cr_assert(leaks_none());
}

struct hostile {
  size_t num_held;
  bool may_hold;
};

static X509 *parse(const uint8_t *bytes, size_t len) {
  X509 *x509 = d2i_X509(NULL, &bytes, (long)len);
  ERR_clear_error();
  return x509;
}

// What X509 takes for no certificate is never asked about.
static void check_hostile(void *owner, const uint8_t *bytes, size_t len) {
  struct hostile *hostile = owner;
  for (size_t k = 0; k < kNumHosts; k++) {
    if (holds(bytes, len, kHosts[k])) {
      cr_assert(hostile->may_hold, "%s", kHosts[k]);
      hostile->num_held++;
      X509 *x509 = parse(bytes, len);
      cr_assert(x509 == NULL || x509_holds(x509, kHosts[k]), "%s", kHosts[k]);
      X509_free(x509);
    }
  }
}

Test(certificate_names, say_no_more_than_x509_of_hostile_ones) {
  struct test_cert *cert = test_cert_new(&(struct test_cert_spec){
      .names = "DNS:*.a.test,DNS:b.test,IP:192.0.2.1,IP:2001:db8::1"});
  size_t len;
  uint8_t *der = der_of(cert, &len);
  struct hostile hostile = {.may_hold = false};
  mutate_truncate(der, len, check_hostile, &hostile);
  hostile.may_hold = true;
  mutate_insert(der, len, check_hostile, &hostile);
  mutate_flip(der, len, check_hostile, &hostile);
  cr_assert_gt(hostile.num_held, 0);
  cr_assert_not(holds(der, 0, "b.test"));
  OPENSSL_free(der);
  test_cert_free(cert);
  cr_assert(leaks_none());
}

static void add_names(X509 *x509, const char *names) {
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, x509, x509, NULL, NULL, 0);
  X509_EXTENSION *extension =
      X509V3_EXT_nconf_nid(NULL, &ctx, NID_subject_alt_name, names);
  cr_assert(X509_add_ext(x509, extension, -1));
  X509_EXTENSION_free(extension);
}

Test(certificate_names, are_of_one_extension) {
  struct test_cert *cert =
      test_cert_new(&(struct test_cert_spec){.names = "DNS:a.test"});
  add_names(cert->cert, "DNS:b.test");
  cr_assert(X509_sign(cert->cert, cert->key, EVP_sha256()));
  size_t len;
  uint8_t *der = der_of(cert, &len);
  cr_assert_not(holds(der, len, "a.test"));
  cr_assert_not(holds(der, len, "b.test"));
  OPENSSL_free(der);
  test_cert_free(cert);
  cr_assert(leaks_none());
}
