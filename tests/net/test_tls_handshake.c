// Handshakes: pausing, giving the connection back, and what goes wrong.

#include <openssl/err.h>

#include "net/tls.h"
#include "tls_bed.h"

TestSuite(tls_handshake, .timeout = 30);

static const char *text_of(const struct tls_error *error) {
  static char text[256];
  return tls_error_text(text, sizeof(text), error);
}

// A client that is no TLS client, in `peer`.
static void bed_connect_raw(struct bed *bed, struct peer *peer) {
  bed_connect(bed);
  peer_open(peer, bed->client.transport);
  bed->client.transport = NULL;
  bed_start_server(bed);
}

// Takes the server's connection back into its peer.
static void unwrap(struct bed *bed) {
  struct stream *transport = tls_unwrap(bed->server.tls);
  bed->server.tls = NULL;
  peer_open(&bed->server.peer, transport);
}

Test(tls_handshake, pauses_at_the_client_hello_and_goes_on) {
  struct bed bed;
  bed_init(&bed);
  bed.server_pauses = true;
  bed_connect(&bed);
  bed_start_client(&bed);
  bed_start_server(&bed);
  RUN_UNTIL(bed.worker, bed.server.num_done == 1);
  cr_assert_eq(bed.server.status, TLS_PAUSED);
  cr_assert_str_eq(
      SSL_get_servername(tls_ssl(bed.server.tls), TLSEXT_NAMETYPE_host_name),
      "origin.test");
  size_t len;
  const uint8_t *hello = tls_hello_bytes(bed.server.tls, &len);
  cr_assert_gt(len, 100);
  cr_assert_eq(hello[0], SSL3_RT_HANDSHAKE);
  turn_loop(bed.worker, 3);
  cr_assert_eq(bed.client.num_done, 0);

  bed.server.num_done = 0;
  tls_handshake_start(bed.server.tls, on_side_done, &bed.server);
  cr_assert_eq(bed.server.num_done, 0);
  bed_finish(&bed);
  peer_write_text(&bed.client.peer, "hello");
  RUN_UNTIL(bed.worker, bed.server.peer.got.len == 5);
  bed_cleanup(&bed);
}

Test(tls_handshake, gives_back_a_connection_that_another_session_can_finish) {
  struct bed bed;
  bed_init(&bed);
  bed.server_pauses = true;
  bed_connect(&bed);
  bed_start_client(&bed);
  bed_start_server(&bed);
  RUN_UNTIL(bed.worker, bed.server.num_done == 1);
  cr_assert_eq(bed.server.status, TLS_PAUSED);
  cr_assert_eq(tls_unwrap(bed.server.tls), bed.server.transport);
  bed_start_server(&bed);  // from the bytes that were put back
  bed_finish(&bed);
  bed_cleanup(&bed);
}

Test(tls_handshake, gives_back_the_bytes_as_they_came) {
  struct bed bed;
  bed_init(&bed);
  bed.server_pauses = true;
  bed_connect(&bed);
  bed_start_client(&bed);
  bed_start_server(&bed);
  RUN_UNTIL(bed.worker, bed.server.num_done == 1);
  size_t len;
  const uint8_t *hello = tls_hello_bytes(bed.server.tls, &len);
  struct bytes before = {0};
  bytes_append(&before, hello, len);
  // More comes while it is paused, and must come after them.
  stream_write(bed.client.transport, (const uint8_t *)"more", 4);
  bytes_append(&before, "more", 4);
  turn_loop(bed.worker, 2);
  unwrap(&bed);
  cr_assert_eq(bed.server.peer.num_data, 0);
  RUN_UNTIL(bed.worker, bed.server.peer.got.len == before.len);
  cr_assert_eq(memcmp(bed.server.peer.got.data, before.data, before.len), 0);
  free(before.data);
  turn_loop(bed.worker, 3);
  cr_assert_eq(bed.client.num_done, 0);  // nothing was sent
  bed_cleanup(&bed);
}

Test(tls_handshake, gives_back_what_is_not_tls_and_sends_nothing) {
  static const char *const kTexts[] = {
      "GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n",
      "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
      "\x16\x03\x01\x01\x04\x02 a handshake message of a server's",
      "\x15\x03\x01\x01\x02\x02\x28 an alert",
  };
  for (size_t i = 0; i < sizeof(kTexts) / sizeof(kTexts[0]); i++) {
    struct bed bed;
    bed_init(&bed);
    struct peer raw = {0};
    bed_connect_raw(&bed, &raw);
    peer_write_text(&raw, kTexts[i]);
    if (i >= 2) {  // of which BoringSSL would wait for more
      stream_shutdown(raw.stream);
    }
    RUN_UNTIL(bed.worker, bed.server.num_done == 1);
    cr_assert_eq(bed.server.status, TLS_FAILED);
    unwrap(&bed);
    RUN_UNTIL(bed.worker, bed.server.peer.got.len == strlen(kTexts[i]));
    cr_assert(peer_got_text(&bed.server.peer, kTexts[i]));
    peer_write_text(&bed.server.peer, "answer");
    RUN_UNTIL(bed.worker, raw.got.len >= 6);
    cr_assert(peer_got_text(&raw, "answer"), "%zu", i);
    peer_cleanup(&raw);
    bed_cleanup(&bed);
  }
}

static void on_unwrap_inside(void *owner, enum tls_status status,
                             const struct tls_error *error) {
  struct bed *bed = owner;
  bed->server.num_done++;
  cr_assert_eq(status, TLS_FAILED);
  cr_assert_eq(error->uv_err, 0);
  unwrap(bed);
}

Test(tls_handshake, gives_the_connection_back_inside_its_own_event) {
  struct bed bed;
  bed_init(&bed);
  bed_connect(&bed);
  struct peer raw = {0};
  peer_open(&raw, bed.client.transport);
  SSL *ssl = SSL_new(bed.server_ctx);
  SSL_set_app_data(ssl, &bed);
  bed.server.tls = tls_server_new(bed.worker, bed.server.transport, ssl);
  tls_handshake_start(bed.server.tls, on_unwrap_inside, &bed);
  peer_write_text(&raw, "PRI * HTTP/2.0\r\n\r\n");
  RUN_UNTIL(bed.worker, bed.server.peer.got.len == 18);
  peer_cleanup(&raw);
  bed_cleanup(&bed);
}

Test(tls_handshake, gives_back_the_end_too) {
  struct bed bed;
  bed_init(&bed);
  struct peer raw = {0};
  bed_connect_raw(&bed, &raw);
  peer_write_text(&raw, "\x16\x03\x01");
  stream_shutdown(raw.stream);
  RUN_UNTIL(bed.worker, bed.server.num_done == 1);
  cr_assert_eq(bed.server.status, TLS_FAILED);
  cr_assert_eq(bed.server.error.uv_err, UV_EOF);
  unwrap(&bed);
  RUN_UNTIL(bed.worker, bed.server.peer.num_ends == 1);
  cr_assert_eq(bed.server.peer.end_err, 0);
  cr_assert(peer_got_text(&bed.server.peer, "\x16\x03\x01"));
  peer_write_text(&bed.server.peer, "answer");
  RUN_UNTIL(bed.worker, raw.got.len == 6);
  peer_cleanup(&raw);
  bed_cleanup(&bed);
}

Test(tls_handshake, bounds_what_it_keeps_of_an_endless_hello) {
  struct bed bed;
  bed_init(&bed);
  struct peer raw = {0};
  bed_connect_raw(&bed, &raw);
  // A ClientHello of 16 MiB, one byte in each record.
  static const uint8_t kStart[] = {22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff};
  static const uint8_t kByte[] = {22, 3, 1, 0, 1, 0};
  stream_write(raw.stream, kStart, sizeof(kStart));
  for (int i = 0; i < 100000 && bed.server.num_done == 0; i++) {
    stream_write(raw.stream, kByte, sizeof(kByte));
    if (i % 1000 == 0) {
      turn_loop(bed.worker, 1);
    }
  }
  RUN_UNTIL(bed.worker, bed.server.num_done == 1);
  cr_assert_eq(bed.server.status, TLS_FAILED);
  size_t len;
  tls_hello_bytes(bed.server.tls, &len);
  cr_assert_lt(len, 2 * kWorkerReadSize);
  peer_cleanup(&raw);
  bed_cleanup(&bed);
}

Test(tls_handshake, names_what_is_wrong_with_the_certificate) {
  static const struct {
    const char *names;
    bool is_trusted;
    bool is_expired;
    long verify_result;
    const char *text;
  } kCases[] = {
      {"DNS:origin.test", false, false,
       X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "issuer is not trusted"},
      {"DNS:origin.test", true, true, X509_V_ERR_CERT_HAS_EXPIRED,
       "has expired"},
      {"DNS:*.origin.test", true, false, X509_V_ERR_HOSTNAME_MISMATCH,
       "not valid for the name"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct bed bed;
    bed_init(&bed);
    struct test_cert *other =
        test_cert_new(&(struct test_cert_spec){.is_ca = true});
    struct test_cert *leaf = test_cert_new(&(struct test_cert_spec){
        .names = kCases[i].names,
        .issuer = kCases[i].is_trusted ? bed.cert : other,
        .is_expired = kCases[i].is_expired,
    });
    test_cert_use(bed.server_ctx, leaf);
    bed_connect(&bed);
    bed_start_client(&bed);
    bed_start_server(&bed);
    RUN_UNTIL(bed.worker, bed.client.num_done == 1 && bed.server.num_done == 1);
    cr_assert_eq(bed.client.status, TLS_FAILED);
    cr_assert_eq(bed.client.error.verify_result, kCases[i].verify_result,
                 "%zu: %ld", i, bed.client.error.verify_result);
    cr_assert_not_null(strstr(text_of(&bed.client.error), kCases[i].text), "%s",
                       text_of(&bed.client.error));
    // The server has been told with an alert.
    cr_assert_eq(bed.server.status, TLS_FAILED);
    cr_assert_neq(bed.server.error.alert, 0);
    if (i == 0) {
      cr_assert_not_null(strstr(text_of(&bed.server.error), "unknown_ca"));
    }
    bed_cleanup(&bed);
    test_cert_free(leaf);
    test_cert_free(other);
  }
}

Test(tls_handshake, says_when_the_transport_is_lost) {
  struct bed bed;
  bed_init(&bed);
  bed_connect(&bed);
  bed_start_client(&bed);
  struct peer raw = {0};
  peer_open(&raw, bed.server.transport);
  RUN_UNTIL(bed.worker, raw.num_data == 1);
  peer_cleanup(&raw);
  RUN_UNTIL(bed.worker, bed.client.num_done == 1);
  cr_assert_eq(bed.client.status, TLS_FAILED);
  cr_assert_eq(bed.client.error.uv_err, UV_EOF);
  cr_assert_str_eq(text_of(&bed.client.error),
                   "the peer closed the connection in the handshake");
  bed_cleanup(&bed);
}

Test(tls_handshake, fails_over_a_transport_that_died_before_it) {
  struct bed bed;
  bed_init(&bed);
  bed_connect(&bed);
  stream_write(bed.client.transport, (const uint8_t *)"unread", 6);
  turn_loop(bed.worker, 1);
  stream_close(bed.server.transport);
  turn_loop(bed.worker, 2);
  bed_start_client(&bed);
  bed.client.num_done = 0;
  RUN_UNTIL(bed.worker, bed.client.num_done == 1);
  cr_assert_eq(bed.client.status, TLS_FAILED);
  cr_assert_neq(bed.client.error.uv_err, 0);
  bed_cleanup(&bed);

  // And when the failure is told before the handshake is even asked for.
  bed_init(&bed);
  bed_connect(&bed);
  struct stream *transport = bed.server.transport;
  stream_write(transport, (const uint8_t *)"unread", 6);
  turn_loop(bed.worker, 1);
  stream_close(bed.client.transport);
  turn_loop(bed.worker, 2);
  stream_write(transport, (const uint8_t *)"HTTP/1.1 200 OK\r\n\r\n", 19);
  bed.server.tls =
      tls_server_new(bed.worker, transport, SSL_new(bed.server_ctx));
  turn_loop(bed.worker, 3);
  tls_handshake_start(bed.server.tls, on_side_done, &bed.server);
  cr_assert_eq(bed.server.num_done, 0);
  RUN_UNTIL(bed.worker, bed.server.num_done == 1);
  cr_assert_eq(bed.server.status, TLS_FAILED);
  unwrap(&bed);  // which tells the next owner
  RUN_UNTIL(bed.worker, bed.server.peer.num_ends == 1);
  cr_assert_neq(bed.server.peer.end_err, 0);
  bed_cleanup(&bed);
}

Test(tls_handshake, may_be_closed_inside_its_outcome_and_at_any_time) {
  for (int i = 0; i < 6; i++) {
    struct bed bed;
    bed_init(&bed);
    bed.server_pauses = i == 1;
    bed.server.closes_on_done = i < 3;
    bed.client.closes_on_done = i == 3;
    if (i == 2) {
      SSL_CTX_set_max_proto_version(bed.client_ctx, TLS1_2_VERSION);
      SSL_CTX_set_min_proto_version(bed.server_ctx, TLS1_3_VERSION);
    }
    bed_connect(&bed);
    bed_start_client(&bed);
    bed_start_server(&bed);
    if (i < 3) {
      RUN_UNTIL(bed.worker, bed.server.num_done == 1);
      cr_assert_eq(bed.server.status, (i == 1   ? TLS_PAUSED
                                       : i == 2 ? TLS_FAILED
                                                : TLS_OK));
    } else if (i == 3) {
      RUN_UNTIL(bed.worker, bed.client.num_done == 1);
    } else {
      turn_loop(bed.worker, i - 4);
    }
    bed_cleanup(&bed);
  }
}

Test(tls_handshake, puts_errors_into_plain_words) {
  static const struct {
    struct tls_error error;
    const char *text;
  } kCases[] = {
      {{.ssl_err = ERR_PACK(ERR_LIB_SSL, SSL_R_ECH_REJECTED)},
       "did not accept Encrypted ClientHello"},
      {{.ssl_err = ERR_PACK(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER)},
       "shares no cipher suite"},
      {{.ssl_err = ERR_PACK(ERR_LIB_SSL, SSL_R_BAD_SIGNATURE)},
       "the TLS handshake failed: BAD_SIGNATURE"},
      {{.ssl_err = ERR_PACK(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED),
        .verify_result = X509_V_ERR_INVALID_CALL},
       "it was refused"},
      {{.ssl_err = ERR_PACK(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED),
        .verify_result = X509_V_ERR_CRL_HAS_EXPIRED},
       "CRL has expired"},
      {{.alert = 121}, "TLS alert ech_required (121)"},
      {{.alert = 254}, "not known (254)"},
      {{.uv_err = UV_ECONNRESET}, "connection reset by peer"},
      {{0}, "no reason was given"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    cr_expect_not_null(strstr(text_of(&kCases[i].error), kCases[i].text),
                       "%zu: %s", i, text_of(&kCases[i].error));
  }
  char small[8];
  cr_assert_str_eq(tls_error_text(small, sizeof(small), &kCases[0].error),
                   "the ser");
}
