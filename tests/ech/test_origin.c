// Sites here are TLS servers of BoringSSL's on loopback, on the same worker as
// the dials that reach them.

#include "ech/origin.h"

#include <criterion/criterion.h>
#include <openssl/hpke.h>

#include "net/net_test.h"
#include "net/tls.h"
#include "net/xalloc.h"
#include "support/test_cert.h"

static const char kHost[] = "secret.test";
static const char kPublicName[] = "public.test";

// A key of an ECH server and the list that publishes it.
struct ech_keys {
  SSL_ECH_KEYS *keys;
  uint8_t *list;
  size_t list_len;
};

static struct ech_keys ech_keys_for(uint8_t config_id,
                                    const char *public_name) {
  struct ech_keys k = {.keys = SSL_ECH_KEYS_new()};
  EVP_HPKE_KEY *key = EVP_HPKE_KEY_new();
  uint8_t *config;
  size_t config_len;
  cr_assert(EVP_HPKE_KEY_generate(key, EVP_hpke_x25519_hkdf_sha256()));
  cr_assert(SSL_marshal_ech_config(&config, &config_len, config_id, key,
                                   public_name, 64));
  cr_assert(SSL_ECH_KEYS_add(k.keys, 1, config, config_len, key));
  cr_assert(SSL_ECH_KEYS_marshal_retry_configs(k.keys, &k.list, &k.list_len));
  OPENSSL_free(config);
  EVP_HPKE_KEY_free(key);
  return k;
}

static struct ech_keys ech_keys_new(uint8_t config_id) {
  return ech_keys_for(config_id, kPublicName);
}

static void ech_keys_free(struct ech_keys *k) {
  SSL_ECH_KEYS_free(k->keys);
  OPENSSL_free(k->list);
}

// A site: each connection gets the next of `contexts`, the last one again and
// again.
struct site {
  struct worker *worker;
  uv_tcp_t handle;
  struct address address;
  SSL_CTX *contexts[2];
  size_t num_contexts;
  size_t num_accepted;
  struct tls *sessions[4];
  bool is_mute;  // never answers the hello
};

static void on_site_handshake(void *owner, enum tls_status status,
                              const struct tls_error *error) {
  (void)owner;
  (void)status;
  (void)error;
}

static void on_site_connection(uv_stream_t *server, int status) {
  struct site *site = server->data;
  cr_assert_eq(status, 0);
  cr_assert_lt(site->num_accepted, 4);
  int err;
  struct stream *stream = tcp_accept(site->worker, server, &err);
  cr_assert_not_null(stream);
  size_t i = site->num_accepted < site->num_contexts ? site->num_accepted
                                                     : site->num_contexts - 1;
  struct tls *tls =
      tls_server_new(site->worker, stream, SSL_new(site->contexts[i]));
  site->sessions[site->num_accepted++] = tls;
  if (!site->is_mute) {
    tls_handshake_start(tls, on_site_handshake, NULL);
  }
}

static void site_open(struct site *site, struct worker *worker) {
  struct sockaddr_storage sa;
  int len = sizeof(sa);
  site->worker = worker;
  cr_assert(address_from_ip(&site->address, "127.0.0.1", 0));
  address_to_sockaddr(&sa, &site->address);
  uv_tcp_init(worker_loop(worker), &site->handle);
  site->handle.data = site;
  cr_assert_eq(uv_tcp_bind(&site->handle, (struct sockaddr *)&sa, 0), 0);
  cr_assert_eq(uv_listen((uv_stream_t *)&site->handle, 16, on_site_connection),
               0);
  uv_tcp_getsockname(&site->handle, (struct sockaddr *)&sa, &len);
  cr_assert(address_from_sockaddr(&site->address, (struct sockaddr *)&sa));
}

static void site_close(struct site *site) {
  for (size_t i = 0; i < site->num_accepted; i++) {
    tls_close(site->sessions[i]);
  }
  uv_close((uv_handle_t *)&site->handle, NULL);
}

static int on_site_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_len,
                        const uint8_t *in, unsigned in_len, void *arg) {
  (void)ssl;
  (void)arg;
  return SSL_select_next_proto((uint8_t **)(uintptr_t)out, out_len,
                               (const uint8_t *)"\x02h2", 3, in,
                               in_len) == OPENSSL_NPN_NEGOTIATED
             ? SSL_TLSEXT_ERR_OK
             : SSL_TLSEXT_ERR_NOACK;
}

// site_context makes a server with `cert`, and ECH when `keys` is not NULL.
static SSL_CTX *site_context(const struct test_cert *cert,
                             const struct ech_keys *keys) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  test_cert_use(ctx, cert);
  SSL_CTX_set_alpn_select_cb(ctx, on_site_alpn, NULL);
  if (keys != NULL) {
    cr_assert(SSL_CTX_set1_ech_keys(ctx, keys->keys));
  }
  return ctx;
}

// What one test stands on, and what its one dial came to.
struct fixture {
  struct worker *worker;
  struct test_cert *root;
  X509_STORE *trust;
  struct origin *origin;
  struct site site;
  struct ech_keys keys;
  int num_done;
  enum origin_status status;
  struct tls *tls;
  struct origin_report report;
  struct client_hello hello;
};

static void fixture_init(struct fixture *f) {
  *f = (struct fixture){.worker = test_worker_new()};
  f->root = test_cert_new(&(struct test_cert_spec){.is_ca = true});
  f->trust = X509_STORE_new();
  X509_STORE_add_cert(f->trust, f->root->cert);
  f->origin = origin_new(f->worker, f->trust);
  f->keys = ech_keys_new(1);
  site_open(&f->site, f->worker);
}

static void fixture_cleanup(struct fixture *f) {
  tls_close(f->tls);
  site_close(&f->site);
  for (size_t i = 0; i < f->site.num_contexts; i++) {
    SSL_CTX_free(f->site.contexts[i]);
  }
  origin_free(f->origin);
  X509_STORE_free(f->trust);
  test_cert_free(f->root);
  ech_keys_free(&f->keys);
  cr_assert_eq(worker_free(f->worker), 0, "a handle was left open");
}

// add_context makes the site answer its next connection with a certificate for
// `names` that `issuer` has signed.
static void add_context(struct fixture *f, const char *names,
                        const struct test_cert *issuer,
                        const struct ech_keys *keys) {
  struct test_cert *cert =
      test_cert_new(&(struct test_cert_spec){.names = names, .issuer = issuer});
  f->site.contexts[f->site.num_contexts++] = site_context(cert, keys);
  test_cert_free(cert);
}

static void on_dialed(void *owner, enum origin_status status, struct tls *tls,
                      const struct origin_report *report) {
  struct fixture *f = owner;
  f->num_done++;
  f->status = status;
  f->tls = tls;
  f->report = *report;
  if (report->hello_len > 0) {
    cr_assert(client_hello_parse(&f->hello, report->hello, report->hello_len));
  }
}

static struct lookup_answer *answer_with(const struct endpoint *endpoints,
                                         size_t num_endpoints,
                                         const struct address *address) {
  return lookup_answer_new(num_endpoints > 0 ? LOOKUP_ECH : LOOKUP_NO_RECORD,
                           "", 60, endpoints, num_endpoints, address,
                           address != NULL ? 1 : 0);
}

static struct origin_dial *start(struct fixture *f, struct lookup_answer *a,
                                 enum origin_privacy privacy) {
  const struct origin_request request = {
      .host = kHost,
      .answer = a,
      .privacy = privacy,
      .alpn = (const uint8_t *)"\x02h2\x08http/1.1",
      .alpn_len = 12,
  };
  struct origin_dial *dial =
      origin_dial_start(f->origin, &request, on_dialed, f);
  lookup_answer_unref(a);
  cr_assert_eq(f->num_done, 0, "done ran inside start");
  return dial;
}

// dial_private reaches the site with the list of `published`.
static void dial_private(struct fixture *f, const struct ech_keys *published) {
  struct endpoint endpoint = {.priority = 1,
                              .target = ".",
                              .ech = published->list,
                              .ech_len = published->list_len,
                              .addresses = &f->site.address,
                              .num_addresses = 1};
  start(f, answer_with(&endpoint, 1, &f->site.address), ORIGIN_PRIVATE);
  RUN_UNTIL(f->worker, f->num_done > 0);
}

static void assert_name_hidden(const struct fixture *f) {
  cr_assert_eq(f->hello.ech, CLIENT_HELLO_ECH_OUTER);
  cr_assert_str_eq(f->hello.server_name, kPublicName);
  cr_assert_str_eq(f->report.public_name, kPublicName);
}

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

Test(origin, heals_a_stale_key_with_the_retry_configurations) {
  struct fixture f;
  fixture_init(&f);
  struct ech_keys stale = ech_keys_new(2);
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
  struct ech_keys stale = ech_keys_new(2);
  struct ech_keys other = ech_keys_new(3);
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
  struct ech_keys stale = ech_keys_new(2);
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
    struct ech_keys own = ech_keys_for(2, "Secret.test");
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
  f.num_done = 0;
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
  fixture_cleanup(&f);
}

Test(origin, can_be_cancelled_at_every_step) {
  struct fixture f;
  fixture_init(&f);
  add_context(&f, "DNS:secret.test", f.root, &f.keys);
  f.site.is_mute = true;
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
