#include "proxy/account.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "net/xalloc.h"
#include "proxy/clear_hello.h"
#include "proxy/log.h"
#include "status/advice.h"

enum { kAlpnTextSize = 64 };

void account_open(struct account *a, struct proxy *proxy, const char *host,
                  uint16_t port) {
  *a = (struct account){.proxy = proxy,
                        .visit = visit_begin(proxy->journal, host, port)};
}

static const char *or_null(const char *text) {
  return text[0] == '\0' ? NULL : text;
}

static void write_line(const struct account *a) {
  struct visit_row row;
  visit_read(a->visit, &row);
  enum visit_verdict verdict =
      row.verdict == VISIT_OPEN ? VISIT_ABANDONED : row.verdict;
  struct log_tunnel line = {
      .host = row.host,
      .port = row.port,
      .verdict = visit_verdict_text(verdict),
      .step = row.step,
      .cause = or_null(row.cause),
      .seen = or_null(row.name),
      .bytes_up = row.bytes_up,
      .bytes_down = row.bytes_down,
      .duration_ms = row.duration_ms,
  };
  log_tunnel_end(a->proxy->log, &line);
}

static void forget_hello(struct account *a) {
  if (a->hello != NULL) {
    clear_hello_cleanup(a->hello);
    free(a->hello);
    a->hello = NULL;
  }
}

void account_close(struct account *a) {
  forget_hello(a);
  write_line(a);
  account_decide(a, VISIT_ABANDONED);  // unless it is
  visit_end(a->visit);
  a->visit = NULL;
}

void account_step(struct account *a, const char *step) {
  visit_note(a->visit, &(struct visit_facts){.step = step});
}

void account_set_host(struct account *a, const char *host) {
  visit_set_host(a->visit, host);
}

static uint64_t us_since(uint64_t then) { return (uv_hrtime() - then) / 1000; }

static void count(struct account *a, enum tally_counter counter) {
  tally_add(a->proxy->tally, counter, 1);
}

void account_asked(struct account *a, bool is_cached) {
  a->asked_at = uv_hrtime();
  a->is_cached = is_cached;
}

// An address, or a name that must not be asked for, is no lookup.
void account_looked_up(struct account *a, const struct lookup_answer *answer) {
  if (answer->status == LOOKUP_LOCAL || answer->status == LOOKUP_FORBIDDEN) {
    return;
  }
  count(a, TALLY_LOOKUPS);
  if (a->is_cached) {
    count(a, TALLY_LOOKUPS_CACHED);
  } else {
    tally_took(a->proxy->tally, TALLY_LOOKUP_TIME, us_since(a->asked_at));
  }
  if (answer->status == LOOKUP_FAILED) {
    count(a, TALLY_LOOKUPS_FAILED);
  }
}

void account_because(struct account *a, const char *cause) {
  a->has_cause = true;
  visit_note(a->visit, &(struct visit_facts){.cause = cause});
}

void account_because_first(struct account *a, const char *cause) {
  if (!a->has_cause) {
    account_because(a, cause);
  }
}

void account_broke(struct account *a, const char *error) {
  char cause[128];
  snprintf(cause, sizeof cause, "ended with: %s", error);
  account_because_first(a, cause);
}

void account_decide(struct account *a, enum visit_verdict verdict) {
  if (!a->is_decided) {
    a->is_decided = true;
    visit_decide(a->visit, verdict);
    tally_verdict(a->proxy->tally, verdict);
  }
}

void account_refuse(struct account *a, enum tally_refusal why,
                    const char *cause) {
  if (!a->is_decided) {
    account_because(a, cause);
    tally_refused(a->proxy->tally, why);
    account_decide(a, VISIT_REFUSED);
  }
}

static enum tally_refusal refusal_of_origin(enum origin_status status) {
  switch (status) {
    case ORIGIN_NO_ADDRESS:
    case ORIGIN_NO_COMPATIBLE_ENDPOINT:
    case ORIGIN_UNREACHABLE:
      return TALLY_REFUSED_UNREACHABLE;
    case ORIGIN_TIMEOUT:
      return TALLY_REFUSED_TIMEOUT;
    case ORIGIN_BAD_CERTIFICATE:
      return TALLY_REFUSED_CERTIFICATE;
    case ORIGIN_BAD_PUBLIC_NAME:
    case ORIGIN_ECH_DISABLED:
    case ORIGIN_ECH_REJECTED:
      return TALLY_REFUSED_ECH;
    case ORIGIN_CERTIFICATE_REQUIRED:
    case ORIGIN_CERTIFICATE_REFUSED:
      return TALLY_REFUSED_CLIENT_CERTIFICATE;
    case ORIGIN_OK:
    case ORIGIN_TLS_FAILED:
      break;
  }
  return TALLY_REFUSED_OTHER;
}

void account_refuse_origin(struct account *a, enum origin_status status,
                           const char *cause) {
  account_refuse(a, refusal_of_origin(status), cause);
}

enum tally_refusal account_refusal_of_lookup(enum lookup_status status) {
  switch (status) {
    case LOOKUP_FAILED:
      return TALLY_REFUSED_LOOKUP;
    case LOOKUP_NXDOMAIN:
      return TALLY_REFUSED_NO_SUCH_NAME;
    case LOOKUP_NO_ECH:
    case LOOKUP_NO_RECORD:
    case LOOKUP_LOCAL:
      return TALLY_REFUSED_NO_ECH;
    case LOOKUP_ECH:
    case LOOKUP_FORBIDDEN:
      break;
  }
  return TALLY_REFUSED_OTHER;
}

void account_greets(struct account *a) { a->hello_at = uv_hrtime(); }

// alpn_text writes the protocol that was chosen. It is octets of the browser's,
// and what is shown must be text.
static const char *alpn_text(char out[kAlpnTextSize], const SSL *ssl) {
  const uint8_t *alpn;
  unsigned len;
  SSL_get0_alpn_selected(ssl, &alpn, &len);
  len = len < kAlpnTextSize ? len : kAlpnTextSize - 1;
  for (unsigned i = 0; i < len; i++) {
    out[i] = alpn[i] > ' ' && alpn[i] < 0x7f ? (char)alpn[i] : '?';
  }
  out[len] = '\0';
  return or_null(out);
}

static void note_session(struct account *a, const SSL *ssl) {
  char alpn[kAlpnTextSize];
  visit_note(
      a->visit,
      &(struct visit_facts){
          .version = SSL_get_version(ssl),
          .group = SSL_get_curve_name(SSL_get_curve_id(ssl)),
          .cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)),
          .alpn = alpn_text(alpn, ssl)});
}

static void count_handshake(struct account *a,
                            const struct origin_report *report) {
  count(a, TALLY_HANDSHAKES);
  if (report->resumed) {
    count(a, TALLY_HANDSHAKES_RESUMED);
  }
  tally_took(a->proxy->tally, TALLY_HANDSHAKE_TIME, us_since(a->hello_at));
}

static const char *address_text(char out[kAddressTextSize],
                                const struct address *address) {
  return address->port == 0 ? NULL : address_format(out, address);
}

void account_dialed(struct account *a, struct tls *tls,
                    const struct origin_report *report) {
  char address[kAddressTextSize];
  visit_note(
      a->visit,
      &(struct visit_facts){
          .address = address_text(address, &report->address),
          .name = report->hello_len > 0 ? or_null(report->public_name) : NULL,
          .resumed = report->resumed,
          .retried = report->retried,
          .hello = report->hello,
          .hello_len = report->hello_len,
          .inner_hello = report->inner_hello,
          .inner_hello_len = report->inner_hello_len,
      });
  if (report->retried) {
    count(a, TALLY_ECH_RETRIES);
  }
  if (tls != NULL) {
    note_session(a, tls_ssl(tls));
    count_handshake(a, report);
  }
}

void account_connected(struct account *a, const struct address *address,
                       const char *name) {
  char text[kAddressTextSize];
  visit_note(a->visit,
             &(struct visit_facts){.address = address_text(text, address),
                                   .name = name});
}

static void note_hello(struct account *a, const struct clear_hello *hello) {
  char name[kClientHelloNameSize];
  clear_hello_name(hello, name);
  visit_note(a->visit, &(struct visit_facts){.name = or_null(name),
                                             .hello = hello->message.data,
                                             .hello_len = hello->message.len});
}

bool account_peek(struct account *a, const uint8_t *data, size_t len) {
  if (a->hello == NULL) {
    a->hello = xcalloc(1, sizeof *a->hello);
  }
  enum clear_hello_state state = clear_hello_read(a->hello, data, len);
  if (state == CLEAR_HELLO_MORE) {
    return true;
  }
  if (state == CLEAR_HELLO_WHOLE) {
    note_hello(a, a->hello);
  }
  forget_hello(a);
  return false;
}

void account_leaf(struct account *a, enum leaf_use use) {
  if (use != LEAF_NONE) {
    count(a, use == LEAF_MINTED ? TALLY_LEAVES_MINTED : TALLY_LEAVES_CACHED);
  }
}

// A session that was resumed shows no certificate.
void account_greeted(struct account *a, const SSL *ssl, const char *host) {
  if (SSL_session_reused(ssl) == 0) {
    count(a, TALLY_LEAVES_ACCEPTED);
    advice_book_accepted(a->proxy->advice, host);
  }
}

bool account_rejects_leaf(const struct tls_error *error) {
  switch (error->alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
      return true;
    default:
      return false;
  }
}

// rejection_text says what to do about a certificate that was not accepted. The
// log has it, so it names no host.
static const char *rejection_text(struct account *a, const char *host) {
  struct advice advice;
  if (!advice_book_rejected(a->proxy->advice, &advice, host)) {
    return "does it trust the local CA? see echproxy trust --list";
  }
  switch (advice.kind) {
    case ADVICE_UNTRUSTED_CA:
      break;
    case ADVICE_PINNED_APP:
      return "those for other sites are accepted, so it may be an app that "
             "accepts its own only; the rule [site \"HOST\"] mode = pass lets "
             "it through in the clear";
  }
  return "none is accepted at present, so the local CA is not trusted: run "
         "echproxy trust, and see echproxy trust --list";
}

void account_not_greeted(struct account *a, const struct tls_error *error,
                         const char *host) {
  char text[160];
  char cause[512];
  tls_error_text(text, sizeof text, error);
  if (account_rejects_leaf(error)) {
    count(a, TALLY_LEAVES_REJECTED);
    snprintf(cause, sizeof cause,
             "the browser did not accept our certificate (%s); %s", text,
             rejection_text(a, host));
  } else {
    snprintf(cause, sizeof cause,
             "the browser broke off its handshake with us: %s; does it trust "
             "the local CA? see echproxy trust --list",
             text);
  }
  account_refuse(a, TALLY_REFUSED_BROWSER, cause);
}

void account_moved(struct account *a, uint64_t up, uint64_t down) {
  visit_count(a->visit, up, down);
  if (up != 0) {
    tally_add(a->proxy->tally, TALLY_BYTES_UP, up);
  }
  if (down != 0) {
    tally_add(a->proxy->tally, TALLY_BYTES_DOWN, down);
  }
}
