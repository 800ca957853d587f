#include "proxy/check_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/xalloc.h"

const char *check_verdict_str(enum check_verdict verdict) {
  switch (verdict) {
#define X(name, text) \
  case name:          \
    return text;
    CHECK_VERDICTS(X)
#undef X
  }
  return "unknown";
}

static void note_session(struct check_handshake *h, const SSL *ssl) {
  const uint8_t *alpn;
  unsigned alpn_len;
  h->version = SSL_get_version(ssl);
  h->cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl));
  h->group = SSL_get_curve_name(SSL_get_curve_id(ssl));
  SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
  snprintf(h->alpn, sizeof(h->alpn), "%.*s", (int)alpn_len, (const char *)alpn);
}

void check_report_set_handshake(struct check_report *report,
                                enum origin_status status,
                                enum origin_privacy privacy, struct tls *tls,
                                const struct origin_report *origin) {
  struct check_handshake *h = &report->handshake;
  report->connected = true;
  h->status = status;
  h->privacy = privacy;
  h->ech_accepted = origin->ech_accepted;
  h->retried = origin->retried;
  h->certificate_requested = origin->certificate_requested;
  memcpy(h->public_name, origin->public_name, sizeof(h->public_name));
  if (origin->address.port != 0) {
    address_format(h->address, &origin->address);
  }
  if (tls != NULL) {
    note_session(h, tls_ssl(tls));
  } else {
    origin_report_detail(h->error, status, origin);
  }
  h->hello_bytes = xmemdup(origin->hello, origin->hello_len);
  h->hello_sent =
      origin->hello_len > 0 &&
      client_hello_parse(&h->hello, h->hello_bytes, origin->hello_len);
}

void check_report_cleanup(struct check_report *report) {
  lookup_answer_unref(report->answer);
  free(report->handshake.hello_bytes);
  memset(report, 0, sizeof(*report));
}

bool check_report_name_was_seen(const struct check_report *report) {
  const struct check_handshake *h = &report->handshake;
  return report->connected && h->hello_sent &&
         strcasecmp(h->hello.server_name, report->host) == 0;
}

const char *check_report_mode_str(const struct check_report *report) {
  switch (report->mode) {
    case MODE_PREFER:
      break;
    case MODE_STRICT:
      return "strict";
    case MODE_PASS:
      return "pass";
  }
  return "prefer";
}

// Of a lookup after which nothing was connected to.
static enum check_verdict judge_lookup(const struct check_report *report,
                                       const char **out_why) {
  switch (report->answer->status) {
    case LOOKUP_NO_ECH:
    case LOOKUP_NO_RECORD:
      *out_why =
          "the site publishes no ECH that can be used; strict mode refuses it, "
          "so no connection was made";
      return CHECK_NOT_PRIVATE;
    case LOOKUP_LOCAL:
      *out_why =
          "addresses and local names have no ECH; strict mode refuses them, so "
          "no connection was made";
      return CHECK_NOT_PRIVATE;
    case LOOKUP_NXDOMAIN:
      *out_why = "the name does not exist";
      return CHECK_UNKNOWN;
    case LOOKUP_ECH:
    case LOOKUP_FAILED:
    case LOOKUP_FORBIDDEN:
      break;
  }
  *out_why =
      "without a lookup that can be relied on nobody knows whether the name "
      "has to be hidden, so no connection was made";
  return CHECK_UNKNOWN;
}

enum check_verdict check_report_verdict(const struct check_report *report,
                                        const char **out_why) {
  const struct check_handshake *h = &report->handshake;
  if (!report->connected) {
    return judge_lookup(report, out_why);
  }
  if (h->status == ORIGIN_ECH_DISABLED) {
    *out_why =
        "the site's server proved that it has switched ECH off; only the name "
        "in the clear reaches it";
    return CHECK_NOT_PRIVATE;
  }
  if (h->status != ORIGIN_OK) {
    *out_why = origin_status_str(h->status);
    return CHECK_UNKNOWN;
  }
  if (h->ech_accepted && !check_report_name_was_seen(report)) {
    *out_why = "the site was reached and its name was not seen";
    return CHECK_PRIVATE;
  }
  *out_why =
      !check_report_name_was_seen(report) ? "the site was reached without ECH"
      : report->mode == MODE_PASS
          ? "the site was reached, with its name in the clear as a site rule "
            "wants it"
          : "the site was reached, with its name in the clear";
  return CHECK_NOT_PRIVATE;
}
