#include "ech/certificate_verdict.h"

#include "ech/ticket_cache.h"
#include "net/xalloc.h"

struct certificate_verdict {
  struct worker *worker;
  struct tls *tls;
  bool has_tickets;
  certificate_verdict_cb *done;
  void *owner;
  struct task ticket_came;
  uv_timer_t timer;
};

bool certificate_verdict_is_about(uint8_t alert) {
  switch (alert) {
    case SSL_AD_HANDSHAKE_FAILURE:  // TLS 1.2's for one that is missing
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

static void on_timer_closed(uv_handle_t *handle) { free(handle->data); }

void certificate_verdict_cancel(struct certificate_verdict *verdict) {
  if (verdict == NULL) {
    return;
  }
  struct stream *stream = tls_stream(verdict->tls);
  stream_read_stop(stream);
  stream_set_events(stream, NULL, NULL);
  if (verdict->has_tickets) {
    ticket_cache_watch(tls_ssl(verdict->tls), NULL, NULL);
  }
  worker_undefer(verdict->worker, &verdict->ticket_came);
  uv_close((uv_handle_t *)&verdict->timer, on_timer_closed);
}

static void finish(struct certificate_verdict *v,
                   const struct tls_error *error) {
  certificate_verdict_cancel(v);  // `v` lives until on_timer_closed
  v->done(v->owner, error);
}

static void on_data(void *owner, const uint8_t *data, size_t len) {
  struct certificate_verdict *v = owner;
  stream_read_stop(tls_stream(v->tls));
  stream_unread(tls_stream(v->tls), data, len);
  finish(v, NULL);
}

static void on_end(void *owner, int err) {
  struct certificate_verdict *v = owner;
  struct tls_error error = {.alert = tls_alert(v->tls)};
  if (error.alert == 0) {
    error.uv_err = err != 0 ? err : UV_EOF;
  }
  finish(v, &error);
}

static void on_ticket_came(void *owner) { finish(owner, NULL); }

// Runs inside BoringSSL.
static void on_ticket(void *owner) {
  struct certificate_verdict *v = owner;
  worker_defer(v->worker, &v->ticket_came, on_ticket_came, v);
}

static void on_timer(uv_timer_t *timer) { finish(timer->data, NULL); }

struct certificate_verdict *certificate_verdict_start(
    struct worker *worker, struct tls *tls, bool has_tickets,
    uint64_t timeout_ms, certificate_verdict_cb *done, void *owner) {
  static const struct stream_events kEvents = {on_data, on_end, NULL};
  struct certificate_verdict *v = xcalloc(1, sizeof *v);
  v->worker = worker;
  v->tls = tls;
  v->has_tickets = has_tickets;
  v->done = done;
  v->owner = owner;
  uv_timer_init(worker_loop(worker), &v->timer);
  v->timer.data = v;
  uv_timer_start(&v->timer, on_timer, timeout_ms, 0);
  if (has_tickets) {
    ticket_cache_watch(tls_ssl(tls), on_ticket, v);
  }
  stream_set_events(tls_stream(tls), &kEvents, v);
  stream_read_start(tls_stream(tls));
  return v;
}
