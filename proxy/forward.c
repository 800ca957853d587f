#include "proxy/forward.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "ech/lookup_answer.h"
#include "net/dial.h"
#include "net/xalloc.h"
#include "proxy/account.h"
#include "proxy/answer.h"
#include "proxy/authority.h"
#include "proxy/exchange.h"
#include "proxy/next_hop.h"
#include "proxy/site_lookup.h"
#include "proxy/terms.h"

enum { kDialTimeoutMs = 10000, kHttpPort = 80, kHttpsPort = 443 };

// A forwarded request's life, in order. Each step is one operation that keeps
// its own deadline.
enum step { FIND_SITE, DIAL_SITE, EXCHANGE };

static const char *const kStepNames[] = {
    [FIND_SITE] = "find-site",
    [DIAL_SITE] = "dial-site",
    [EXCHANGE] = "exchange",
};

struct forward {
  struct proxy *proxy;
  struct terms *terms;
  struct connection connection;
  struct account account;
  struct stream *browser;
  bool is_from_here;  // its connection is one over loopback
  struct site_lookup *lookup;
  const struct upstream *via;  // that `dial` goes through, or NULL
  struct dial *dial;
  struct exchange *exchange;
  struct authority site;  // with a port
  struct bytes path;      // of the URL, with its query
  struct bytes head;      // the request as the site gets it
  struct exchange_request request;
};

static void enter(struct forward *f, enum step step) {
  account_step(&f->account, kStepNames[step]);
}

// Ends `f` but for its browser, which the caller takes. No on_ function of `f`
// runs after it.
static struct stream *release(struct forward *f) {
  struct stream *browser = f->browser;
  account_close(&f->account);
  site_lookup_cancel(f->lookup);
  dial_cancel(f->dial);
  exchange_cancel(f->exchange);
  proxy_remove(f->proxy, &f->connection);
  terms_unref(f->terms);
  free(f->path.data);
  free(f->head.data);
  free(f);
  return browser;
}

// The proxy ends before the request does.
static void forward_close(void *owner) {
  struct forward *f = owner;
  account_refuse(&f->account, TALLY_REFUSED_OTHER, "the proxy is stopping");
  account_because_first(&f->account, "the proxy is stopping");
  stream_close(release(f));
}

static void refuse(struct forward *f, int status, enum tally_refusal kind,
                   const char *why) {
  account_refuse(&f->account, kind, why);
  bool is_head = f->request.is_head;
  answer_error(release(f), status, why, is_head);
}

static void append(struct bytes *out, const char *text) {
  bytes_append(out, text, strlen(text));
}

// RFC 9460, section 9.5: an HTTPS record says that the site is to be had over
// https, on the same port unless that is 80.
static void upgrade(struct forward *f) {
  static const char kBody[] =
      "echproxy: this site has an HTTPS record, go on with https://\n";
  struct bytes fields = {0};
  struct authority site = f->site;
  site.port = site.port == kHttpPort ? kHttpsPort : site.port;
  append(&fields, "Location: https://");
  authority_write(&fields, &site, kHttpsPort);
  if (f->path.len == 0 || f->path.data[0] == '?') {
    append(&fields, "/");
  }
  bytes_append(&fields, f->path.data, f->path.len);
  bytes_append(&fields, "\r\n", 3);  // and the NUL
  account_decide(&f->account, VISIT_UPGRADED);
  struct answer answer = {.status = 307,
                          .type = "text/plain; charset=utf-8",
                          .fields = (const char *)fields.data,
                          .body = kBody,
                          .body_len = sizeof(kBody) - 1,
                          .head_only = f->request.is_head};
  answer_send(release(f), &answer);
  free(fields.data);
}

static void on_moved(void *owner, size_t up, size_t down) {
  struct forward *f = owner;
  account_moved(&f->account, up, down);
}

static void on_exchanged(void *owner, const struct exchange_result *result) {
  struct forward *f = owner;
  f->exchange = NULL;  // finished, so no longer ours to cancel
  if (result->cause != NULL) {
    account_because(&f->account, result->cause);
  }
  bool is_head = f->request.is_head;
  struct stream *browser = release(f);
  if (result->status != 0) {
    answer_error(browser, result->status, result->cause, is_head);
  } else {
    stream_close_after_drain(browser, kAnswerDrainMs);
  }
}

static void on_dialed(void *owner, int err, struct stream *stream,
                      const struct address *address) {
  static const struct exchange_events kEvents = {.moved = on_moved,
                                                 .done = on_exchanged};
  struct forward *f = owner;
  f->dial = NULL;
  if (err != 0) {
    char why[128];
    snprintf(why, sizeof(why), "the site could not be reached: %s",
             f->via != NULL ? upstream_error_text(err) : uv_strerror(err));
    bool is_late = err == UV_ETIMEDOUT;
    refuse(f, is_late ? 504 : 502,
           is_late ? TALLY_REFUSED_TIMEOUT : TALLY_REFUSED_UNREACHABLE, why);
    return;
  }
  account_connected(&f->account, address, f->site.host);
  account_decide(&f->account, VISIT_PASSED);
  enter(f, EXCHANGE);
  f->exchange =
      exchange_start(f->proxy->worker, f->browser, stream, &f->request,
                     f->head.data, f->head.len, &kEvents, f);
}

static void start_dial(struct forward *f, const struct lookup_answer *answer,
                       const struct site_rule *rule) {
  struct address addresses[kLookupMaxAddresses];
  assert(answer->num_addresses <= kLookupMaxAddresses);
  for (size_t i = 0; i < answer->num_addresses; i++) {
    addresses[i] = answer->addresses[i];
    addresses[i].port = f->site.port;  // the lookup was made for https
  }
  enter(f, DIAL_SITE);
  f->via = proxy_via(site_rule_upstream(rule, f->terms->upstream), answer);
  f->dial = dial_start(f->proxy->worker, f->via, addresses,
                       answer->num_addresses, kDialTimeoutMs, on_dialed, f);
}

enum { kWhySize = 256 };

static void say_why(char out[kWhySize], enum lookup_status status,
                    const char *detail) {
  if (status == LOOKUP_NXDOMAIN) {
    detail = NULL;  // it says the same once more
  }
  snprintf(out, kWhySize, "the site %s%s%s", lookup_status_str(status),
           detail != NULL ? ": " : "", detail != NULL ? detail : "");
}

static void refuse_lookup(struct forward *f,
                          const struct lookup_answer *answer) {
  char why[kWhySize];
  say_why(why, answer->status, answer->detail);
  refuse(f, 502, account_refusal_of_lookup(answer->status), why);
}

void forward_answer_no_site(struct stream *browser, bool is_head) {
  char why[kWhySize];
  say_why(why, LOOKUP_NXDOMAIN, NULL);
  answer_error(browser, 502, why, is_head);
}

static void decide(struct forward *f, const struct lookup_answer *answer,
                   const struct site_rule *rule) {
  const char *why = proxy_keeps_from(answer, f->is_from_here);
  if (why != NULL) {
    refuse(f, 403, TALLY_REFUSED_OTHER, why);
    return;
  }
  switch (answer->status) {
    case LOOKUP_ECH:
    case LOOKUP_NO_ECH:
      if (answer->num_endpoints > 0) {
        upgrade(f);
        return;
      }
      break;  // all records are beyond us: no upgrade (RFC 9460, section 9.5)
    case LOOKUP_NXDOMAIN:
    case LOOKUP_FAILED:
    case LOOKUP_FORBIDDEN:
      refuse_lookup(f, answer);
      return;
    case LOOKUP_NO_RECORD:
    case LOOKUP_LOCAL:
      break;
  }
  if (site_rule_mode(rule, f->terms->mode) == MODE_STRICT) {
    refuse(f, 403, TALLY_REFUSED_NOT_TLS,
           "in strict mode nothing is sent over plain http, and this site is "
           "not known to offer https");
  } else if (answer->num_addresses == 0) {
    refuse(f, 502, TALLY_REFUSED_UNREACHABLE, "the site has no address");
  } else {
    start_dial(f, answer, rule);
  }
}

static void on_looked_up(void *owner, struct lookup_answer *answer,
                         const struct site_rule *rule) {
  struct forward *f = owner;
  f->lookup = NULL;
  account_looked_up(&f->account, answer);
  decide(f, answer, rule);
  lookup_answer_unref(answer);
}

// Nothing is read and nothing was written, so there is nothing to hear.
static void on_data(void *owner, const uint8_t *data, size_t len) {
  (void)owner;
  (void)data;
  (void)len;
}

static void on_end(void *owner, int err) {
  (void)owner;
  (void)err;
}

static void start_find(struct forward *f) {
  static const struct stream_events kEvents = {.on_data = on_data,
                                               .on_end = on_end};
  stream_set_events(f->browser, &kEvents, f);
  proxy_add(f->proxy, &f->connection, forward_close, f);
  account_open(&f->account, f->proxy, f->site.host, f->site.port);
  enter(f, FIND_SITE);
  uint16_t port = f->site.port == kHttpPort ? kHttpsPort : f->site.port;
  f->lookup = site_lookup_start(f->terms->resolver, f->terms->sites,
                                f->site.host, port, on_looked_up, f);
  account_asked(&f->account, site_lookup_is_cached(f->lookup));
}

// Answers an OPTIONS or TRACE request whose last hop we are.
static void answer_last_hop(struct stream *browser,
                            const struct http_head *head) {
  bool is_options = http_text_is(head->method, "OPTIONS");
  answer_send(browser, &(struct answer){.status = is_options ? 200 : 405,
                                        .type = "text/plain; charset=utf-8",
                                        .fields = "Allow: GET, HEAD, OPTIONS, "
                                                  "POST, PUT, DELETE, PATCH, "
                                                  "CONNECT\r\n",
                                        .body = "",
                                        .body_len = 0});
}

void forward_open(struct proxy *proxy, struct stream *browser,
                  const struct http_head *head, bool is_from_here) {
  struct authority site;
  size_t path_start;
  enum max_forwards max = next_hop_max_forwards(head);
  bool is_head = http_text_is(head->method, "HEAD");
  if (!authority_from_url(&site, &path_start, head->target.data,
                          head->target.len)) {
    answer_error(browser, 400, "the URL is not one of an http:// site",
                 is_head);
    return;
  }
  if (max == MAX_FORWARDS_BAD) {
    answer_error(browser, 400, "Max-Forwards is not a number", is_head);
    return;
  }
  if (max == MAX_FORWARDS_STOP) {
    answer_last_hop(browser, head);
    return;
  }
  struct forward *f = xcalloc(1, sizeof(*f));
  f->proxy = proxy;
  f->terms = terms_ref(proxy->terms);
  f->browser = browser;
  f->is_from_here = is_from_here;
  f->site = site;
  f->site.port = site.port == 0 ? kHttpPort : site.port;
  struct http_text path = {head->target.data + path_start,
                           head->target.len - path_start};
  bytes_append(&f->path, path.data, path.len);
  next_hop_request(&f->head, head, &f->site, path);
  f->request =
      (struct exchange_request){.framing = head->framing,
                                .length = head->length,
                                .is_head = is_head,
                                .is_http_1_0 = head->minor_version == 0};
  start_find(f);
}
