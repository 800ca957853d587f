#include "ech/origin_attempt.h"

#include "ech/certificate_verdict.h"
#include "ech/ech_offer.h"
#include "net/xalloc.h"

enum {
  // How long a server gets to judge our certificate, or that we have none: as
  // long as the handshake took, within these.
  kMinVerdictMs = 300,
  kMaxVerdictMs = 1000,
};

struct origin_attempt {
  struct worker *worker;
  bool with_ech;
  bool has_identity;
  struct origin_report *report;
  struct bytes *hello;
  struct bytes *inner_hello;
  origin_attempt_cb *done;
  void *owner;
  struct tls *tls;
  struct certificate_verdict *verdict;  // borrows `tls`
  uint64_t began_at;                    // uv_now
};

static uint64_t now_of(const struct origin_attempt *a) {
  return uv_now(worker_loop(a->worker));
}

// Releases `a` but for its session.
static struct tls *release(struct origin_attempt *a) {
  struct tls *tls = a->tls;
  certificate_verdict_cancel(a->verdict);
  free(a);
  return tls;
}

void origin_attempt_cancel(struct origin_attempt *attempt) {
  if (attempt != NULL) {
    tls_close(release(attempt));
  }
}

bool origin_attempt_is_over(const struct origin_attempt *attempt) {
  return attempt->verdict != NULL;
}

static void finish(struct origin_attempt *a, enum origin_status status) {
  origin_attempt_cb *done = a->done;
  void *owner = a->owner;
  const uint8_t *retry_configs = NULL;
  size_t retry_len = 0;
  struct tls *tls = release(a);
  if (status == ORIGIN_OK) {
    SSL_set_msg_callback(tls_ssl(tls), NULL);
    done(owner, status, tls, NULL, 0);
    return;
  }
  if (status == ORIGIN_ECH_REJECTED) {
    SSL_get0_ech_retry_configs(tls_ssl(tls), &retry_configs, &retry_len);
  }
  done(owner, status, NULL, retry_configs, retry_len);
  tls_close(tls);
}

static void keep_hello(struct bytes *kept, const uint8_t *message, size_t len) {
  kept->len = 0;
  bytes_append(kept, message, len);
}

// on_message keeps the ClientHello as it goes out, outer as observers see it,
// with the inner one, and notes that something came back.
static void on_message(int is_write, int version, int content_type,
                       const void *data, size_t len, SSL *ssl, void *arg) {
  (void)version;
  (void)ssl;
  struct origin_attempt *a = arg;
  const uint8_t *message = data;
  if (!is_write) {
    a->report->answered = true;
  } else if (content_type == SSL3_RT_CLIENT_HELLO_INNER) {
    keep_hello(a->inner_hello, message, len);
  } else if (content_type == SSL3_RT_HANDSHAKE && len > 0 &&
             message[0] == SSL3_MT_CLIENT_HELLO) {
    keep_hello(a->hello, message, len);
  }
}

// A client's callback for its certificate runs when the server asks for one,
// and not when ECH was rejected.
static int on_certificate_request(SSL *ssl, void *arg) {
  (void)ssl;
  struct origin_attempt *a = arg;
  a->report->certificate_requested = true;
  return 1;
}

static enum origin_status verdict_status(const struct origin_attempt *a) {
  return a->has_identity ? ORIGIN_CERTIFICATE_REFUSED
                         : ORIGIN_CERTIFICATE_REQUIRED;
}

static enum origin_status failure_status(const struct origin_attempt *a,
                                         const struct tls_error *error) {
  if (ech_offer_was_rejected(error)) {
    return ORIGIN_ECH_REJECTED;
  }
  if (error->verify_result == X509_V_OK) {
    return a->report->certificate_requested &&
                   certificate_verdict_is_about(error->alert)
               ? verdict_status(a)
               : ORIGIN_TLS_FAILED;
  }
  const char *override;
  size_t override_len;
  SSL_get0_ech_name_override(tls_ssl(a->tls), &override, &override_len);
  return override_len > 0 ? ORIGIN_BAD_PUBLIC_NAME : ORIGIN_BAD_CERTIFICATE;
}

static void on_verdict(void *owner, const struct tls_error *error) {
  struct origin_attempt *a = owner;
  a->verdict = NULL;
  if (error == NULL) {
    finish(a, ORIGIN_OK);
    return;
  }
  a->report->error = *error;
  // To hang up without a word says enough where there was no certificate.
  bool is_verdict =
      !a->has_identity || certificate_verdict_is_about(error->alert);
  finish(a, is_verdict ? verdict_status(a) : ORIGIN_TLS_FAILED);
}

static void start_verdict(struct origin_attempt *a) {
  uint64_t wait = now_of(a) - a->began_at;
  wait = wait < kMinVerdictMs   ? kMinVerdictMs
         : wait > kMaxVerdictMs ? kMaxVerdictMs
                                : wait;
  a->verdict = certificate_verdict_start(a->worker, a->tls, a->with_ech, wait,
                                         on_verdict, a);
}

static void on_handshake(void *owner, enum tls_status status,
                         const struct tls_error *error) {
  struct origin_attempt *a = owner;
  const SSL *ssl = tls_ssl(a->tls);
  if (status != TLS_OK) {
    a->report->error = *error;
    finish(a, failure_status(a, error));
    return;
  }
  a->report->ech_accepted = SSL_ech_accepted(ssl) == 1;
  a->report->resumed = SSL_session_reused(ssl) == 1;
  if (a->with_ech && !a->report->ech_accepted) {
    // BoringSSL promises this; the promise to the user rests on it.
    finish(a, ORIGIN_TLS_FAILED);
  } else if (a->report->certificate_requested &&
             SSL_version(ssl) == TLS1_3_VERSION) {
    start_verdict(a);
  } else {
    finish(a, ORIGIN_OK);
  }
}

struct origin_attempt *origin_attempt_start(
    struct worker *worker, const struct origin_attempt_spec *spec,
    origin_attempt_cb *done, void *owner) {
  struct origin_attempt *a = xcalloc(1, sizeof *a);
  a->worker = worker;
  a->with_ech = spec->with_ech;
  a->has_identity = spec->has_identity;
  a->report = spec->report;
  a->hello = spec->hello;
  a->inner_hello = spec->inner_hello;
  a->done = done;
  a->owner = owner;
  a->began_at = now_of(a);
  a->report->ech_accepted = false;
  a->report->resumed = false;
  a->report->certificate_requested = false;
  a->report->answered = false;
  a->report->error = (struct tls_error){0};
  a->hello->len = 0;
  a->inner_hello->len = 0;
  SSL_set_msg_callback(spec->ssl, on_message);
  SSL_set_msg_callback_arg(spec->ssl, a);
  SSL_set_cert_cb(spec->ssl, on_certificate_request, a);
  a->tls = tls_client_new(worker, spec->stream, spec->ssl);
  tls_handshake_start(a->tls, on_handshake, a);
  return a;
}
