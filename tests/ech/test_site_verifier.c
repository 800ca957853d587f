// Certificates come from a server of BoringSSL's in memory. How often a chain
// is really verified is counted where X.509 tells of each certificate. The
// clock is the test's.

#include "ech/site_verifier.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>
#include <time.h>

#include "ech/verified_chains.h"
#include "net/verify_result.h"
#include "support/leaks.h"
#include "support/test_cert.h"

TestSuite(site_verifier, .timeout = 30);

static time_t clock_offset;

// time stands in for the C library's, also in BoringSSL.
time_t time(time_t *out_now) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  time_t seconds = now.tv_sec + clock_offset;
  if (out_now != NULL) {
    *out_now = seconds;
  }
  return seconds;
}

static int num_certificates;  // that X.509 has verified

static int on_certificate(int ok, X509_STORE_CTX *ctx) {
  (void)ctx;
  num_certificates++;
  return ok;
}

struct bed {
  struct test_cert *root;
  X509_STORE *trust;
  struct site_verifier *verifier;
  SSL_CTX *client_ctx;
  SSL_CTX *server_ctx;
  long result;  // of the last handshake
  int reason;   // BoringSSL's, 0 when it succeeded
};

// show makes the server show a certificate for `names`.
static void show(struct bed *b, const char *names,
                 const struct test_cert *issuer, bool is_expired) {
  struct test_cert *cert = test_cert_new(&(struct test_cert_spec){
      .names = names, .issuer = issuer, .is_expired = is_expired});
  SSL_CTX_free(b->server_ctx);
  b->server_ctx = SSL_CTX_new(TLS_method());
  test_cert_use(b->server_ctx, cert);
  test_cert_free(cert);
}

static void bed_init(struct bed *b) {
  *b = (struct bed){.root =
                        test_cert_new(&(struct test_cert_spec){.is_ca = true})};
  b->trust = X509_STORE_new();
  X509_STORE_set_verify_cb(b->trust, on_certificate);
  cr_assert(X509_STORE_add_cert(b->trust, b->root->cert));
  b->verifier = site_verifier_new(b->trust);
  b->client_ctx = SSL_CTX_new(TLS_with_buffers_method());
  site_verifier_enable(b->client_ctx);
  show(b, "DNS:a.test,DNS:b.test,IP:192.0.2.1", b->root, false);
  num_certificates = 0;
}

static void bed_cleanup(struct bed *b) {
  SSL_CTX_free(b->client_ctx);
  SSL_CTX_free(b->server_ctx);
  site_verifier_free(b->verifier);
  X509_STORE_free(b->trust);
  test_cert_free(b->root);
  cr_assert(leaks_none());
}

// connects makes a session for `host` and returns whether that was possible.
static bool connects(struct bed *b, const char *host) {
  SSL *client = SSL_new(b->client_ctx);
  SSL *server = SSL_new(b->server_ctx);
  BIO *ours, *theirs;
  cr_assert(site_verifier_attach(b->verifier, client, host));
  cr_assert(BIO_new_bio_pair(&ours, 1 << 16, &theirs, 1 << 16));
  SSL_set_bio(client, ours, ours);
  SSL_set_bio(server, theirs, theirs);
  SSL_set_connect_state(client);
  SSL_set_accept_state(server);
  ERR_clear_error();
  SSL_do_handshake(client);
  SSL_do_handshake(server);
  ERR_clear_error();
  bool ok = SSL_do_handshake(client) == 1;
  b->reason = ok ? 0 : ERR_GET_REASON(ERR_peek_last_error());
  b->result = verify_result_get(client);
  SSL_free(client);
  SSL_free(server);
  return ok;
}

Test(site_verifier, verifies_a_chain_once_for_all_its_names) {
  struct bed b;
  bed_init(&b);
  cr_assert(connects(&b, "a.test"));
  int first = num_certificates;
  cr_assert_gt(first, 0);
  for (int again = 0; again < 2; again++) {
    cr_assert(connects(&b, "a.test"));
    cr_assert(connects(&b, "b.test"));
    cr_assert(connects(&b, "192.0.2.1"));
  }
  cr_assert_eq(num_certificates, first, "it was remembered");
  bed_cleanup(&b);
}

// A chain that is known to be good says nothing of a name that it does not
// hold.
Test(site_verifier, accepts_a_known_chain_for_its_names_only) {
  static const struct {
    const char *names;
    const char *host;  // that it is good for
    const char *others[5];
  } kCases[] = {
      {"DNS:a.test", "a.test", {"b.test", "x.a.test", "test", "192.0.2.1"}},
      {"DNS:*.a.test",
       "x.a.test",
       {"a.test", "y.x.a.test", "x.b.test", "xa.test"}},
      {"DNS:a.test,IP:192.0.2.1", "192.0.2.1", {"192.0.2.2", "2001:db8::1"}},
      {"DNS:192.0.2.2,DNS:a.test", "a.test", {"192.0.2.2"}},
      {"DNS:x*.a.test,DNS:a.test", "a.test", {"xy.a.test"}},
      {"email:a@mail.test,DNS:a.test", "a.test", {"mail.test", "common.test"}},
  };
  struct bed b;
  bed_init(&b);
  for (size_t i = 0; i < sizeof kCases / sizeof kCases[0]; i++) {
    show(&b, kCases[i].names, b.root, false);
    cr_assert(connects(&b, kCases[i].host), "%zu", i);
    for (const char *const *other = kCases[i].others; *other != NULL; other++) {
      for (int again = 0; again < 2; again++) {
        cr_assert_not(connects(&b, *other), "%zu: %s", i, *other);
        cr_assert_eq(b.reason, SSL_R_CERTIFICATE_VERIFY_FAILED);
        cr_assert(b.result == X509_V_ERR_HOSTNAME_MISMATCH ||
                  b.result == X509_V_ERR_IP_ADDRESS_MISMATCH);
      }
    }
    cr_assert(connects(&b, kCases[i].host), "%zu: still", i);
  }
  bed_cleanup(&b);
}

Test(site_verifier, knows_of_a_name_no_longer_than_of_its_chain) {
  struct bed b;
  bed_init(&b);
  cr_assert(connects(&b, "a.test"));
  int first = num_certificates;
  clock_offset = kVerifiedChainSeconds - 60;
  cr_assert(connects(&b, "b.test"));
  cr_assert_eq(num_certificates, first);
  clock_offset = kVerifiedChainSeconds + 60;
  cr_assert(connects(&b, "b.test"));
  cr_assert_gt(num_certificates, first, "all is verified anew");
  bed_cleanup(&b);
}

Test(site_verifier, accepts_no_known_chain_after_its_end) {
  struct bed b;
  bed_init(&b);
  clock_offset = 24 * 60 * 60 - 600;  // the certificates last for a day
  cr_assert(connects(&b, "a.test"));
  clock_offset += 1200;
  cr_assert_not(connects(&b, "a.test"));
  cr_assert_eq(b.result, X509_V_ERR_CERT_HAS_EXPIRED);
  cr_assert_not(connects(&b, "b.test"));
  cr_assert_eq(b.result, X509_V_ERR_CERT_HAS_EXPIRED);
  bed_cleanup(&b);
}

Test(site_verifier, shares_nothing_with_one_of_other_trust) {
  struct bed b;
  bed_init(&b);
  struct test_cert *root =
      test_cert_new(&(struct test_cert_spec){.is_ca = true});
  X509_STORE *trust = X509_STORE_new();
  cr_assert(X509_STORE_add_cert(trust, root->cert));
  struct site_verifier *other = site_verifier_new(trust);
  struct site_verifier *first = b.verifier;
  cr_assert(connects(&b, "a.test"));
  b.verifier = other;  // with the same context
  for (int again = 0; again < 2; again++) {
    cr_assert_not(connects(&b, "a.test"));
    cr_assert_eq(b.result, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
  }
  b.verifier = first;
  site_verifier_free(other);
  X509_STORE_free(trust);
  test_cert_free(root);
  bed_cleanup(&b);
}

Test(site_verifier, verifies_another_chain_for_the_name) {
  struct bed b;
  bed_init(&b);
  cr_assert(connects(&b, "a.test"));
  show(&b, "DNS:a.test", NULL, false);  // nobody's but its own
  cr_assert_not(connects(&b, "a.test"));
  cr_assert_eq(b.reason, SSL_R_CERTIFICATE_VERIFY_FAILED);
  cr_assert_eq(b.result, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
  bed_cleanup(&b);
}

Test(site_verifier, says_each_time_why_a_chain_is_refused) {
  struct bed b;
  bed_init(&b);
  struct test_cert *other =
      test_cert_new(&(struct test_cert_spec){.is_ca = true});
  const struct {
    const char *names;
    const char *host;
    const struct test_cert *issuer;
    bool is_expired;
    long result;
  } cases[] = {
      {"DNS:other.test", "a.test", b.root, false, X509_V_ERR_HOSTNAME_MISMATCH},
      {"DNS:a*.test", "a.test", b.root, false, X509_V_ERR_HOSTNAME_MISMATCH},
      {"IP:192.0.2.2", "192.0.2.1", b.root, false,
       X509_V_ERR_IP_ADDRESS_MISMATCH},
      {"DNS:a.test", "a.test", b.root, true, X509_V_ERR_CERT_HAS_EXPIRED},
      {"DNS:a.test", "a.test", other, false,
       X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    show(&b, cases[i].names, cases[i].issuer, cases[i].is_expired);
    for (int again = 0; again < 2; again++) {
      cr_assert_not(connects(&b, cases[i].host), "%zu", i);
      cr_assert_eq(b.reason, SSL_R_CERTIFICATE_VERIFY_FAILED, "%zu", i);
      cr_assert_eq(b.result, cases[i].result, "%zu: %ld", i, b.result);
    }
  }
  test_cert_free(other);
  bed_cleanup(&b);
}

Test(site_verifier, accepts_an_address) {
  struct bed b;
  bed_init(&b);
  cr_assert(connects(&b, "192.0.2.1"));
  cr_assert_not(connects(&b, "192.0.2.3"));
  bed_cleanup(&b);
}

Test(site_verifier, forgets) {
  struct bed b;
  bed_init(&b);
  cr_assert(connects(&b, "a.test"));
  int first = num_certificates;
  site_verifier_forget(b.verifier);
  cr_assert(connects(&b, "a.test"));
  cr_assert_eq(num_certificates, 2 * first);
  bed_cleanup(&b);
}

// A server that has a site's certificates, which everybody can see, but not the
// key to them.
static enum ssl_private_key_result_t sign_nonsense(
    SSL *ssl, uint8_t *out, size_t *out_len, size_t max_out, uint16_t algorithm,
    const uint8_t *in, size_t in_len) {
  (void)ssl;
  (void)algorithm;
  (void)in;
  (void)in_len;
  cr_assert_geq(max_out, 64);
  memset(out, 7, 64);
  *out_len = 64;
  return ssl_private_key_success;
}

Test(site_verifier, is_no_substitute_for_the_handshakes_signature) {
  static const SSL_PRIVATE_KEY_METHOD kMethod = {.sign = sign_nonsense};
  struct bed b;
  bed_init(&b);
  for (int i = 0; i < 2; i++) {  // before and after the chain is remembered
    cr_assert_eq(num_certificates > 0, i > 0);
    SSL_CTX *honest = b.server_ctx;
    SSL_CTX_up_ref(honest);
    SSL_CTX *thief = SSL_CTX_new(TLS_method());
    cr_assert(SSL_CTX_use_certificate(thief, SSL_CTX_get0_certificate(honest)));
    SSL_CTX_set_private_key_method(thief, &kMethod);
    SSL_CTX_free(b.server_ctx);
    b.server_ctx = thief;
    cr_assert_not(connects(&b, "a.test"));
    cr_assert_eq(b.reason, SSL_R_BAD_SIGNATURE);
    SSL_CTX_free(b.server_ctx);
    b.server_ctx = honest;
    cr_assert(connects(&b, "a.test"));
  }
  bed_cleanup(&b);
}
