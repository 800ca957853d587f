// tls_bed is two ends of a TLS session in one process, for the tests of tls.

#ifndef ECHPROXY_TESTS_NET_TLS_BED_H
#define ECHPROXY_TESTS_NET_TLS_BED_H

#include "net/tls.h"
#include "net_test.h"
#include "support/test_cert.h"

// One end, and what its handshake came to.
struct side {
  struct tls *tls;
  struct stream *transport;  // that of `tls`, to look at or to spoil
  struct peer peer;          // once the session is open
  int num_done;
  enum tls_status status;
  struct tls_error error;
  bool closes_on_done;
};

struct bed {
  struct worker *worker;
  struct test_cert *cert;
  SSL_CTX *client_ctx;
  SSL_CTX *server_ctx;
  struct side client;
  struct side server;
  bool server_pauses;  // once, at the ClientHello
};

static inline void on_side_done(void *owner, enum tls_status status,
                                const struct tls_error *error) {
  struct side *side = owner;
  side->num_done++;
  side->status = status;
  cr_assert_eq(error != NULL, status == TLS_FAILED);
  side->error = error != NULL ? *error : (struct tls_error){0};
  if (side->closes_on_done) {
    tls_close(side->tls);
    side->tls = NULL;
  }
}

static inline enum ssl_select_cert_result_t on_client_hello(
    const SSL_CLIENT_HELLO *hello) {
  struct bed *bed = SSL_get_app_data(hello->ssl);
  if (bed->server_pauses) {
    bed->server_pauses = false;
    return ssl_select_cert_retry;
  }
  return ssl_select_cert_success;
}

static inline void bed_init(struct bed *bed) {
  *bed = (struct bed){.worker = test_worker_new()};
  bed->cert = test_cert_new(&(struct test_cert_spec){
      .names = "DNS:origin.test,DNS:other.test", .is_ca = true});
  bed->client_ctx = SSL_CTX_new(TLS_method());
  bed->server_ctx = SSL_CTX_new(TLS_method());
  test_cert_trust(bed->client_ctx, bed->cert);
  test_cert_use(bed->server_ctx, bed->cert);
  SSL_CTX_set_select_certificate_cb(bed->server_ctx, on_client_hello);
}

static inline void bed_connect(struct bed *bed) {
  test_tcp_pair(bed->worker, &bed->client.transport, &bed->server.transport);
}

static inline void bed_start_client(struct bed *bed) {
  SSL *ssl = SSL_new(bed->client_ctx);
  SSL_set_tlsext_host_name(ssl, "origin.test");
  SSL_set1_host(ssl, "origin.test");
  struct side *side = &bed->client;
  side->num_done = 0;
  side->tls = tls_client_new(bed->worker, side->transport, ssl);
  tls_handshake_start(side->tls, on_side_done, side);
  cr_assert_eq(side->num_done, 0);
}

static inline void bed_start_server(struct bed *bed) {
  SSL *ssl = SSL_new(bed->server_ctx);
  SSL_set_app_data(ssl, bed);
  struct side *side = &bed->server;
  side->num_done = 0;
  side->tls = tls_server_new(bed->worker, side->transport, ssl);
  tls_handshake_start(side->tls, on_side_done, side);
  cr_assert_eq(side->num_done, 0);
}

// The peer takes the open session.
static inline void side_open(struct side *side) {
  peer_open(&side->peer, tls_stream(side->tls));
  side->tls = NULL;
}

// Finishes both handshakes and begins to read on both sides.
static inline void bed_finish(struct bed *bed) {
  RUN_UNTIL(bed->worker,
            bed->client.num_done == 1 && bed->server.num_done == 1);
  cr_assert_eq(bed->client.status, TLS_OK);
  cr_assert_eq(bed->server.status, TLS_OK);
  side_open(&bed->client);
  side_open(&bed->server);
}

static inline void bed_open(struct bed *bed) {
  bed_connect(bed);
  bed_start_client(bed);
  bed_start_server(bed);
  bed_finish(bed);
}

static inline void side_cleanup(struct side *side) {
  tls_close(side->tls);
  peer_cleanup(&side->peer);
  *side = (struct side){0};
}

static inline void bed_cleanup(struct bed *bed) {
  side_cleanup(&bed->client);
  side_cleanup(&bed->server);
  cr_assert_eq(worker_free(bed->worker), 0);
  SSL_CTX_free(bed->client_ctx);
  SSL_CTX_free(bed->server_ctx);
  test_cert_free(bed->cert);
}

#endif
