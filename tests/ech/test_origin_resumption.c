#include "origin_bed.h"
#include "support/leaks.h"

TestSuite(origin_resumption, .timeout = 30);

static const char kBothNames[] = "DNS:secret.test,DNS:public.test";

// Makes a session whose ticket, the only one, is kept.
static void dial_and_keep_ticket(struct fixture *f) {
  f->site.greets = true;
  SSL_CTX_set_num_tickets(site_add(&f->site, kBothNames, f->root, &f->keys), 1);
  dial_private(f, &f->keys);
  assert_status(f, ORIGIN_OK);
  cr_assert_not(f->report.resumed);
  read_tickets(f);
}

Test(origin_resumption, resumes_with_ech_and_shows_no_ticket) {
  struct fixture f;
  fixture_init(&f);
  dial_and_keep_ticket(&f);
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_OK);
  cr_assert(f.report.resumed);
  cr_assert(f.report.ech_accepted);
  cr_assert_eq(SSL_early_data_accepted(tls_ssl(f.tls)), 0);
  assert_name_hidden(&f);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_resumption, uses_a_ticket_once) {
  struct fixture f;
  fixture_init(&f);
  dial_and_keep_ticket(&f);
  dial_private(&f, &f.keys);
  cr_assert(f.report.resumed);
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_OK);
  cr_assert_not(f.report.resumed);
  fixture_cleanup(&f);
}

Test(origin_resumption, keeps_to_the_port) {
  struct fixture f;
  fixture_init(&f);
  dial_and_keep_ticket(&f);
  f.port = 8443;
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_OK);
  cr_assert_not(f.report.resumed);
  fixture_cleanup(&f);
}

Test(origin_resumption, keeps_to_the_client_certificate) {
  struct fixture f;
  fixture_init(&f);
  struct test_cert *cert =
      test_cert_new(&(struct test_cert_spec){.names = "DNS:me.test"});
  uint8_t *der = NULL;
  int der_len = i2d_X509(cert->cert, &der);
  CRYPTO_BUFFER *leaf = CRYPTO_BUFFER_new(der, (size_t)der_len, NULL);
  const struct origin_identity identity = {&leaf, 1, cert->key};
  dial_and_keep_ticket(&f);
  f.identity = &identity;
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_OK);
  cr_assert_not(f.report.resumed);
  read_tickets(&f);
  dial_private(&f, &f.keys);
  cr_assert(f.report.resumed, "with the same one");
  CRYPTO_BUFFER_free(leaf);
  OPENSSL_free(der);
  test_cert_free(cert);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_resumption, forgets_also_what_is_still_to_come) {
  struct fixture f;
  fixture_init(&f);
  dial_and_keep_ticket(&f);
  origin_forget(f.origin);
  dial_private(&f, &f.keys);
  cr_assert_not(f.report.resumed);
  origin_forget(f.origin);
  read_tickets(&f);
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_OK);
  cr_assert_not(f.report.resumed);
  fixture_cleanup(&f);
}

Test(origin_resumption, keeps_clear_and_private_apart) {
  struct fixture f;
  fixture_init(&f);
  f.site.greets = true;
  add_context(&f, kBothNames, f.root, &f.keys);
  for (int i = 0; i < 2; i++) {
    start(&f, answer_with(NULL, 0, &f.site.address), ORIGIN_CLEAR);
    RUN_UNTIL(f.worker, f.num_done > 0);
    assert_status(&f, ORIGIN_OK);
    cr_assert_not(f.report.resumed);
    read_tickets(&f);
  }
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_OK);
  cr_assert_not(f.report.resumed);
  read_tickets(&f);
  start(&f, answer_with(NULL, 0, &f.site.address), ORIGIN_CLEAR);
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_assert_not(f.report.resumed);
  cr_assert_eq(f.site.num_tickets_seen, 0);
  fixture_cleanup(&f);
}

Test(origin_resumption, shows_no_ticket_to_a_server_that_rejects_ech) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys newer = ech_keys_new(5, kPublicName);
  dial_and_keep_ticket(&f);
  add_context(&f, kBothNames, f.root, &newer);
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_OK);
  cr_assert(f.report.retried);
  cr_assert_not(f.report.resumed);
  cr_assert_eq(f.site.num_hellos, 3);
  assert_name_hidden(&f);
  ech_keys_free(&newer);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_resumption, lets_sessions_outlive_the_origin) {
  struct fixture f;
  fixture_init(&f);
  f.site.greets = true;
  add_context(&f, kBothNames, f.root, &f.keys);
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_OK);
  origin_free(f.origin);
  f.origin = NULL;
  read_tickets(&f);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}
