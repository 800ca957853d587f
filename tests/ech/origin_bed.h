// origin_bed is what the tests of origin stand on. Sites are TLS servers of
// BoringSSL's on loopback, on the same worker as the dials that reach them.
// Whatever ClientHello a site receives is looked at as an observer would.

#ifndef ECHPROXY_TESTS_ECH_ORIGIN_BED_H
#define ECHPROXY_TESTS_ECH_ORIGIN_BED_H

#include <criterion/criterion.h>

#include "ech/client_hello.h"
#include "ech/ech_keys.h"
#include "ech/origin.h"
#include "net/net_test.h"
#include "net/tls.h"
#include "net/xalloc.h"
#include "support/test_cert.h"

static const char kHost[] = "secret.test";
static const char kPublicName[] = "public.test";

enum { kPort = 443, kMaxSessions = 12 };

// What a site does with a connection before TLS.
enum site_manner {
  SITE_ANSWERS,
  SITE_IS_MUTE,         // never answers the hello
  SITE_HANGS_UP,        // ends the connection when the hello comes
  SITE_TALKS_NONSENSE,  // answers with what is of no protocol
};

// A site: each connection gets the next of `contexts`, the last one again and
// again.
struct site {
  struct worker *worker;
  uv_tcp_t handle;
  struct address address;
  enum site_manner manner;
  SSL_CTX *contexts[4];
  size_t num_contexts;
  size_t num_accepted;
  struct tls *sessions[kMaxSessions];  // by connection, either of these
  struct stream *connections[kMaxSessions];
  bool greets;               // sends an octet when the handshake is done
  bool flushes_tickets;      // without any octet
  struct stream *transport;  // of the last session, which owns it
  // Seen on the wire.
  size_t num_hellos;
  size_t num_names_seen;    // hellos with the host in the clear
  size_t num_tickets_seen;  // hellos with a pre_shared_key in the clear
  // Known to the server.
  size_t num_certificates;  // of clients
  size_t num_handshakes;    // done
};

// hello_has_extension looks for an extension in a ClientHello message.
static inline bool hello_has_extension(const uint8_t *message, size_t len,
                                       uint16_t wanted) {
  CBS cbs, skipped, extensions, body;
  uint16_t type;
  CBS_init(&cbs, message, len);
  cr_assert(CBS_skip(&cbs, 4 + 2 + 32));
  cr_assert(CBS_get_u8_length_prefixed(&cbs, &skipped));
  cr_assert(CBS_get_u16_length_prefixed(&cbs, &skipped));
  cr_assert(CBS_get_u8_length_prefixed(&cbs, &skipped));
  cr_assert(CBS_get_u16_length_prefixed(&cbs, &extensions));
  while (CBS_get_u16(&extensions, &type) &&
         CBS_get_u16_length_prefixed(&extensions, &body)) {
    if (type == wanted) {
      return true;
    }
  }
  return false;
}

// Of a server's messages, the outer hello is what an observer sees.
static inline void on_site_message(int is_write, int version, int content_type,
                                   const void *data, size_t len, SSL *ssl,
                                   void *arg) {
  (void)version;
  (void)ssl;
  struct site *site = arg;
  const uint8_t *message = data;
  struct client_hello hello;
  if (is_write || content_type != SSL3_RT_HANDSHAKE ||
      message[0] != SSL3_MT_CLIENT_HELLO) {
    return;
  }
  cr_assert(client_hello_parse(&hello, message, len));
  site->num_hellos++;
  site->num_names_seen += strcmp(hello.server_name, kHost) == 0;
  site->num_tickets_seen +=
      hello_has_extension(message, len, TLSEXT_TYPE_pre_shared_key);
}

// BoringSSL's servers keep their tickets back until they have something to say.
static inline void site_flush_tickets(struct site *site, struct tls *tls) {
  struct bytes *out = worker_out_buffer(site->worker);
  out->len = 0;
  SSL_write(tls_ssl(tls), "", 0);
  stream_write(site->transport, out->data, out->len);
  out->len = 0;
}

static inline void on_site_handshake(void *owner, enum tls_status status,
                                     const struct tls_error *error) {
  (void)error;
  struct site *site = owner;
  struct tls *last = site->sessions[site->num_accepted - 1];
  if (status != TLS_OK) {
    return;
  }
  site->num_handshakes++;
  if (site->flushes_tickets) {
    site_flush_tickets(site, last);
  }
  if (site->greets) {
    stream_write(tls_stream(last), (const uint8_t *)"x", 1);
  }
}

static inline void site_refuse(struct site *site) {
  struct stream **last = &site->connections[site->num_accepted - 1];
  stream_close(*last);
  *last = NULL;
}

static inline void on_rude_data(void *owner, const uint8_t *data, size_t len) {
  struct site *site = owner;
  (void)data;
  (void)len;
  if (site->manner == SITE_HANGS_UP) {
    site_refuse(site);
  } else if (site->manner == SITE_TALKS_NONSENSE) {
    stream_write(site->connections[site->num_accepted - 1],
                 (const uint8_t *)"nonsense", 8);
  }
}

static inline void on_rude_end(void *owner, int err) {
  (void)owner;
  (void)err;
}

static const struct stream_events kRudeEvents = {on_rude_data, on_rude_end,
                                                 NULL};

static inline void on_site_connection(uv_stream_t *server, int status) {
  struct site *site = server->data;
  cr_assert_eq(status, 0);
  cr_assert_lt(site->num_accepted, kMaxSessions);
  int err;
  struct stream *stream = tcp_accept(site->worker, server, &err);
  cr_assert_not_null(stream);
  size_t at = site->num_accepted++;
  if (site->manner != SITE_ANSWERS) {
    site->connections[at] = stream;
    stream_set_events(stream, &kRudeEvents, site);
    stream_read_start(stream);
    return;
  }
  size_t i = at < site->num_contexts ? at : site->num_contexts - 1;
  SSL *ssl = SSL_new(site->contexts[i]);
  SSL_set_msg_callback(ssl, on_site_message);
  SSL_set_msg_callback_arg(ssl, site);
  SSL_set_app_data(ssl, site);
  site->transport = stream;
  site->sessions[at] = tls_server_new(site->worker, stream, ssl);
  tls_handshake_start(site->sessions[at], on_site_handshake, site);
}

static inline void site_open_at(struct site *site, struct worker *worker,
                                const char *ip) {
  struct sockaddr_storage sa;
  int len = sizeof(sa);
  site->worker = worker;
  cr_assert(address_from_ip(&site->address, ip, 0));
  address_to_sockaddr(&sa, &site->address);
  uv_tcp_init(worker_loop(worker), &site->handle);
  site->handle.data = site;
  cr_assert_eq(uv_tcp_bind(&site->handle, (struct sockaddr *)&sa, 0), 0);
  cr_assert_eq(uv_listen((uv_stream_t *)&site->handle, 16, on_site_connection),
               0);
  uv_tcp_getsockname(&site->handle, (struct sockaddr *)&sa, &len);
  cr_assert(address_from_sockaddr(&site->address, (struct sockaddr *)&sa));
}

static inline void site_open(struct site *site, struct worker *worker) {
  site_open_at(site, worker, "127.0.0.1");
}

static inline void site_close(struct site *site) {
  for (size_t i = 0; i < site->num_accepted; i++) {
    tls_close(site->sessions[i]);
    stream_close(site->connections[i]);
  }
  for (size_t i = 0; i < site->num_contexts; i++) {
    SSL_CTX_free(site->contexts[i]);
  }
  uv_close((uv_handle_t *)&site->handle, NULL);
}

static inline int on_site_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_len,
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
static inline SSL_CTX *site_context(const struct test_cert *cert,
                                    const struct ech_keys *keys) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  test_cert_use(ctx, cert);
  SSL_CTX_set_alpn_select_cb(ctx, on_site_alpn, NULL);
  SSL_CTX_set_session_id_context(ctx, (const uint8_t *)"site", 4);
  if (keys != NULL) {
    cr_assert(SSL_CTX_set1_ech_keys(ctx, keys->keys));
  }
  return ctx;
}

// on_client_certificate accepts any.
static inline enum ssl_verify_result_t on_client_certificate(SSL *ssl,
                                                             uint8_t *alert) {
  (void)alert;
  struct site *site = SSL_get_app_data(ssl);
  site->num_certificates++;
  return ssl_verify_ok;
}

// site_ask makes `ctx` ask clients for a certificate, and insist on it when
// `mode` has SSL_VERIFY_FAIL_IF_NO_PEER_CERT.
static inline void site_ask(SSL_CTX *ctx, int mode) {
  SSL_CTX_set_custom_verify(ctx, SSL_VERIFY_PEER | mode, on_client_certificate);
}

// What one test stands on, and what its last dial came to.
struct fixture {
  struct worker *worker;
  struct test_cert *root;
  X509_STORE *trust;
  struct origin *origin;
  struct site site;
  struct ech_keys keys;
  // What dials ask for.
  uint64_t expires_at;  // of the answer
  const struct origin_identity *identity;
  uint16_t port;
  const char *alpn;
  uint64_t timeout_ms;
  const struct upstream *via;
  // What came out.
  int num_done;
  enum origin_status status;
  struct tls *tls;
  struct origin_report report;
  struct client_hello hello;  // of `hello_bytes`
  uint8_t *hello_bytes;
  struct client_hello inner;  // of `inner_bytes`
  uint8_t *inner_bytes;
  char detail[kOriginDetailSize];
  int num_read;  // events of `tls`
};

static inline void fixture_init(struct fixture *f) {
  *f = (struct fixture){
      .worker = test_worker_new(),
      .port = kPort,
      .expires_at = UINT64_MAX,
      .alpn = "\x02h2\x08http/1.1",
  };
  f->root = test_cert_new(&(struct test_cert_spec){.is_ca = true});
  f->trust = X509_STORE_new();
  X509_STORE_add_cert(f->trust, f->root->cert);
  f->origin = origin_new(f->trust);
  f->keys = ech_keys_new(1, kPublicName);
  site_open(&f->site, f->worker);
}

static inline void fixture_cleanup(struct fixture *f) {
  tls_close(f->tls);
  free(f->hello_bytes);
  free(f->inner_bytes);
  site_close(&f->site);
  origin_free(f->origin);
  X509_STORE_free(f->trust);
  test_cert_free(f->root);
  ech_keys_free(&f->keys);
  cr_assert_eq(worker_free(f->worker), 0, "a handle was left open");
}

// site_add makes `site` answer its next connection with a certificate for
// `names` that `issuer` has signed.
static inline SSL_CTX *site_add(struct site *site, const char *names,
                                const struct test_cert *issuer,
                                const struct ech_keys *keys) {
  struct test_cert *cert =
      test_cert_new(&(struct test_cert_spec){.names = names, .issuer = issuer});
  SSL_CTX *ctx = site_context(cert, keys);
  test_cert_free(cert);
  site->contexts[site->num_contexts++] = ctx;
  return ctx;
}

static inline void add_context(struct fixture *f, const char *names,
                               const struct test_cert *issuer,
                               const struct ech_keys *keys) {
  site_add(&f->site, names, issuer, keys);
}

static inline void on_dialed(void *owner, enum origin_status status,
                             struct tls *tls,
                             const struct origin_report *report) {
  struct fixture *f = owner;
  f->num_done++;
  f->status = status;
  f->tls = tls;
  f->report = *report;
  origin_report_detail(f->detail, status, report);
  cr_assert_eq(tls != NULL, status == ORIGIN_OK);
  if (report->hello_len > 0) {
    free(f->hello_bytes);
    f->hello_bytes = xmemdup(report->hello, report->hello_len);
    cr_assert(client_hello_parse(&f->hello, f->hello_bytes, report->hello_len));
  }
  if (report->inner_hello_len > 0) {
    free(f->inner_bytes);
    f->inner_bytes = xmemdup(report->inner_hello, report->inner_hello_len);
    cr_assert(
        client_hello_parse(&f->inner, f->inner_bytes, report->inner_hello_len));
  }
}

static inline struct lookup_answer *answer_with(
    const struct endpoint *endpoints, size_t num_endpoints,
    const struct address *address) {
  return lookup_answer_new(num_endpoints > 0 ? LOOKUP_ECH : LOOKUP_NO_RECORD,
                           "", 60, endpoints, num_endpoints, address,
                           address != NULL ? 1 : 0);
}

// start dials as `f` says and `answer`, which it takes, does.
static inline struct origin_dial *start(struct fixture *f,
                                        struct lookup_answer *answer,
                                        enum origin_privacy privacy) {
  answer->expires_at = f->expires_at;
  const struct origin_request request = {
      .host = kHost,
      .port = f->port,
      .answer = answer,
      .privacy = privacy,
      .alpn = (const uint8_t *)f->alpn,
      .alpn_len = strlen(f->alpn),
      .identity = f->identity,
      .via = f->via,
      .timeout_ms = f->timeout_ms,
  };
  tls_close(f->tls);
  f->tls = NULL;
  f->num_done = 0;
  struct origin_dial *dial =
      origin_dial_start(f->origin, f->worker, &request, on_dialed, f);
  lookup_answer_unref(answer);
  cr_assert_eq(f->num_done, 0, "done ran inside start");
  return dial;
}

// endpoint_at makes an endpoint of the host with the list of `published`.
static inline struct endpoint endpoint_at(uint16_t priority,
                                          const struct address *addresses,
                                          size_t num_addresses,
                                          const struct ech_keys *published) {
  return (struct endpoint){.priority = priority,
                           .target = ".",
                           .ech = published->list,
                           .ech_len = published->list_len,
                           .addresses = addresses,
                           .num_addresses = num_addresses};
}

// dial_endpoints reaches one of `endpoints`.
static inline void dial_endpoints(struct fixture *f,
                                  const struct endpoint *endpoints,
                                  size_t num_endpoints) {
  start(f, answer_with(endpoints, num_endpoints, NULL), ORIGIN_PRIVATE);
  RUN_UNTIL(f->worker, f->num_done > 0);
}

// dial_private reaches the site with the list of `published`.
static inline void dial_private(struct fixture *f,
                                const struct ech_keys *published) {
  struct endpoint endpoint = endpoint_at(1, &f->site.address, 1, published);
  dial_endpoints(f, &endpoint, 1);
}

static inline void on_read(void *owner, const uint8_t *data, size_t len) {
  struct fixture *f = owner;
  (void)data;
  (void)len;
  f->num_read++;
}

static inline void on_read_end(void *owner, int err) {
  (void)err;
  struct fixture *f = owner;
  f->num_read++;
}

// read_tickets lets what the site sent after the handshake come in. The site
// greets.
static inline void read_tickets(struct fixture *f) {
  static const struct stream_events kEvents = {on_read, on_read_end, NULL};
  f->num_read = 0;
  stream_set_events(tls_stream(f->tls), &kEvents, f);
  stream_read_start(tls_stream(f->tls));
  RUN_UNTIL(f->worker, f->num_read > 0);
}

#define assert_status(f, expected)                \
  cr_assert_eq((f)->status, (expected), "%s: %s", \
               origin_status_str((f)->status), (f)->detail)

static inline void assert_name_hidden(const struct fixture *f) {
  cr_assert_eq(f->hello.ech, CLIENT_HELLO_ECH_OUTER);
  cr_assert_str_eq(f->hello.server_name, kPublicName);
  cr_assert_str_eq(f->report.public_name, kPublicName);
  cr_assert_eq(f->site.num_names_seen, 0);
  cr_assert_eq(f->site.num_tickets_seen, 0);
}

#endif
