#include "ech/resolver_connect.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <uv.h>

#include "ech/ech_offer.h"
#include "ech/retry_configs.h"
#include "ech/server_name.h"
#include "net/dial.h"
#include "net/tls.h"
#include "net/xalloc.h"

enum {
  kDialTimeoutMs = 3000,
  kHandshakeTimeoutMs = 3000,
};

// An attempt holds either `dial` or `tls`, in this order; after a rejection of
// ECH once more from the start.
struct resolver_connect {
  struct worker *worker;
  const struct dns_server *server;
  SSL_CTX *ctx;
  struct server_ech *ech;
  resolver_connect_cb *done;
  void *owner;
  struct task task;  // to fail at once
  uv_timer_t deadline;
  struct dial *dial;
  struct tls *tls;
  struct address address;  // connected to
  bool retried;
  bool offers_ech;
};

// The ALPN list of a server: one protocol.
static const uint8_t *alpn_of(enum dns_server_scheme scheme,
                              unsigned *out_len) {
  static const uint8_t kH2[] = {2, 'h', '2'};
  static const uint8_t kDot[] = {3, 'd', 'o', 't'};
  bool is_dot = scheme == DNS_SERVER_TLS;
  *out_len = is_dot ? sizeof(kDot) : sizeof(kH2);
  return is_dot ? kDot : kH2;
}

SSL_CTX *resolver_ssl_ctx_new(X509_STORE *trust,
                              enum dns_server_scheme scheme) {
  unsigned alpn_len;
  const uint8_t *alpn = alpn_of(scheme, &alpn_len);
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  if (ctx == NULL || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
      SSL_CTX_set_alpn_protos(ctx, alpn, alpn_len) != 0 ||
      !SSL_CTX_set1_verify_cert_store(ctx, trust)) {
    abort();  // out of memory
  }
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  return ctx;
}

// Makes the session's SSL. NULL when the configuration cannot be offered.
static SSL *new_ssl(struct resolver_connect *c) {
  SSL *ssl = SSL_new(c->ctx);
  if (ssl == NULL || !server_name_require(ssl, c->server->host)) {
    abort();
  }
  size_t len;
  uint8_t *list = server_ech_list(c->ech, &len);
  c->offers_ech = list != NULL;
  bool ok = list == NULL || ech_offer_set(ssl, c->server->host, list, len);
  free(list);
  if (!ok) {
    SSL_free(ssl);
    return NULL;
  }
  return ssl;
}

// DoH needs HTTP/2. DoT is older than ALPN, so that servers of it may say
// nothing (RFC 7858, section 3.2).
static bool agreed_on_protocol(const struct resolver_connect *c) {
  const uint8_t *alpn;
  unsigned len, wanted_len;
  const uint8_t *wanted = alpn_of(c->server->scheme, &wanted_len);
  SSL_get0_alpn_selected(tls_ssl(c->tls), &alpn, &len);
  if (len == 0) {
    return c->server->scheme == DNS_SERVER_TLS;
  }
  return len == wanted[0] && memcmp(alpn, wanted + 1, len) == 0;
}

static void on_deadline_closed(uv_handle_t *handle) { free(handle->data); }

void resolver_connect_cancel(struct resolver_connect *c) {
  if (c == NULL) {
    return;
  }
  worker_undefer(c->worker, &c->task);
  dial_cancel(c->dial);
  tls_close(c->tls);
  uv_close((uv_handle_t *)&c->deadline, on_deadline_closed);
}

static void finish(struct resolver_connect *c, enum channel_status status,
                   struct stream *stream) {
  resolver_connect_cb *done = c->done;
  void *owner = c->owner;
  if (status != CHANNEL_OK && c->offers_ech) {
    server_ech_fail(c->ech, uv_now(worker_loop(c->worker)));
  }
  resolver_connect_cancel(c);
  done(owner, status, stream);
}

static void on_no_address(void *owner) {
  finish(owner, CHANNEL_UNREACHABLE, NULL);
}

static void on_handshake_deadline(uv_timer_t *timer) {
  finish(timer->data, CHANNEL_TIMEOUT, NULL);
}

static void start_dial(struct resolver_connect *c,
                       const struct address *addresses, size_t num_addresses);

// Takes what the server, verified for its public name, says about ECH. False
// when there is no way on.
static bool retry(struct resolver_connect *c) {
  const uint8_t *list;
  size_t len;
  SSL_get0_ech_retry_configs(tls_ssl(c->tls), &list, &len);
  enum retry_meaning meaning = retry_configs_read(list, len, c->server->host);
  if (c->retried || meaning == RETRY_UNUSABLE) {
    return false;
  }
  if (meaning == RETRY_REPLACES) {
    server_ech_replace(c->ech, list, len);
  } else {
    server_ech_disable(c->ech);
  }
  c->retried = true;
  tls_close(c->tls);
  c->tls = NULL;
  uv_timer_stop(&c->deadline);
  start_dial(c, &c->address, 1);
  return true;
}

static enum channel_status failure_of(const struct tls_error *error) {
  if (ech_offer_was_rejected(error)) {
    return CHANNEL_ECH_REJECTED;
  }
  return ERR_GET_REASON(error->ssl_err) == SSL_R_CERTIFICATE_VERIFY_FAILED
             ? CHANNEL_UNTRUSTED
             : CHANNEL_TLS_FAILED;
}

static void on_handshake(void *owner, enum tls_status status,
                         const struct tls_error *error) {
  struct resolver_connect *c = owner;
  if (status != TLS_OK) {
    if (!ech_offer_was_rejected(error) || !retry(c)) {
      finish(c, failure_of(error), NULL);
    }
    return;
  }
  if (!agreed_on_protocol(c) ||
      (c->offers_ech && !SSL_ech_accepted(tls_ssl(c->tls)))) {
    finish(c, CHANNEL_TLS_FAILED, NULL);
    return;
  }
  struct stream *stream = tls_stream(c->tls);
  c->tls = NULL;  // handed on
  finish(c, CHANNEL_OK, stream);
}

static void on_dialed(void *owner, int err, struct stream *stream,
                      const struct address *address) {
  struct resolver_connect *c = owner;
  c->dial = NULL;
  if (err != 0) {
    bool has_proxy = c->server->via != NULL;
    finish(c, has_proxy ? CHANNEL_NO_WAY : CHANNEL_UNREACHABLE, NULL);
    return;
  }
  c->address = *address;
  SSL *ssl = new_ssl(c);
  if (ssl == NULL) {
    stream_close(stream);
    finish(c, CHANNEL_TLS_FAILED, NULL);
    return;
  }
  c->tls = tls_client_new(c->worker, stream, ssl);
  uv_timer_start(&c->deadline, on_handshake_deadline, kHandshakeTimeoutMs, 0);
  tls_handshake_start(c->tls, on_handshake, c);
}

static void start_dial(struct resolver_connect *c,
                       const struct address *addresses, size_t num_addresses) {
  c->dial = dial_start(c->worker, c->server->via, addresses, num_addresses,
                       kDialTimeoutMs, on_dialed, c);
}

struct resolver_connect *resolver_connect_start(
    struct worker *worker, const struct dns_server *server, SSL_CTX *ctx,
    struct server_ech *ech, resolver_connect_cb *done, void *owner) {
  struct resolver_connect *c = xcalloc(1, sizeof(*c));
  c->worker = worker;
  c->server = server;
  c->ctx = ctx;
  c->ech = ech;
  c->done = done;
  c->owner = owner;
  uv_timer_init(worker_loop(worker), &c->deadline);
  c->deadline.data = c;
  if (server->num_addresses == 0) {
    worker_defer(worker, &c->task, on_no_address, c);
  } else {
    start_dial(c, server->addresses, server->num_addresses);
  }
  return c;
}
