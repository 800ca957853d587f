#include "ech/origin.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>

#include "ech/config_list.h"
#include "net/dial.h"
#include "net/xalloc.h"

enum {
  // For one endpoint's addresses; a dead endpoint leaves time for the next.
  kConnectTimeoutMs = 5000,
};

struct origin {
  struct worker *worker;
  SSL_CTX *ctx;
};

// A dial's life: find_endpoint, start_connect, start_handshake, and then either
// dial_finish, or once more start_connect with the server's retry
// configurations, or find_endpoint for the next one.
struct origin_dial {
  struct origin *origin;
  char *host;
  struct lookup_answer *answer;
  enum origin_privacy privacy;
  uint8_t *alpn;
  size_t alpn_len;
  const struct upstream *via;
  origin_dial_cb *done;
  void *owner;

  size_t num_tried;    // endpoints taken from `answer` so far
  const uint8_t *ech;  // the configuration to offer: of the endpoint, or
  size_t ech_len;      // `retry_configs`
  uint8_t *retry_configs;
  struct bytes hello;    // the ClientHello sent last
  struct dial *connect;  // one of these two at a time
  struct tls *tls;
  struct task no_endpoint;
  uv_timer_t deadline;
  struct origin_report report;
};

const char *origin_status_str(enum origin_status status) {
  switch (status) {
#define X(name, text) \
  case name:          \
    return text;
    ORIGIN_STATUSES(X)
#undef X
  }
  return "unknown";
}

struct origin *origin_new(struct worker *worker, X509_STORE *trust) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  if (ctx == NULL) {
    abort();
  }
  // The outer hello offers TLS 1.2 too, as browsers do, so that a server that
  // has switched ECH off together with TLS 1.3 can say so (RFC 9849, section
  // 6.1.6). The inner one never does.
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION);
  X509_STORE_up_ref(trust);
  SSL_CTX_set_cert_store(ctx, trust);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  // As Chromium's hellos, which ours then resemble.
  SSL_CTX_set_grease_enabled(ctx, 1);
  SSL_CTX_set_permute_extensions(ctx, 1);
  SSL_CTX_enable_ocsp_stapling(ctx);
  SSL_CTX_enable_signed_cert_timestamps(ctx);

  struct origin *origin = xcalloc(1, sizeof *origin);
  origin->worker = worker;
  origin->ctx = ctx;
  return origin;
}

void origin_free(struct origin *origin) {
  if (origin != NULL) {
    SSL_CTX_free(origin->ctx);
    free(origin);
  }
}

static void on_deadline_closed(uv_handle_t *handle) {
  struct origin_dial *d = handle->data;
  lookup_answer_unref(d->answer);
  free(d->host);
  free(d->alpn);
  free(d->retry_configs);
  free(d->hello.data);
  free(d);
}

void origin_dial_cancel(struct origin_dial *dial) {
  if (dial == NULL) {
    return;
  }
  worker_undefer(dial->origin->worker, &dial->no_endpoint);
  dial_cancel(dial->connect);
  dial->connect = NULL;
  tls_close(dial->tls);
  dial->tls = NULL;
  uv_close((uv_handle_t *)&dial->deadline, on_deadline_closed);
}

// dial_finish reports `status`. The caller returns at once: `d` may be gone.
static void dial_finish(struct origin_dial *d, enum origin_status status) {
  struct tls *tls = NULL;
  if (status == ORIGIN_OK) {
    tls = d->tls;
    d->tls = NULL;  // handed over
    SSL_set_msg_callback(tls_ssl(tls), NULL);
  }
  d->report.hello = d->hello.data;
  d->report.hello_len = d->hello.len;
  d->done(d->owner, status, tls, &d->report);
  origin_dial_cancel(d);
}

static void on_deadline(uv_timer_t *timer) {
  struct origin_dial *d = timer->data;
  dial_finish(d, d->tls != NULL ? ORIGIN_TIMEOUT : ORIGIN_UNREACHABLE);
}

static void on_no_endpoint(void *owner) {
  struct origin_dial *d = owner;
  dial_finish(d, ORIGIN_NO_ADDRESS);
}

static void start_connect(struct origin_dial *d,
                          const struct address *addresses,
                          size_t num_addresses);

// find_endpoint begins with the next endpoint of the answer that may be tried.
// False when there is none.
static bool find_endpoint(struct origin_dial *d) {
  const struct lookup_answer *answer = d->answer;
  if (d->privacy == ORIGIN_CLEAR) {
    if (d->num_tried++ > 0 || answer->num_addresses == 0) {
      return false;
    }
    start_connect(d, answer->addresses, answer->num_addresses);
    return true;
  }
  while (d->num_tried < answer->num_endpoints) {
    const struct endpoint *endpoint = &answer->endpoints[d->num_tried++];
    if (endpoint->ech != NULL && endpoint->num_addresses > 0) {
      d->ech = endpoint->ech;
      d->ech_len = endpoint->ech_len;
      start_connect(d, endpoint->addresses, endpoint->num_addresses);
      return true;
    }
  }
  return false;
}

struct origin_dial *origin_dial_start(struct origin *origin,
                                      const struct origin_request *request,
                                      origin_dial_cb *done, void *owner) {
  assert(request->privacy == ORIGIN_CLEAR ||
         request->answer->status == LOOKUP_ECH);
  struct origin_dial *d = xcalloc(1, sizeof *d);
  d->origin = origin;
  d->host = xstrdup(request->host);
  lookup_answer_ref(request->answer);
  d->answer = request->answer;
  d->privacy = request->privacy;
  d->alpn = xmemdup(request->alpn, request->alpn_len);
  d->alpn_len = request->alpn_len;
  d->via = request->via;
  d->done = done;
  d->owner = owner;
  uv_timer_init(worker_loop(origin->worker), &d->deadline);
  d->deadline.data = d;
  uv_timer_start(&d->deadline, on_deadline, kOriginTimeoutMs, 0);
  if (!find_endpoint(d)) {
    worker_defer(origin->worker, &d->no_endpoint, on_no_endpoint, d);
  }
  return d;
}

static void start_handshake(struct origin_dial *d, struct stream *stream);

static void on_connected(void *owner, int err, struct stream *stream,
                         const struct address *address) {
  struct origin_dial *d = owner;
  d->connect = NULL;
  if (err == 0) {
    d->report.address = *address;
    start_handshake(d, stream);
    return;
  }
  d->report.error =
      (struct tls_error){.uv_err = err, .via_upstream = d->via != NULL};
  if (!find_endpoint(d)) {
    dial_finish(d, ORIGIN_UNREACHABLE);
  }
}

static void start_connect(struct origin_dial *d,
                          const struct address *addresses,
                          size_t num_addresses) {
  d->connect = dial_start(d->origin->worker, d->via, addresses, num_addresses,
                          kConnectTimeoutMs, on_connected, d);
}

// on_message keeps the ClientHello as it goes out, outer as observers see it.
static void on_message(int is_write, int version, int content_type,
                       const void *data, size_t len, SSL *ssl, void *arg) {
  (void)version;
  (void)ssl;
  struct origin_dial *d = arg;
  const uint8_t *message = data;
  if (is_write && content_type == SSL3_RT_HANDSHAKE && len > 0 &&
      message[0] == SSL3_MT_CLIENT_HELLO) {
    d->hello.len = 0;
    bytes_append(&d->hello, message, len);
  }
}

// set_name makes `ssl` ask for the host and accept its certificate only. While
// ECH is rejected, BoringSSL verifies for the public name instead.
static bool set_name(SSL *ssl, const char *host) {
  struct address address;
  if (address_from_ip(&address, host, 0)) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
  }
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                             X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return SSL_set1_host(ssl, host) == 1 &&
         SSL_set_tlsext_host_name(ssl, host) == 1;
}

// set_ech offers the configuration that is to be used, and nothing but that: a
// list in which nothing is supported is success for SSL_set1_ech_config_list,
// and a hello in the clear follows. Nor may the public name be the host's own:
// that would be just as clear, whoever published it.
static bool set_ech(struct origin_dial *d, SSL *ssl) {
  struct ech_config_entry entry;
  uint8_t *list = xmemdup(d->ech, d->ech_len);
  size_t list_len = 0;
  bool ok = ech_config_list_narrow(list, &list_len, d->ech, d->ech_len) &&
            ech_config_list_usable(list, list_len, &entry) &&
            strcasecmp(entry.public_name, d->host) != 0 &&
            SSL_set1_ech_config_list(ssl, list, list_len) == 1;
  if (ok) {
    memcpy(d->report.public_name, entry.public_name, sizeof entry.public_name);
  }
  free(list);
  return ok;
}

static SSL *new_ssl(struct origin_dial *d) {
  SSL *ssl = SSL_new(d->origin->ctx);
  if (ssl == NULL) {
    abort();
  }
  SSL_set_msg_callback(ssl, on_message);
  SSL_set_msg_callback_arg(ssl, d);
  if (!set_name(ssl, d->host) ||
      (d->privacy == ORIGIN_PRIVATE && !set_ech(d, ssl)) ||
      (d->alpn_len > 0 &&
       SSL_set_alpn_protos(ssl, d->alpn, (unsigned)d->alpn_len) != 0)) {
    SSL_free(ssl);
    return NULL;
  }
  return ssl;
}

// What a server's verified retry configurations mean (RFC 9849, section 6.1.6).
enum retry_meaning { RETRY_REPLACES, RETRY_DISABLES, RETRY_UNUSABLE };

static enum retry_meaning read_retry(const uint8_t *configs, size_t len) {
  struct ech_config_entry entry;
  if (len == 0) {
    return RETRY_DISABLES;
  }
  if (ech_config_list_usable(configs, len, &entry)) {
    return RETRY_REPLACES;
  }
  if (!ech_config_list_well_formed(configs, len)) {
    return RETRY_UNUSABLE;
  }
  // Without any version that we know, ECH as we know it is switched off.
  size_t offset = 0;
  while (ech_config_list_next(configs, len, &offset, &entry)) {
    if (entry.verdict != ECH_CONFIG_UNKNOWN_VERSION) {
      return RETRY_UNUSABLE;
    }
  }
  return RETRY_DISABLES;
}

// start_retry connects once more to the same address with the configurations
// that the server, authenticated for its public name, sent (RFC 9849, section
// 6.1.6), or says in `out_status` why it does not.
static bool start_retry(struct origin_dial *d, enum origin_status *out_status) {
  const uint8_t *configs;
  size_t configs_len;
  SSL_get0_ech_retry_configs(tls_ssl(d->tls), &configs, &configs_len);
  enum retry_meaning meaning = read_retry(configs, configs_len);
  if (d->report.retried || meaning != RETRY_REPLACES) {
    *out_status = !d->report.retried && meaning == RETRY_DISABLES
                      ? ORIGIN_ECH_DISABLED
                      : ORIGIN_ECH_REJECTED;
    return false;
  }
  d->retry_configs = xmemdup(configs, configs_len);
  d->ech = d->retry_configs;
  d->ech_len = configs_len;
  d->report.retried = true;
  tls_close(d->tls);
  d->tls = NULL;
  start_connect(d, &d->report.address, 1);
  return true;
}

// failure_status says what a failed handshake means, other than a rejection
// that was verified.
static enum origin_status failure_status(const struct origin_dial *d,
                                         const struct tls_error *error) {
  if (error->verify_result == X509_V_OK) {
    return ORIGIN_TLS_FAILED;
  }
  const char *override;
  size_t override_len;
  SSL_get0_ech_name_override(tls_ssl(d->tls), &override, &override_len);
  return override_len > 0 ? ORIGIN_BAD_PUBLIC_NAME : ORIGIN_BAD_CERTIFICATE;
}

static void on_handshake_failed(struct origin_dial *d,
                                const struct tls_error *error) {
  enum origin_status status;
  d->report.error = *error;
  if (ERR_GET_LIB(error->ssl_err) == ERR_LIB_SSL &&
      ERR_GET_REASON(error->ssl_err) == SSL_R_ECH_REJECTED) {
    if (!start_retry(d, &status)) {
      dial_finish(d, status);
    }
    return;
  }
  status = failure_status(d, error);
  if (status == ORIGIN_TLS_FAILED && error->uv_err != 0 && !d->report.retried) {
    // The network failed, not TLS: another endpoint may do better.
    tls_close(d->tls);
    d->tls = NULL;
    if (find_endpoint(d)) {
      return;
    }
  }
  dial_finish(d, status);
}

static void on_handshake(void *owner, enum tls_status status,
                         const struct tls_error *error) {
  struct origin_dial *d = owner;
  if (status != TLS_OK) {
    on_handshake_failed(d, error);
    return;
  }
  d->report.error = (struct tls_error){0};
  d->report.ech_accepted = SSL_ech_accepted(tls_ssl(d->tls)) == 1;
  // BoringSSL promises this; the promise to the user rests on it.
  bool as_asked = d->privacy == ORIGIN_CLEAR || d->report.ech_accepted;
  dial_finish(d, as_asked ? ORIGIN_OK : ORIGIN_TLS_FAILED);
}

static void start_handshake(struct origin_dial *d, struct stream *stream) {
  SSL *ssl = new_ssl(d);
  if (ssl == NULL) {
    stream_close(stream);
    dial_finish(d, ORIGIN_TLS_FAILED);
    return;
  }
  d->tls = tls_client_new(d->origin->worker, stream, ssl);
  tls_handshake_start(d->tls, on_handshake, d);
}
