// What a dial makes of a server that does not accept its configuration (RFC
// 9849, section 6.1.6), and what it remembers of it. test_origin.c has the
// plain cases.

#include "origin_bed.h"
#include "support/leaks.h"

TestSuite(origin_rejection, .timeout = 30);

static const char kBothNames[] = "DNS:secret.test,DNS:public.test";

// Makes clients begin anew: our key share is for another group.
static void force_hello_retry(SSL_CTX *ctx) {
  static const int kCurve = NID_secp384r1;
  cr_assert(SSL_CTX_set1_curves(ctx, &kCurve, 1));
}

Test(origin_rejection, hides_the_name_in_both_hellos_of_a_retry_request) {
  struct fixture f;
  fixture_init(&f);
  force_hello_retry(site_add(&f.site, kBothNames, f.root, &f.keys));
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_OK);
  cr_assert(f.report.ech_accepted);
  cr_assert_eq(f.site.num_accepted, 1);
  cr_assert_eq(f.site.num_hellos, 2);
  assert_name_hidden(&f);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_rejection, heals_a_stale_key_through_a_retry_request) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys stale = ech_keys_new(2, kPublicName);
  force_hello_retry(site_add(&f.site, kBothNames, f.root, &f.keys));
  dial_private(&f, &stale);
  assert_status(&f, ORIGIN_OK);
  cr_assert(f.report.retried);
  cr_assert_eq(f.site.num_hellos, 4);
  assert_name_hidden(&f);
  ech_keys_free(&stale);
  fixture_cleanup(&f);
}

// The site's chain is known to be good by then, but it does not hold the public
// name.
Test(origin_rejection, is_not_verified_by_a_chain_known_for_the_host) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys newer = ech_keys_new(2, kPublicName);
  SSL_CTX *ctx = site_add(&f.site, "DNS:secret.test", f.root, &f.keys);
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_OK);
  cr_assert(SSL_CTX_set1_ech_keys(ctx, newer.keys));
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_BAD_PUBLIC_NAME);
  cr_assert_eq(f.report.error.verify_result, X509_V_ERR_HOSTNAME_MISMATCH);
  assert_name_hidden(&f);
  ech_keys_free(&newer);
  fixture_cleanup(&f);
}

// Nor the other way round: what authenticated a rejection is not the host.
Test(origin_rejection, verifies_no_host_by_a_chain_known_for_the_public_name) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys stale = ech_keys_new(2, kPublicName);
  add_context(&f, "DNS:public.test", f.root, &f.keys);
  dial_private(&f, &stale);
  cr_assert(f.report.retried);
  assert_status(&f, ORIGIN_BAD_CERTIFICATE);
  cr_assert_eq(f.report.error.verify_result, X509_V_ERR_HOSTNAME_MISMATCH);
  assert_name_hidden(&f);
  ech_keys_free(&stale);
  fixture_cleanup(&f);
}

Test(origin_rejection, believes_tls_1_2_only_from_the_public_name) {
  struct fixture f;
  fixture_init(&f);
  SSL_CTX *ctx = site_add(&f.site, "DNS:secret.test", f.root, NULL);
  SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_BAD_PUBLIC_NAME);
  assert_name_hidden(&f);
  fixture_cleanup(&f);
}

Test(origin_rejection, goes_elsewhere_when_the_network_cuts_the_retry) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys stale = ech_keys_new(2, kPublicName);
  struct site second = {0};
  site_open(&second, f.worker);
  site_add(&second, kBothNames, f.root, &f.keys);
  add_context(&f, kBothNames, f.root, &f.keys);
  const struct endpoint endpoints[] = {
      endpoint_at(1, &f.site.address, 1, &stale),
      endpoint_at(2, &second.address, 1, &f.keys)};
  start(&f, answer_with(endpoints, 2, NULL), ORIGIN_PRIVATE);
  RUN_UNTIL(f.worker, f.site.num_hellos == 1);
  f.site.manner = SITE_HANGS_UP;
  RUN_UNTIL(f.worker, f.num_done > 0);
  assert_status(&f, ORIGIN_OK);
  cr_assert_eq(f.site.num_accepted, 2);
  cr_assert_eq(second.num_accepted, 1);
  site_close(&second);
  ech_keys_free(&stale);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_rejection, does_not_take_a_retry_that_cannot_connect_for_success) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys stale = ech_keys_new(2, kPublicName);
  add_context(&f, kBothNames, f.root, &f.keys);
  struct endpoint endpoint = endpoint_at(1, &f.site.address, 1, &stale);
  start(&f, answer_with(&endpoint, 1, NULL), ORIGIN_PRIVATE);
  RUN_UNTIL(f.worker, f.site.num_hellos == 1);
  uv_close((uv_handle_t *)&f.site.handle, NULL);
  RUN_UNTIL(f.worker, f.num_done > 0);
  assert_status(&f, ORIGIN_UNREACHABLE);
  site_open(&f.site, f.worker);
  ech_keys_free(&stale);
  fixture_cleanup(&f);
}

Test(origin_rejection, pays_for_a_stale_key_once) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys stale = ech_keys_new(2, kPublicName);
  add_context(&f, kBothNames, f.root, &f.keys);
  dial_private(&f, &stale);
  assert_status(&f, ORIGIN_OK);
  cr_assert(f.report.retried);
  cr_assert_eq(f.site.num_accepted, 2);
  dial_private(&f, &stale);
  assert_status(&f, ORIGIN_OK);
  cr_assert(f.report.learned);
  cr_assert_not(f.report.retried);
  cr_assert_eq(f.site.num_accepted, 3);
  assert_name_hidden(&f);

  origin_forget(f.origin);
  dial_private(&f, &stale);
  cr_assert(f.report.retried);
  ech_keys_free(&stale);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_rejection, forgets_a_retry_with_the_record_it_was_for) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys stale = ech_keys_new(2, kPublicName);
  struct ech_keys other = ech_keys_new(3, kPublicName);
  add_context(&f, kBothNames, f.root, &f.keys);
  f.expires_at = uv_now(worker_loop(f.worker)) + 1;  // nearly over
  dial_private(&f, &stale);
  cr_assert(f.report.retried);
  RUN_UNTIL(f.worker, (uv_update_time(worker_loop(f.worker)),
                       uv_now(worker_loop(f.worker)) > f.expires_at));
  f.expires_at = UINT64_MAX;
  dial_private(&f, &stale);
  cr_assert(f.report.retried, "its TTL was over");
  dial_private(&f, &other);
  cr_assert(f.report.retried, "the record has changed");
  f.port++;
  dial_private(&f, &stale);
  cr_assert(f.report.retried, "another port is another site");
  f.port--;
  dial_private(&f, &stale);
  cr_assert(f.report.learned);
  ech_keys_free(&stale);
  ech_keys_free(&other);
  fixture_cleanup(&f);
}

Test(origin_rejection, learns_nothing_from_a_retry_that_fails) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys stale = ech_keys_new(2, kPublicName);
  add_context(&f, "DNS:public.test", f.root, &f.keys);
  dial_private(&f, &stale);
  assert_status(&f, ORIGIN_BAD_CERTIFICATE);
  cr_assert(f.report.retried);
  dial_private(&f, &stale);
  cr_assert_not(f.report.learned);
  cr_assert(f.report.retried);
  ech_keys_free(&stale);
  fixture_cleanup(&f);
}

Test(origin_rejection, heals_a_learned_key_that_has_become_stale_too) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys stale = ech_keys_new(2, kPublicName);
  struct ech_keys newer = ech_keys_new(4, kPublicName);
  add_context(&f, kBothNames, f.root, &f.keys);
  add_context(&f, kBothNames, f.root, &f.keys);
  add_context(&f, kBothNames, f.root, &newer);
  dial_private(&f, &stale);
  cr_assert(f.report.retried);
  dial_private(&f, &stale);
  assert_status(&f, ORIGIN_OK);
  cr_assert(f.report.retried);
  cr_assert_eq(f.site.num_accepted, 4);
  dial_private(&f, &stale);
  assert_status(&f, ORIGIN_OK);
  cr_assert(f.report.learned);
  cr_assert_eq(f.site.num_accepted, 5);
  ech_keys_free(&stale);
  ech_keys_free(&newer);
  fixture_cleanup(&f);
}

Test(origin_rejection, lets_the_published_list_decide_that_ech_is_off) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys stale = ech_keys_new(2, kPublicName);
  add_context(&f, kBothNames, f.root, &f.keys);
  add_context(&f, kBothNames, f.root, &f.keys);
  add_context(&f, kBothNames, f.root, NULL);
  dial_private(&f, &stale);
  cr_assert(f.report.retried);
  dial_private(&f, &stale);
  assert_status(&f, ORIGIN_ECH_DISABLED);
  cr_assert_eq(f.site.num_accepted, 4, "with the learned, then the published");
  assert_name_hidden(&f);
  ech_keys_free(&stale);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}
