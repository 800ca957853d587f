// Which endpoint and address a dial ends up with.

#include "origin_bed.h"
#include "support/leaks.h"
#include "support/silent.h"

TestSuite(origin_race, .timeout = 30);

// What a dead address may cost, with room for a slow machine.
static const uint64_t kMostNs = UINT64_C(400000000);

Test(origin_race, a_dead_address_costs_little) {
  struct fixture f;
  fixture_init(&f);
  struct silent silent;
  silent_open(&silent);
  add_context(&f, "DNS:secret.test", f.root, &f.keys);
  const struct address addresses[] = {silent.address, f.site.address};
  struct endpoint endpoint = endpoint_at(1, addresses, 2, &f.keys);
  uint64_t began = uv_hrtime();
  dial_endpoints(&f, &endpoint, 1);
  cr_assert_lt(uv_hrtime() - began, kMostNs);
  assert_status(&f, ORIGIN_OK);
  silent_close(&silent);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_race, a_dead_endpoint_costs_no_more_than_a_dead_address) {
  struct fixture f;
  fixture_init(&f);
  struct silent silent[2];
  silent_open(&silent[0]);
  silent_open(&silent[1]);
  add_context(&f, "DNS:secret.test", f.root, &f.keys);
  const struct address dead[] = {silent[0].address, silent[1].address};
  struct ech_keys other = ech_keys_new(7, kPublicName);
  const struct endpoint endpoints[] = {
      endpoint_at(1, dead, 2, &other),
      endpoint_at(2, &f.site.address, 1, &f.keys)};
  uint64_t began = uv_hrtime();
  dial_endpoints(&f, endpoints, 2);
  cr_assert_lt(uv_hrtime() - began, kMostNs);
  assert_status(&f, ORIGIN_OK);
  cr_assert_not(f.report.retried, "each endpoint has its own configuration");
  silent_close(&silent[0]);
  silent_close(&silent[1]);
  ech_keys_free(&other);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_race, goes_on_at_once_when_an_endpoint_refuses) {
  struct fixture f;
  fixture_init(&f);
  add_context(&f, "DNS:secret.test", f.root, &f.keys);
  struct address down = f.site.address;
  down.port = 1;
  const struct endpoint endpoints[] = {
      endpoint_at(1, &down, 1, &f.keys),
      endpoint_at(2, &f.site.address, 1, &f.keys)};
  uint64_t began = uv_hrtime();
  dial_endpoints(&f, endpoints, 2);
  cr_assert_lt(uv_hrtime() - began, UINT64_C(200000000));
  assert_status(&f, ORIGIN_OK);
  fixture_cleanup(&f);
}

Test(origin_race, leaves_the_other_endpoints_alone_when_the_first_answers) {
  struct fixture f;
  fixture_init(&f);
  struct site second = {0};
  site_open(&second, f.worker);
  site_add(&second, "DNS:secret.test", f.root, &f.keys);
  add_context(&f, "DNS:secret.test", f.root, &f.keys);
  const struct endpoint endpoints[] = {
      endpoint_at(1, &f.site.address, 1, &f.keys),
      endpoint_at(2, &second.address, 1, &f.keys)};
  dial_endpoints(&f, endpoints, 2);
  assert_status(&f, ORIGIN_OK);
  turn_loop(f.worker, 3);
  cr_assert_eq(second.num_accepted, 0);
  site_close(&second);
  fixture_cleanup(&f);
}

Test(origin_race, goes_elsewhere_when_a_handshake_is_cut) {
  // To the endpoint's next address and to the next endpoint.
  for (int same_endpoint = 0; same_endpoint < 2; same_endpoint++) {
    struct fixture f;
    fixture_init(&f);
    struct site rude = {.manner = SITE_HANGS_UP};
    site_open(&rude, f.worker);
    add_context(&f, "DNS:secret.test", f.root, &f.keys);
    const struct address both[] = {rude.address, f.site.address};
    const struct endpoint one = endpoint_at(1, both, 2, &f.keys);
    const struct endpoint two[] = {endpoint_at(1, &both[0], 1, &f.keys),
                                   endpoint_at(2, &both[1], 1, &f.keys)};
    dial_endpoints(&f, same_endpoint ? &one : two, same_endpoint ? 1 : 2);
    assert_status(&f, ORIGIN_OK);
    assert_name_hidden(&f);
    cr_assert_eq(rude.num_accepted, 1);
    cr_assert_eq(f.site.num_accepted, 1);
    site_close(&rude);
    fixture_cleanup(&f);
  }
  cr_assert(leaks_none());
}

Test(origin_race, goes_elsewhere_when_a_handshake_is_met_with_silence) {
  struct fixture f;
  fixture_init(&f);
  struct site mute = {.manner = SITE_IS_MUTE};
  site_open(&mute, f.worker);
  add_context(&f, "DNS:secret.test", f.root, &f.keys);
  const struct endpoint endpoints[] = {
      endpoint_at(1, &mute.address, 1, &f.keys),
      endpoint_at(2, &f.site.address, 1, &f.keys)};
  f.timeout_ms = 400;
  dial_endpoints(&f, endpoints, 2);
  assert_status(&f, ORIGIN_OK);
  cr_assert_eq(mute.num_accepted, 1);
  site_close(&mute);
  fixture_cleanup(&f);
}

Test(origin_race, tells_why_a_hello_may_be_met_with_silence) {
  struct fixture f;
  fixture_init(&f);
  f.site.manner = SITE_IS_MUTE;
  f.timeout_ms = 100;
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_TIMEOUT);
  cr_assert_str_eq(f.detail,
                   "nothing came back; the network may drop hellos with ECH "
                   "for public.test");
  fixture_cleanup(&f);
}

Test(origin_race, tells_why_a_hello_may_be_cut) {
  struct fixture f;
  fixture_init(&f);
  f.site.manner = SITE_HANGS_UP;
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_TLS_FAILED);
  cr_assert(strstr(f.detail,
                   "; the network may block hellos with ECH for public.test"),
            "%s", f.detail);
  fixture_cleanup(&f);
}

Test(origin_race, keeps_to_a_handful_of_handshakes) {
  struct fixture f;
  fixture_init(&f);
  struct site rude = {.manner = SITE_HANGS_UP};
  site_open_at(&rude, f.worker, "0.0.0.0");
  struct address addresses[kLookupMaxAddresses];
  for (uint8_t i = 0; i < kLookupMaxAddresses; i++) {
    addresses[i] = rude.address;
    memcpy(addresses[i].ip, (const uint8_t[]){127, 0, 0, (uint8_t)(i + 1)}, 4);
  }
  struct endpoint endpoint =
      endpoint_at(1, addresses, kLookupMaxAddresses, &f.keys);
  dial_endpoints(&f, &endpoint, 1);
  assert_status(&f, ORIGIN_TLS_FAILED);
  cr_assert_eq(rude.num_accepted, 8);
  site_close(&rude);
  fixture_cleanup(&f);
}

Test(origin_race, asks_an_upstream_proxy_in_trouble_once) {
  struct fixture f;
  fixture_init(&f);
  struct site broken_proxy = {.manner = SITE_TALKS_NONSENSE};
  site_open(&broken_proxy, f.worker);
  char url[64];
  const char *why;
  snprintf(url, sizeof url, "socks5://127.0.0.1:%u", broken_proxy.address.port);
  struct upstream *via = upstream_new(url, &why);
  cr_assert_not_null(via);
  const struct endpoint endpoints[] = {
      endpoint_at(1, &f.site.address, 1, &f.keys),
      endpoint_at(2, &f.site.address, 1, &f.keys)};
  f.via = via;
  dial_endpoints(&f, endpoints, 2);
  assert_status(&f, ORIGIN_UNREACHABLE);
  cr_assert_str_eq(f.detail, upstream_error_text(UV_EPROTO));
  turn_loop(f.worker, 3);
  cr_assert_eq(broken_proxy.num_accepted, 1);
  cr_assert_eq(f.site.num_accepted, 0);
  upstream_free(via);
  site_close(&broken_proxy);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_race, takes_a_bad_certificate_for_an_answer) {
  struct fixture f;
  fixture_init(&f);
  struct site second = {0};
  site_open(&second, f.worker);
  site_add(&second, "DNS:secret.test", f.root, &f.keys);
  add_context(&f, "DNS:public.test", f.root, &f.keys);
  const struct endpoint endpoints[] = {
      endpoint_at(1, &f.site.address, 1, &f.keys),
      endpoint_at(2, &second.address, 1, &f.keys)};
  dial_endpoints(&f, endpoints, 2);
  assert_status(&f, ORIGIN_BAD_CERTIFICATE);
  cr_assert_eq(second.num_accepted, 0);
  site_close(&second);
  fixture_cleanup(&f);
}

Test(origin_race, passes_over_endpoints_of_other_protocols) {
  struct fixture f;
  fixture_init(&f);
  struct site wrong = {0};
  site_open(&wrong, f.worker);
  add_context(&f, "DNS:secret.test", f.root, &f.keys);
  struct endpoint endpoints[] = {endpoint_at(1, &wrong.address, 1, &f.keys),
                                 endpoint_at(2, &f.site.address, 1, &f.keys)};
  endpoints[0].alpn = (const uint8_t *)"\x02h3";
  endpoints[0].alpn_len = 3;
  endpoints[0].no_default_alpn = true;
  dial_endpoints(&f, endpoints, 2);
  assert_status(&f, ORIGIN_OK);
  cr_assert_eq(wrong.num_accepted, 0);
  cr_assert_eq(f.hello.alpn_len, strlen(f.alpn), "the client's own list");
  cr_assert_eq(memcmp(f.hello.alpn, f.alpn, f.hello.alpn_len), 0);

  dial_endpoints(&f, endpoints, 1);
  assert_status(&f, ORIGIN_NO_COMPATIBLE_ENDPOINT);
  cr_assert_eq(f.report.hello_len, 0);
  cr_assert_eq(wrong.num_accepted, 0);
  site_close(&wrong);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(origin_race, offers_no_protocol_when_the_client_offers_none) {
  struct fixture f;
  fixture_init(&f);
  add_context(&f, "DNS:secret.test", f.root, &f.keys);
  f.alpn = "";
  dial_private(&f, &f.keys);
  assert_status(&f, ORIGIN_OK);
  cr_assert_null(f.hello.alpn);
  fixture_cleanup(&f);
}

Test(origin_race, says_that_no_endpoint_has_an_address) {
  struct fixture f;
  fixture_init(&f);
  struct endpoint endpoint = endpoint_at(1, NULL, 0, &f.keys);
  dial_endpoints(&f, &endpoint, 1);
  assert_status(&f, ORIGIN_NO_ADDRESS);
  fixture_cleanup(&f);
}

Test(origin_race, can_be_cancelled_while_it_runs) {
  struct fixture f;
  fixture_init(&f);
  struct silent silent;
  silent_open(&silent);
  const struct endpoint endpoints[] = {
      endpoint_at(1, &silent.address, 1, &f.keys),
      endpoint_at(2, &silent.address, 1, &f.keys)};
  struct origin_dial *dial =
      start(&f, answer_with(endpoints, 2, NULL), ORIGIN_PRIVATE);
  uint64_t began = uv_hrtime();
  while (uv_hrtime() - began < UINT64_C(300000000)) {
    uv_run(worker_loop(f.worker), UV_RUN_ONCE);  // both are under way
  }
  origin_dial_cancel(dial);
  turn_loop(f.worker, 3);
  cr_assert_eq(f.num_done, 0);
  silent_close(&silent);
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}
