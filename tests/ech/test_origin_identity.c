// Sites that ask for a client certificate.

#include "origin_bed.h"
#include "support/leaks.h"

TestSuite(origin_identity, .timeout = 30);

static const char kBothNames[] = "DNS:secret.test,DNS:public.test";

// A client's certificate in the form that a request has it.
struct identity {
  struct test_cert *cert;
  CRYPTO_BUFFER *leaf;
  struct origin_identity identity;
};

static void identity_init(struct identity *id) {
  id->cert = test_cert_new(&(struct test_cert_spec){.names = "DNS:me.test"});
  uint8_t *der = NULL;
  int len = i2d_X509(id->cert->cert, &der);
  cr_assert_gt(len, 0);
  id->leaf = CRYPTO_BUFFER_new(der, (size_t)len, NULL);
  OPENSSL_free(der);
  id->identity = (struct origin_identity){&id->leaf, 1, id->cert->key};
}

static void identity_cleanup(struct identity *id) {
  CRYPTO_BUFFER_free(id->leaf);
  test_cert_free(id->cert);
}

Test(origin_identity, shows_the_certificate_to_a_site_that_asks) {
  struct fixture f;
  struct identity id;
  fixture_init(&f);
  identity_init(&id);
  f.identity = &id.identity;
  site_ask(site_add(&f.site, kBothNames, f.root, &f.keys),
           SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_OK);
  cr_assert(f.report.certificate_requested);
  cr_assert_eq(f.site.num_certificates, 1);
  assert_name_hidden(&f);
  identity_cleanup(&id);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_identity, shows_nothing_to_a_site_that_does_not_ask) {
  struct fixture f;
  struct identity id;
  fixture_init(&f);
  identity_init(&id);
  f.identity = &id.identity;
  add_context(&f, kBothNames, f.root, &f.keys);
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_OK);
  cr_assert_not(f.report.certificate_requested);
  identity_cleanup(&id);
  fixture_cleanup(&f);
}

Test(origin_identity, never_shows_it_where_ech_is_rejected) {
  struct fixture f;
  struct identity id;
  fixture_init(&f);
  identity_init(&id);
  struct ech_keys stale = ech_keys_new(2, kPublicName);
  f.identity = &id.identity;
  // Both ask, the first as the public name and the second as the site.
  site_ask(site_add(&f.site, kBothNames, f.root, &f.keys), 0);
  SSL_CTX *second = site_add(&f.site, kBothNames, f.root, &f.keys);
  dial_private(&f, &stale);
  assert_status(&f, ORIGIN_OK);
  cr_assert(f.report.retried);
  cr_assert_eq(f.site.num_certificates, 0);

  origin_forget(f.origin);
  site_ask(second, 0);
  dial_private(&f, &stale);
  assert_status(&f, ORIGIN_OK);
  cr_assert(f.report.retried);
  cr_assert_eq(f.site.num_certificates, 1, "the retry shows it");
  ech_keys_free(&stale);
  identity_cleanup(&id);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_identity, never_shows_it_where_tls_1_2_rejects_ech) {
  struct fixture f;
  struct identity id;
  fixture_init(&f);
  identity_init(&id);
  f.identity = &id.identity;
  SSL_CTX *ctx = site_add(&f.site, kBothNames, f.root, NULL);
  SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
  site_ask(ctx, 0);
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_ECH_DISABLED);
  cr_assert_not(f.report.certificate_requested);
  turn_loop(f.worker, 3);
  cr_assert_eq(f.site.num_certificates, 0);
  identity_cleanup(&id);
  fixture_cleanup(&f);
}

Test(origin_identity, tells_that_a_site_wants_one) {
  struct fixture f;
  fixture_init(&f);
  site_ask(site_add(&f.site, kBothNames, f.root, &f.keys),
           SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_CERTIFICATE_REQUIRED);
  cr_assert(f.report.certificate_requested);
  cr_assert_eq(f.report.error.alert, SSL_AD_CERTIFICATE_REQUIRED);
  assert_name_hidden(&f);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_identity, tells_that_a_site_of_tls_1_2_wants_one) {
  struct fixture f;
  fixture_init(&f);
  SSL_CTX *ctx = site_add(&f.site, kBothNames, f.root, NULL);
  SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
  site_ask(ctx, SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
  start(&f, answer_with(NULL, 0, &f.site.address), ORIGIN_CLEAR);
  RUN_UNTIL(f.worker, f.num_done > 0);
  assert_status(&f, ORIGIN_CERTIFICATE_REQUIRED);
  fixture_cleanup(&f);
}

Test(origin_identity, never_shows_it_in_the_clear) {
  struct fixture f;
  struct identity id;
  fixture_init(&f);
  identity_init(&id);
  f.identity = &id.identity;
  SSL_CTX *ctx = site_add(&f.site, kBothNames, f.root, NULL);
  SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
  site_ask(ctx, 0);
  start(&f, answer_with(NULL, 0, &f.site.address), ORIGIN_CLEAR);
  RUN_UNTIL(f.worker, f.num_done > 0);
  assert_status(&f, ORIGIN_OK);
  cr_assert(f.report.certificate_requested);
  cr_assert_eq(f.site.num_certificates, 0);
  identity_cleanup(&id);
  fixture_cleanup(&f);
}

static enum ssl_verify_result_t on_bad_certificate(SSL *ssl, uint8_t *alert) {
  (void)ssl;
  *alert = SSL_AD_UNKNOWN_CA;
  return ssl_verify_invalid;
}

Test(origin_identity, tells_that_a_site_refuses_ours) {
  struct fixture f;
  struct identity id;
  fixture_init(&f);
  identity_init(&id);
  f.identity = &id.identity;
  SSL_CTX_set_custom_verify(site_add(&f.site, kBothNames, f.root, &f.keys),
                            SSL_VERIFY_PEER, on_bad_certificate);
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_CERTIFICATE_REFUSED);
  cr_assert_eq(f.report.error.alert, SSL_AD_UNKNOWN_CA);
  identity_cleanup(&id);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_identity, does_without_where_a_site_can) {
  // It tells by a ticket, by data, or not at all.
  static const struct {
    bool has_tickets;
    bool greets;
  } kRows[] = {{true, false}, {false, true}, {false, false}, {true, true}};
  for (size_t i = 0; i < sizeof kRows / sizeof kRows[0]; i++) {
    struct fixture f;
    fixture_init(&f);
    SSL_CTX *ctx = site_add(&f.site, kBothNames, f.root, &f.keys);
    site_ask(ctx, 0);
    if (!kRows[i].has_tickets) {
      SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    }
    f.site.flushes_tickets = kRows[i].has_tickets;
    f.site.greets = kRows[i].greets;
    uint64_t began = uv_hrtime();
    dial_private(&f, &f.keys);
    uint64_t took = (uv_hrtime() - began) / 1000000;
    assert_status(&f, ORIGIN_OK);
    cr_assert(f.report.certificate_requested);
    if (kRows[i].has_tickets || kRows[i].greets) {
      cr_assert_lt(took, 250, "%zu", i);
    } else {
      cr_assert_geq(took, 290, "%zu", i);
    }
    if (kRows[i].greets) {
      read_tickets(&f);  // what came is still there
    }
    fixture_cleanup(&f);
  }
  cr_assert(leaks_none());
}

Test(origin_identity, can_be_cancelled_while_the_site_judges) {
  struct fixture f;
  fixture_init(&f);
  SSL_CTX *ctx = site_add(&f.site, kBothNames, f.root, &f.keys);
  site_ask(ctx, 0);
  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
  struct endpoint endpoint = endpoint_at(1, &f.site.address, 1, &f.keys);
  struct origin_dial *dial =
      start(&f, answer_with(&endpoint, 1, NULL), ORIGIN_PRIVATE);
  RUN_UNTIL(f.worker, f.site.num_handshakes > 0);
  turn_loop(f.worker, 5);
  origin_dial_cancel(dial);
  turn_loop(f.worker, 3);
  cr_assert_eq(f.num_done, 0);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}
