#include "ech/origin.h"

#include "origin_bed.h"

Test(origin, reaches_a_site_with_its_name_hidden) {
  struct fixture f;
  fixture_init(&f);
  add_context(&f, "DNS:secret.test", f.root, &f.keys);
  dial_private(&f, &f.keys);
  cr_assert_eq(f.status, ORIGIN_OK, "%s", origin_status_str(f.status));
  cr_assert(f.report.ech_accepted);
  cr_assert_not(f.report.retried);
  assert_name_hidden(&f);
  const uint8_t *alpn;
  unsigned alpn_len;
  SSL_get0_alpn_selected(tls_ssl(f.tls), &alpn, &alpn_len);
  cr_assert_eq(alpn_len, 2, "the site's choice of protocol");
  fixture_cleanup(&f);
}

Test(origin, tells_what_was_inside_the_hello) {
  struct fixture f;
  fixture_init(&f);
  add_context(&f, "DNS:secret.test", f.root, &f.keys);
  dial_private(&f, &f.keys);
  cr_assert_str_eq(f.inner.server_name, kHost);
  cr_assert_eq(f.inner.ech, CLIENT_HELLO_ECH_INNER);
  cr_assert_eq(f.inner.alpn_len, strlen(f.alpn));
  fixture_cleanup(&f);
}

Test(origin, heals_a_stale_key_with_the_retry_configurations) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys stale = ech_keys_new(2, kPublicName);
  add_context(&f, "DNS:secret.test,DNS:public.test", f.root, &f.keys);
  dial_private(&f, &stale);
  cr_assert_eq(f.status, ORIGIN_OK, "%s", origin_status_str(f.status));
  cr_assert(f.report.ech_accepted);
  cr_assert(f.report.retried);
  cr_assert_eq(f.site.num_accepted, 2);
  assert_name_hidden(&f);
  ech_keys_free(&stale);
  fixture_cleanup(&f);
}

Test(origin, gives_up_when_the_second_configuration_is_refused_too) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys stale = ech_keys_new(2, kPublicName);
  struct ech_keys other = ech_keys_new(3, kPublicName);
  add_context(&f, "DNS:public.test", f.root, &f.keys);
  add_context(&f, "DNS:public.test", f.root, &other);
  dial_private(&f, &stale);
  cr_assert_eq(f.status, ORIGIN_ECH_REJECTED);
  cr_assert_null(f.tls);
  cr_assert_eq(f.site.num_accepted, 2);
  assert_name_hidden(&f);
  ech_keys_free(&stale);
  ech_keys_free(&other);
  fixture_cleanup(&f);
}

Test(origin, does_not_take_switched_off_after_a_retry_for_an_answer) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys stale = ech_keys_new(2, kPublicName);
  add_context(&f, "DNS:public.test", f.root, &f.keys);
  add_context(&f, "DNS:public.test", f.root, NULL);
  dial_private(&f, &stale);
  cr_assert_eq(f.status, ORIGIN_ECH_REJECTED);
  ech_keys_free(&stale);
  fixture_cleanup(&f);
}

Test(origin, tells_that_an_authenticated_server_switched_ech_off) {
  static const uint16_t kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  for (size_t i = 0; i < 2; i++) {
    struct fixture f;
    fixture_init(&f);
    add_context(&f, "DNS:public.test", f.root, NULL);
    SSL_CTX_set_max_proto_version(f.site.contexts[0], kVersions[i]);
    dial_private(&f, &f.keys);
    cr_assert_eq(f.status, ORIGIN_ECH_DISABLED, "%s",
                 origin_status_str(f.status));
    assert_name_hidden(&f);
    fixture_cleanup(&f);
  }
}

Test(origin, believes_a_refusal_only_from_the_public_name) {
  struct fixture f;
  fixture_init(&f);
  add_context(&f, "DNS:secret.test", f.root, NULL);
  dial_private(&f, &f.keys);
  cr_assert_eq(f.status, ORIGIN_BAD_PUBLIC_NAME);
  cr_assert_eq(f.report.error.verify_result, X509_V_ERR_HOSTNAME_MISMATCH);
  assert_name_hidden(&f);
  fixture_cleanup(&f);
}

Test(origin, refuses_a_certificate_that_is_not_the_sites) {
  struct fixture f;
  fixture_init(&f);
  add_context(&f, "DNS:public.test", f.root, &f.keys);
  dial_private(&f, &f.keys);
  cr_assert_eq(f.status, ORIGIN_BAD_CERTIFICATE);
  assert_name_hidden(&f);
  fixture_cleanup(&f);
}

Test(origin, refuses_a_certificate_of_an_unknown_issuer) {
  struct fixture f;
  fixture_init(&f);
  struct test_cert *other =
      test_cert_new(&(struct test_cert_spec){.is_ca = true});
  add_context(&f, "DNS:secret.test", other, &f.keys);
  dial_private(&f, &f.keys);
  cr_assert_eq(f.status, ORIGIN_BAD_CERTIFICATE);
  test_cert_free(other);
  fixture_cleanup(&f);
}

Test(origin, offers_no_hello_without_a_usable_configuration) {
  struct fixture f;
  fixture_init(&f);
  add_context(&f, "DNS:secret.test", f.root, &f.keys);
  f.keys.list[3] ^= 0xff;  // a version that nobody knows
  dial_private(&f, &f.keys);
  cr_assert_eq(f.status, ORIGIN_TLS_FAILED);
  cr_assert_eq(f.report.hello_len, 0);
  fixture_cleanup(&f);
}

// A server's retry configurations must not make us name the site in the outer
// hello.
Test(origin, takes_no_configuration_whose_public_name_is_the_hosts) {
  for (int is_retry = 0; is_retry < 2; is_retry++) {
    struct fixture f;
    fixture_init(&f);
    struct ech_keys own = ech_keys_new(2, "Secret.test");
    add_context(&f, "DNS:secret.test,DNS:public.test", f.root, &own);
    dial_private(&f, is_retry ? &f.keys : &own);
    cr_expect_neq(f.status, ORIGIN_OK);
    cr_expect_neq(f.status, ORIGIN_ECH_DISABLED);
    cr_expect_str_eq(f.hello.server_name, is_retry ? kPublicName : "");
    ech_keys_free(&own);
    fixture_cleanup(&f);
  }
}

Test(origin, goes_on_to_the_next_endpoint_when_one_is_down) {
  struct fixture f;
  fixture_init(&f);
  add_context(&f, "DNS:secret.test", f.root, &f.keys);
  struct address down = f.site.address;
  down.port = 1;
  struct endpoint endpoints[3] = {
      {.priority = 1, .target = "."},  // without ECH: never used
      {.priority = 2, .target = ".", .addresses = &down},
      {.priority = 3, .target = ".", .addresses = &f.site.address},
  };
  for (int i = 1; i < 3; i++) {
    endpoints[i].ech = f.keys.list;
    endpoints[i].ech_len = f.keys.list_len;
    endpoints[i].num_addresses = 1;
  }
  start(&f, answer_with(endpoints, 3, NULL), ORIGIN_PRIVATE);
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_assert_eq(f.status, ORIGIN_OK, "%s", origin_status_str(f.status));
  fixture_cleanup(&f);
}

Test(origin, says_when_nothing_can_be_connected_to) {
  struct fixture f;
  fixture_init(&f);
  start(&f, answer_with(NULL, 0, NULL), ORIGIN_CLEAR);
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_assert_eq(f.status, ORIGIN_NO_ADDRESS);
  struct address down = f.site.address;
  down.port = 1;
  start(&f, answer_with(NULL, 0, &down), ORIGIN_CLEAR);
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_assert_eq(f.status, ORIGIN_UNREACHABLE);
  fixture_cleanup(&f);
}

Test(origin, sends_the_name_in_the_clear_only_when_asked_to) {
  struct fixture f;
  fixture_init(&f);
  add_context(&f, "DNS:secret.test", f.root, NULL);
  start(&f, answer_with(NULL, 0, &f.site.address), ORIGIN_CLEAR);
  RUN_UNTIL(f.worker, f.num_done > 0);
  cr_assert_eq(f.status, ORIGIN_OK, "%s", origin_status_str(f.status));
  cr_assert_not(f.report.ech_accepted);
  cr_assert_eq(f.hello.ech, CLIENT_HELLO_NO_ECH);
  cr_assert_str_eq(f.hello.server_name, kHost);
  cr_assert_eq(f.report.inner_hello_len, 0);
  fixture_cleanup(&f);
}

Test(origin, can_be_cancelled_at_every_step) {
  struct fixture f;
  fixture_init(&f);
  add_context(&f, "DNS:secret.test", f.root, &f.keys);
  f.site.manner = SITE_IS_MUTE;
  struct endpoint endpoint = {.priority = 1,
                              .target = ".",
                              .ech = f.keys.list,
                              .ech_len = f.keys.list_len,
                              .addresses = &f.site.address,
                              .num_addresses = 1};
  origin_dial_cancel(start(&f, answer_with(NULL, 0, NULL), ORIGIN_CLEAR));
  origin_dial_cancel(
      start(&f, answer_with(&endpoint, 1, NULL), ORIGIN_PRIVATE));
  struct origin_dial *dial =
      start(&f, answer_with(&endpoint, 1, NULL), ORIGIN_PRIVATE);
  RUN_UNTIL(f.worker, f.site.num_accepted > 0);
  turn_loop(f.worker, 3);  // the hello is out
  origin_dial_cancel(dial);
  turn_loop(f.worker, 3);
  cr_assert_eq(f.num_done, 0);
  fixture_cleanup(&f);
}
