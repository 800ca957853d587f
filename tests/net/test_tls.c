#include "net/tls.h"

#include "net_test.h"
#include "support/test_cert.h"

TestSuite(tls, .timeout = 60);

static const char kName[] = "origin.test";

// Two ends of a TLS session, not yet open.
struct bed {
  struct worker *worker;
  struct test_cert *cert;
  SSL_CTX *client_ctx;
  SSL_CTX *server_ctx;
  struct tls *client;
  struct tls *server;
  bool server_pauses;
  // What the two handshakes came to.
  int num_client_done;
  int num_server_done;
  enum tls_status client_status;
  enum tls_status server_status;
  struct tls_error client_error;
  struct tls_error server_error;
  struct peer a;  // on the client's side
  struct peer b;  // on the server's side
};

static void on_client_done(void *owner, enum tls_status status,
                           const struct tls_error *error) {
  struct bed *bed = owner;
  bed->num_client_done++;
  bed->client_status = status;
  if (error != NULL) {
    bed->client_error = *error;
  }
}

static void on_server_done(void *owner, enum tls_status status,
                           const struct tls_error *error) {
  struct bed *bed = owner;
  bed->num_server_done++;
  bed->server_status = status;
  if (error != NULL) {
    bed->server_error = *error;
  }
}

static enum ssl_select_cert_result_t on_client_hello(
    const SSL_CLIENT_HELLO *hello) {
  struct bed *bed = SSL_get_app_data(hello->ssl);
  if (bed->server_pauses) {
    bed->server_pauses = false;
    return ssl_select_cert_retry;
  }
  return ssl_select_cert_success;
}

static void bed_init(struct bed *bed) {
  *bed = (struct bed){.worker = test_worker_new()};
  bed->cert =
      test_cert_new(&(struct test_cert_spec){.names = "DNS:origin.test"});
  bed->client_ctx = SSL_CTX_new(TLS_method());
  bed->server_ctx = SSL_CTX_new(TLS_method());
  test_cert_trust(bed->client_ctx, bed->cert);
  test_cert_use(bed->server_ctx, bed->cert);
  SSL_CTX_set_select_certificate_cb(bed->server_ctx, on_client_hello);
}

static SSL *client_ssl(struct bed *bed) {
  SSL *ssl = SSL_new(bed->client_ctx);
  SSL_set_tlsext_host_name(ssl, kName);
  SSL_set1_host(ssl, kName);
  return ssl;
}

static SSL *server_ssl(struct bed *bed) {
  SSL *ssl = SSL_new(bed->server_ctx);
  SSL_set_app_data(ssl, bed);
  return ssl;
}

static void bed_start(struct bed *bed, struct stream *client,
                      struct stream *server) {
  bed->client = tls_client_new(bed->worker, client, client_ssl(bed));
  bed->server = tls_server_new(bed->worker, server, server_ssl(bed));
  tls_handshake_start(bed->client, on_client_done, bed);
  tls_handshake_start(bed->server, on_server_done, bed);
  cr_assert_eq(bed->num_client_done + bed->num_server_done, 0);
}

static void bed_open(struct bed *bed) {
  struct stream *client;
  struct stream *server;
  test_tcp_pair(bed->worker, &client, &server);
  bed_start(bed, client, server);
  RUN_UNTIL(bed->worker,
            bed->num_client_done == 1 && bed->num_server_done == 1);
  cr_assert_eq(bed->client_status, TLS_OK);
  cr_assert_eq(bed->server_status, TLS_OK);
  peer_open(&bed->a, tls_stream(bed->client));
  peer_open(&bed->b, tls_stream(bed->server));
}

static void bed_cleanup(struct bed *bed) {
  peer_cleanup(&bed->a);
  peer_cleanup(&bed->b);
  cr_assert_eq(worker_free(bed->worker), 0);
  SSL_CTX_free(bed->client_ctx);
  SSL_CTX_free(bed->server_ctx);
  test_cert_free(bed->cert);
}

Test(tls, carries_text_both_ways) {
  struct bed bed;
  bed_init(&bed);
  bed_open(&bed);
  peer_write_text(&bed.a, "ping");
  peer_write_text(&bed.b, "pong");
  RUN_UNTIL(bed.worker, bed.a.got.len == 4 && bed.b.got.len == 4);
  cr_assert(peer_got_text(&bed.a, "pong"));
  cr_assert(peer_got_text(&bed.b, "ping"));
  bed_cleanup(&bed);
}
