// ech_test is what the tests of DoH and of lookups share: a CA with a
// certificate for the resolver, a listening port, and ECH configurations.

#ifndef ECHPROXY_TESTS_ECH_ECH_TEST_H
#define ECHPROXY_TESTS_ECH_ECH_TEST_H

#include <criterion/criterion.h>
#include <openssl/base64.h>
#include <openssl/hpke.h>
#include <openssl/mem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "ech/dns_server.h"
#include "net/net_test.h"
#include "support/test_cert.h"

static inline void test_worker_free(struct worker *worker) {
  worker_run(worker);
  cr_assert_eq(worker_free(worker), 0, "a handle was left open");
}

// A CA, the certificate of a resolver that it signed, and a store that trusts
// it.
struct test_trust {
  struct test_cert *ca;
  struct test_cert *leaf;
  X509_STORE *store;
};

static inline void test_trust_init(struct test_trust *t, const char *names) {
  t->ca = test_cert_new(&(struct test_cert_spec){.is_ca = true});
  t->leaf =
      test_cert_new(&(struct test_cert_spec){.names = names, .issuer = t->ca});
  t->store = X509_STORE_new();
  cr_assert(X509_STORE_add_cert(t->store, t->ca->cert));
}

static inline void test_trust_cleanup(struct test_trust *t) {
  X509_STORE_free(t->store);
  test_cert_free(t->leaf);
  test_cert_free(t->ca);
}

// test_server_at is the DoH server on a port of loopback, with the name `host`
// or, when that is NULL, its address.
static inline struct dns_server test_server_at(const char *host,
                                               uint16_t port) {
  struct dns_server server = {.port = port, .num_addresses = 1};
  strcpy(server.host, host == NULL ? "127.0.0.1" : host);
  strcpy(server.path, "/dns-query");
  cr_assert(address_from_ip(&server.addresses[0], "127.0.0.1", port));
  return server;
}

// test_listen makes `listener` listen on a free port of 127.0.0.1, which it
// returns.
static inline uint16_t test_listen(uv_tcp_t *listener, struct worker *worker,
                                   uv_connection_cb on_connection,
                                   void *owner) {
  struct address any;
  struct sockaddr_storage sa;
  int len = sizeof(sa);
  address_from_ip(&any, "127.0.0.1", 0);
  address_to_sockaddr(&sa, &any);
  uv_tcp_init(worker_loop(worker), listener);
  listener->data = owner;
  cr_assert_eq(uv_tcp_bind(listener, (struct sockaddr *)&sa, 0), 0);
  cr_assert_eq(uv_listen((uv_stream_t *)listener, 16, on_connection), 0);
  uv_tcp_getsockname(listener, (struct sockaddr *)&sa, &len);
  cr_assert(address_from_sockaddr(&any, (struct sockaddr *)&sa));
  return any.port;
}

// test_ech_base64 makes an ECHConfigList and returns it as base64, released
// with `free`.
static inline char *test_ech_base64(void) {
  EVP_HPKE_KEY *key = EVP_HPKE_KEY_new();
  cr_assert(EVP_HPKE_KEY_generate(key, EVP_hpke_x25519_hkdf_sha256()));
  uint8_t *config;
  size_t config_len;
  cr_assert(
      SSL_marshal_ech_config(&config, &config_len, 7, key, "public.test", 32));
  uint8_t list[512] = {(uint8_t)(config_len >> 8), (uint8_t)config_len};
  cr_assert_lt(config_len, sizeof(list) - 2);
  memcpy(list + 2, config, config_len);
  char *text = calloc(1, 1024);
  EVP_EncodeBlock((uint8_t *)text, list, config_len + 2);
  OPENSSL_free(config);
  EVP_HPKE_KEY_free(key);
  return text;
}

#endif
