// origin_attempt is one TLS handshake with a site over one connection, and the
// server's verdict on a client certificate after it. What a failure means for
// the dial as a whole is origin.c's to say.

#ifndef ECHPROXY_ECH_ORIGIN_ATTEMPT_H
#define ECHPROXY_ECH_ORIGIN_ATTEMPT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/origin_report.h"
#include "net/tls.h"
#include "net/worker.h"

struct origin_attempt;

// origin_attempt_cb receives the outcome. On ORIGIN_OK it takes `tls`; else
// that is NULL and `report->error` says why. ORIGIN_ECH_REJECTED means that the
// server, verified for the public name, does not accept the configuration; with
// it come the retry configurations that it sent, borrowed until the callback
// returns, `retry_len` 0 for none. The other outcomes are ORIGIN_TLS_FAILED,
// _BAD_CERTIFICATE, _BAD_PUBLIC_NAME, _CERTIFICATE_REQUIRED and _REFUSED.
typedef void origin_attempt_cb(void *owner, enum origin_status status,
                               struct tls *tls, const uint8_t *retry_configs,
                               size_t retry_len);

// What an attempt is made of.
struct origin_attempt_spec {
  struct stream *stream;  // taken
  SSL *ssl;               // taken
  bool with_ech;          // it offers ECH and is attached to a ticket cache
  bool has_identity;      // it has a client certificate
  // Borrowed while the attempt runs: what happened, the ClientHello and the one
  // that was encrypted in it, of this attempt alone.
  struct origin_report *report;
  struct bytes *hello;
  struct bytes *inner_hello;
};

// origin_attempt_start begins the handshake. It has no time limit. The result
// is valid until `done` runs or origin_attempt_cancel is called.
struct origin_attempt *origin_attempt_start(
    struct worker *worker, const struct origin_attempt_spec *spec,
    origin_attempt_cb *done, void *owner);

// origin_attempt_is_over says whether the handshake is done, with nothing but
// the verdict to come, which has a time limit of its own.
bool origin_attempt_is_over(const struct origin_attempt *attempt);

// origin_attempt_cancel drops the connection; `done` will not run. NULL does
// nothing.
void origin_attempt_cancel(struct origin_attempt *attempt);

#endif
