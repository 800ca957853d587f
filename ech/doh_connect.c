#include "ech/doh_connect.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <uv.h>

#include "net/dial.h"
#include "net/tls.h"
#include "net/xalloc.h"

enum {
  kDialTimeoutMs = 3000,
  kHandshakeTimeoutMs = 3000,
};

// An attempt holds either `dial` or `tls`, in this order.
struct doh_connect {
  struct worker *worker;
  const struct doh_server *server;
  SSL_CTX *ctx;
  doh_connect_cb *done;
  void *owner;
  struct task task;  // to fail at once
  uv_timer_t deadline;
  struct dial *dial;
  struct tls *tls;
};

SSL_CTX *doh_ssl_ctx_new(X509_STORE *trust) {
  static const uint8_t kAlpn[] = {2, 'h', '2'};
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  if (ctx == NULL || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
      SSL_CTX_set_alpn_protos(ctx, kAlpn, sizeof(kAlpn)) != 0 ||
      !SSL_CTX_set1_verify_cert_store(ctx, trust)) {
    abort();  // out of memory
  }
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  return ctx;
}

// Makes the session's SSL, which accepts only a certificate for the server's
// name or address.
static SSL *ssl_for(SSL_CTX *ctx, const struct doh_server *server) {
  SSL *ssl = SSL_new(ctx);
  if (ssl == NULL) {
    abort();
  }
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  bool ok;
  if (doh_server_is_ip(server)) {
    const struct address *ip = &server->addresses[0];
    // An IP address is no server name (RFC 6066, section 3).
    ok = X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), ip->ip,
                                   ip->is_ipv6 ? 16 : 4);
  } else {
    ok = SSL_set1_host(ssl, server->host) &&
         SSL_set_tlsext_host_name(ssl, server->host);
  }
  if (!ok) {
    abort();
  }
  return ssl;
}

static bool agreed_on_h2(const SSL *ssl) {
  const uint8_t *alpn;
  unsigned len;
  SSL_get0_alpn_selected(ssl, &alpn, &len);
  return len == 2 && memcmp(alpn, "h2", 2) == 0;
}

static void on_deadline_closed(uv_handle_t *handle) { free(handle->data); }

void doh_connect_cancel(struct doh_connect *c) {
  if (c == NULL) {
    return;
  }
  worker_undefer(c->worker, &c->task);
  dial_cancel(c->dial);
  tls_close(c->tls);
  uv_close((uv_handle_t *)&c->deadline, on_deadline_closed);
}

static void finish(struct doh_connect *c, enum doh_status status,
                   struct stream *stream) {
  doh_connect_cb *done = c->done;
  void *owner = c->owner;
  doh_connect_cancel(c);
  done(owner, status, stream);
}

static void on_no_address(void *owner) { finish(owner, DOH_UNREACHABLE, NULL); }

static void on_handshake_deadline(uv_timer_t *timer) {
  finish(timer->data, DOH_TIMEOUT, NULL);
}

static enum doh_status failure_of(const struct tls_error *error) {
  return ERR_GET_REASON(error->ssl_err) == SSL_R_CERTIFICATE_VERIFY_FAILED
             ? DOH_UNTRUSTED
             : DOH_TLS_FAILED;
}

static void on_handshake(void *owner, enum tls_status status,
                         const struct tls_error *error) {
  struct doh_connect *c = owner;
  if (status != TLS_OK) {
    finish(c, failure_of(error), NULL);
  } else if (!agreed_on_h2(tls_ssl(c->tls))) {
    finish(c, DOH_TLS_FAILED, NULL);
  } else {
    struct stream *stream = tls_stream(c->tls);
    c->tls = NULL;  // handed on
    finish(c, DOH_OK, stream);
  }
}

static void on_dialed(void *owner, int err, struct stream *stream,
                      const struct address *address) {
  (void)address;
  struct doh_connect *c = owner;
  c->dial = NULL;
  if (err != 0) {
    finish(c, c->server->via != NULL ? DOH_NO_WAY : DOH_UNREACHABLE, NULL);
    return;
  }
  c->tls = tls_client_new(c->worker, stream, ssl_for(c->ctx, c->server));
  uv_timer_start(&c->deadline, on_handshake_deadline, kHandshakeTimeoutMs, 0);
  tls_handshake_start(c->tls, on_handshake, c);
}

struct doh_connect *doh_connect_start(struct worker *worker,
                                      const struct doh_server *server,
                                      SSL_CTX *ctx, doh_connect_cb *done,
                                      void *owner) {
  struct doh_connect *c = xcalloc(1, sizeof(*c));
  c->worker = worker;
  c->server = server;
  c->ctx = ctx;
  c->done = done;
  c->owner = owner;
  uv_timer_init(worker_loop(worker), &c->deadline);
  c->deadline.data = c;
  if (server->num_addresses == 0) {
    worker_defer(worker, &c->task, on_no_address, c);
  } else {
    c->dial = dial_start(worker, server->via, server->addresses,
                         server->num_addresses, kDialTimeoutMs, on_dialed, c);
  }
  return c;
}
