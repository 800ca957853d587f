#include "proxy/tunnel.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "ech/lookup.h"
#include "ech/origin.h"
#include "net/dial.h"
#include "net/tls.h"
#include "net/xalloc.h"
#include "proxy/account.h"
#include "proxy/greeter.h"
#include "proxy/hello_kind.h"
#include "proxy/page_server.h"
#include "proxy/policy.h"
#include "proxy/refusal.h"
#include "proxy/relay.h"
#include "proxy/site_lookup.h"
#include "proxy/terms.h"

enum step {
  FIND_ECH = 1,
  READ_HELLO,
  FIND_NAMED,
  DIAL_ORIGIN,
  DIAL_DIRECT,
  GREET_BROWSER,
  RELAY,
  CLOSING,
};

enum { kDirectTimeoutMs = 15000 };

struct tunnel {
  struct proxy *proxy;
  struct terms *terms;
  struct connection connection;
  struct account account;
  uv_timer_t deadline;
  enum step step;
  enum front_kind kind;
  char *host;
  uint16_t port;
  enum proxy_mode mode;                    // for this site
  const struct upstream *upstream;         // likewise; NULL: none
  const struct origin_identity *identity;  // likewise; NULL: none

  // The browser's side: first the bare connection, then a session over it.
  struct stream *browser;
  struct tls *browser_tls;
  struct greeting *greeting;
  struct task leaf;
  bool has_leaf;
  bool accepted;  // the browser has been told that its tunnel is open

  // What is under way or found; NULL when it is not.
  struct site_lookup *lookup;
  struct lookup_answer *answer;
  struct origin_dial *origin_dial;  // from the decision to intercept on
  struct tls *site_tls;
  struct refusal *refusal;     // the page to serve instead of the site
  const struct upstream *via;  // that `dial` goes through, or NULL
  struct dial *dial;
  struct stream *site;
  struct relay *relay;
};

static void start_find_ech(struct tunnel *t);
static void start_read_hello(struct tunnel *t);
static void start_find_named(struct tunnel *t);
static void start_dial_origin(struct tunnel *t);
static void start_dial_direct(struct tunnel *t);
static void start_greet_browser(struct tunnel *t);
static void start_relay(struct tunnel *t);

// A tunnel's life, in order. A start_ function asks for one thing; its on_
// function receives it and names the next step. Only tunnel_enter moves `t`.
// Passing through goes from FIND_ECH, READ_HELLO, FIND_NAMED or DIAL_ORIGIN
// straight to DIAL_DIRECT and on to RELAY. A deadline of 0 is somebody else's
// to keep.
static const struct {
  const char *name;
  void (*start)(struct tunnel *t);
  uint64_t deadline_ms;
} kSteps[] = {
    [FIND_ECH] = {"find-ech", start_find_ech, kSiteLookupTimeoutMs + 1000},
    [READ_HELLO] = {"read-hello", start_read_hello, 10000},
    [FIND_NAMED] = {"find-named", start_find_named,
                    kSiteLookupTimeoutMs + 1000},
    [DIAL_ORIGIN] = {"dial-origin", start_dial_origin, kOriginTimeoutMs + 1000},
    [DIAL_DIRECT] = {"dial-direct", start_dial_direct, kDirectTimeoutMs + 1000},
    [GREET_BROWSER] = {"greet-browser", start_greet_browser, 10000},
    [RELAY] = {"relay", start_relay, 0},
};

static void on_deadline(uv_timer_t *timer);

static void tunnel_enter(struct tunnel *t, enum step next) {
  assert(next > t->step && next < CLOSING);
  t->step = next;
  account_step(&t->account, kSteps[next].name);
  uv_timer_stop(&t->deadline);
  if (kSteps[next].deadline_ms != 0) {
    uv_timer_start(&t->deadline, on_deadline, kSteps[next].deadline_ms, 0);
  }
  kSteps[next].start(t);
}

// forget_handshake releases what only the way to the relay needed, so that an
// idle tunnel is small.
static void forget_handshake(struct tunnel *t) {
  lookup_answer_unref(t->answer);
  t->answer = NULL;
  free(t->greeting);
  t->greeting = NULL;
  free(t->refusal);
  t->refusal = NULL;
}

// forget_terms lets go of the configuration that the tunnel began with, which a
// reload may have replaced, once nothing is borrowed from it any more.
static void forget_terms(struct tunnel *t) {
  terms_unref(t->terms);
  t->terms = NULL;
}

static void on_deadline_closed(uv_handle_t *handle) {
  struct tunnel *t = handle->data;
  free(t->host);
  free(t);
}

// drop_origin_dial gives up reaching the site with ECH, and the leaf for that.
static void drop_origin_dial(struct tunnel *t) {
  origin_dial_cancel(t->origin_dial);
  t->origin_dial = NULL;
  worker_undefer(t->proxy->worker, &t->leaf);
}

// tunnel_close ends `t` from any step. No on_ function of `t` runs after it,
// except on_deadline_closed, which frees `t`.
static void tunnel_close(struct tunnel *t) {
  assert(t->step != CLOSING);
  account_close(&t->account);
  t->step = CLOSING;
  proxy_remove(t->proxy, &t->connection);
  site_lookup_cancel(t->lookup);
  drop_origin_dial(t);
  dial_cancel(t->dial);
  relay_cancel(t->relay);
  tls_close(t->site_tls);
  tls_close(t->browser_tls);
  stream_close(t->browser);
  forget_handshake(t);
  forget_terms(t);
  uv_close((uv_handle_t *)&t->deadline, on_deadline_closed);
}

static void on_proxy_close(void *owner) {
  struct tunnel *t = owner;
  account_because(&t->account, "the proxy was stopped");
  tunnel_close(t);
}

// tunnel_refuse ends `t`, with an answer to a browser that still waits for one.
static void tunnel_refuse(struct tunnel *t, enum front_refusal refusal,
                          enum tally_refusal kind, const char *why) {
  account_refuse(&t->account, kind, why);
  if (!t->accepted) {
    front_refuse(t->browser, t->kind, refusal, why);
    t->browser = NULL;  // taken
  }
  tunnel_close(t);
}

static void on_deadline(uv_timer_t *timer) {
  tunnel_refuse(timer->data, FRONT_TIMEOUT, TALLY_REFUSED_TIMEOUT,
                "It took too long.");
}

void tunnel_open(struct proxy *proxy, struct stream *browser,
                 enum front_kind kind, const char *host, uint16_t port) {
  struct tunnel *t = xcalloc(1, sizeof *t);
  t->proxy = proxy;
  t->terms = terms_ref(proxy->terms);
  t->browser = browser;
  t->kind = kind;
  t->host = xstrdup(host);
  t->port = port;
  account_open(&t->account, proxy, host, port);
  uv_timer_init(worker_loop(proxy->worker), &t->deadline);
  t->deadline.data = t;
  proxy_add(proxy, &t->connection, on_proxy_close, t);
  tunnel_enter(t, FIND_ECH);
}

// FIND_ECH: what does DNS say of the host?

// request_for_site says what to reach the site with, but for what the browser's
// hello tells.
static struct origin_request request_for_site(const struct tunnel *t) {
  return (struct origin_request){
      .host = t->host,
      .port = t->port,
      .answer = t->answer,
      .privacy = ORIGIN_PRIVATE,
      .via = proxy_via(t->upstream, t->answer),
      .identity = t->identity,
  };
}

static void accept_and_read_hello(struct tunnel *t) {
  t->accepted = true;
  front_accept(t->browser, t->kind);
  tunnel_enter(t, READ_HELLO);
}

static void take_rule(struct tunnel *t, const struct site_rule *rule) {
  t->mode = site_rule_mode(rule, t->terms->mode);
  t->upstream = site_rule_upstream(rule, t->terms->upstream);
  t->identity = site_rule_identity(rule);
}

// note_why keeps for the log why the tunnel is passed through, if that is what
// the user asked for.
static void note_why(struct tunnel *t, const struct policy_decision *decision) {
  if (decision->why != NULL) {
    account_because(&t->account, decision->why);
  }
}

static void refuse_for_lookup(struct tunnel *t,
                              const struct policy_decision *decision,
                              const struct lookup_answer *answer) {
  tunnel_refuse(t, decision->refusal, account_refusal_of_lookup(answer->status),
                decision->why);
}

// connect_ahead begins to reach the site while the browser makes its hello. A
// hello that is not for the host, or none, lets the connection go unused:
// nothing was sent on it.
static void connect_ahead(struct tunnel *t) {
  const struct origin_request request = request_for_site(t);
  t->origin_dial =
      origin_dial_prepare(t->terms->origin, t->proxy->worker, &request);
}

static void on_ech_found(void *owner, struct lookup_answer *answer,
                         const struct site_rule *rule) {
  struct tunnel *t = owner;
  t->lookup = NULL;    // finished, so no longer ours to cancel
  t->answer = answer;  // taken
  account_looked_up(&t->account, answer);
  take_rule(t, rule);
  if (policy_reads_hello_first(t->host, t->port, rule)) {
    accept_and_read_hello(t);
    return;
  }
  struct policy_decision decision = policy_for_lookup(t->mode, answer);
  switch (decision.action) {
    case POLICY_INTERCEPT:
      accept_and_read_hello(t);
      connect_ahead(t);
      return;
    case POLICY_PASS:
      note_why(t, &decision);
      tunnel_enter(t, DIAL_DIRECT);
      return;
    case POLICY_REFUSE:
      refuse_for_lookup(t, &decision, answer);
      return;
  }
}

static void start_find_ech(struct tunnel *t) {
  t->lookup = site_lookup_start(t->terms->resolver, t->terms->sites, t->host,
                                t->port, on_ech_found, t);
  account_asked(&t->account, site_lookup_is_cached(t->lookup));
}

// READ_HELLO: is it TLS, and for the host that was asked for?

// pass_through gives up the browser's session and goes on with its own bytes.
static void pass_through(struct tunnel *t) {
  size_t len;
  const uint8_t *hello = tls_hello_bytes(t->browser_tls, &len);
  account_peek(&t->account, hello, len);
  drop_origin_dial(t);
  t->browser = tls_unwrap(t->browser_tls);
  t->browser_tls = NULL;
  tunnel_enter(t, DIAL_DIRECT);
}

// pass_other_bytes goes on with bytes that hold no name to hide.
static void pass_other_bytes(struct tunnel *t, const char *what) {
  if (policy_for_other_bytes(t->mode) == POLICY_PASS) {
    pass_through(t);
  } else {
    tunnel_refuse(t, FRONT_FORBIDDEN, TALLY_REFUSED_NOT_TLS, what);
  }
}

// take_for_host goes on with a hello for the host, or for no name. That one is
// taken for the host's: intercepting it hides the certificate that would answer
// it.
static void take_for_host(struct tunnel *t) {
  if (t->answer->status == LOOKUP_ECH) {
    tunnel_enter(t, DIAL_ORIGIN);
  } else {
    pass_other_bytes(t,
                     "The ClientHello names no site, and strict mode reaches "
                     "sites with ECH only.");
  }
}

static void on_hello(void *owner, enum tls_status status,
                     const struct tls_error *error) {
  struct tunnel *t = owner;
  account_greets(&t->account);
  switch (hello_kind_of(t->browser_tls, status, error, t->greeting, t->host)) {
    case HELLO_FOR_HOST:
    case HELLO_FOR_NO_NAME:
      take_for_host(t);
      return;
    case HELLO_FOR_OTHER:
      drop_origin_dial(t);
      tunnel_enter(t, FIND_NAMED);
      return;
    case HELLO_FOR_ODD:
      tunnel_refuse(t, FRONT_BAD_GATEWAY, TALLY_REFUSED_NOT_TLS,
                    "The browser's ClientHello is for no host name.");
      return;
    case HELLO_MALFORMED:
      tunnel_refuse(t, FRONT_BAD_GATEWAY, TALLY_REFUSED_NOT_TLS,
                    "The browser's ClientHello is malformed.");
      return;
    case HELLO_IS_NOT_TLS:
      pass_other_bytes(t,
                       "The tunnel does not carry TLS, and strict mode reaches "
                       "sites with ECH only.");
      return;
    case HELLO_NEVER_CAME:
      account_because(&t->account,
                      "the browser closed the connection before its "
                      "ClientHello");
      tunnel_close(t);
      return;
  }
}

static void start_read_hello(struct tunnel *t) {
  t->greeting = xcalloc(1, sizeof *t->greeting);
  SSL *ssl = greeter_ssl_new(t->proxy->greeter, t->greeting);
  t->browser_tls = tls_server_new(t->proxy->worker, t->browser, ssl);
  t->browser = NULL;  // taken
  tls_handshake_start(t->browser_tls, on_hello, t);
}

// FIND_NAMED: what does DNS say of the name in the ClientHello, which is not
// the one that was asked for?

// take_named makes the tunnel one for the name in the ClientHello.
static void take_named(struct tunnel *t, struct lookup_answer *answer,
                       const struct site_rule *rule) {
  free(t->host);
  t->host = xstrdup(t->greeting->server_name);
  account_set_host(&t->account, t->host);
  lookup_answer_unref(t->answer);
  t->answer = answer;  // taken
  take_rule(t, rule);
}

static void on_named_found(void *owner, struct lookup_answer *answer,
                           const struct site_rule *rule) {
  struct tunnel *t = owner;
  t->lookup = NULL;
  account_looked_up(&t->account, answer);
  struct policy_decision decision =
      policy_for_named(site_rule_mode(rule, t->terms->mode), answer);
  switch (decision.action) {
    case POLICY_INTERCEPT:
      take_named(t, answer, rule);
      tunnel_enter(t, DIAL_ORIGIN);
      return;
    case POLICY_PASS:
      lookup_answer_unref(answer);
      note_why(t, &decision);
      pass_through(t);
      return;
    case POLICY_REFUSE:
      refuse_for_lookup(t, &decision, answer);
      lookup_answer_unref(answer);
      return;
  }
}

static void start_find_named(struct tunnel *t) {
  t->lookup =
      site_lookup_start(t->terms->resolver, t->terms->sites,
                        t->greeting->server_name, t->port, on_named_found, t);
  account_asked(&t->account, site_lookup_is_cached(t->lookup));
}

// DIAL_ORIGIN: reach the site with ECH.

static void on_origin(void *owner, enum origin_status status, struct tls *tls,
                      const struct origin_report *report) {
  struct tunnel *t = owner;
  t->origin_dial = NULL;
  if (status != ORIGIN_OK &&
      policy_for_origin(t->mode, status) == POLICY_PASS) {
    account_because(&t->account, origin_status_str(status));
    pass_through(t);
    return;
  }
  account_dialed(&t->account, tls, report);
  if (status == ORIGIN_OK) {
    t->site_tls = tls;  // taken
    tunnel_enter(t, GREET_BROWSER);
    return;
  }
  t->refusal = xcalloc(1, sizeof *t->refusal);
  refusal_for_origin(t->refusal, t->host, status, report);
  account_refuse_origin(&t->account, status, t->refusal->cause);
  tunnel_enter(t, GREET_BROWSER);
}

// get_leaf asks for the certificate to greet the browser with. It is minted
// while the site's answer is on its way.
static void get_leaf(void *owner) {
  struct tunnel *t = owner;
  enum leaf_use use =
      greeter_prepare(t->proxy->greeter, tls_ssl(t->browser_tls), t->host);
  t->has_leaf = use != LEAF_NONE;
  account_leaf(&t->account, use);
}

static void start_dial_origin(struct tunnel *t) {
  if (t->origin_dial == NULL) {
    const struct origin_request request = request_for_site(t);
    t->origin_dial =
        origin_dial_prepare(t->terms->origin, t->proxy->worker, &request);
  }
  origin_dial_begin(t->origin_dial, t->greeting->alpn, t->greeting->alpn_len, 0,
                    on_origin, t);
  worker_defer(t->proxy->worker, &t->leaf, get_leaf, t);
}

// DIAL_DIRECT: reach the site for the browser's own bytes.

static void on_direct(void *owner, int err, struct stream *site,
                      const struct address *address) {
  struct tunnel *t = owner;
  t->dial = NULL;
  if (err != 0) {
    char why[128];
    snprintf(why, sizeof why, "The site could not be reached: %s.",
             t->via != NULL ? upstream_error_text(err) : uv_strerror(err));
    tunnel_refuse(
        t,
        err == UV_ECONNREFUSED ? FRONT_CONNECTION_REFUSED
        : err == UV_ETIMEDOUT  ? FRONT_TIMEOUT
                               : FRONT_BAD_GATEWAY,
        err == UV_ETIMEDOUT ? TALLY_REFUSED_TIMEOUT : TALLY_REFUSED_UNREACHABLE,
        why);
    return;
  }
  if (!t->accepted) {
    t->accepted = true;
    front_accept(t->browser, t->kind);
  }
  account_connected(&t->account, address, t->host);
  account_decide(&t->account, VISIT_PASSED);
  t->site = site;  // taken
  tunnel_enter(t, RELAY);
}

static void start_dial_direct(struct tunnel *t) {
  if (t->answer->num_addresses == 0) {
    tunnel_refuse(t, FRONT_NO_SUCH_HOST, TALLY_REFUSED_UNREACHABLE,
                  "The site has no address.");
    return;
  }
  t->via = proxy_via(t->upstream, t->answer);
  t->dial =
      dial_start(t->proxy->worker, t->via, t->answer->addresses,
                 t->answer->num_addresses, kDirectTimeoutMs, on_direct, t);
}

// GREET_BROWSER: finish the browser's handshake as the site answered ours, or
// with a page that says why it did not.

// What a page instead of the site is served over.
static enum page_protocol page_protocol_for(const struct tunnel *t) {
  return page_protocol_choose(t->greeting->alpn, t->greeting->alpn_len);
}

static void on_greeted(void *owner, enum tls_status status,
                       const struct tls_error *error) {
  struct tunnel *t = owner;
  if (status != TLS_OK) {
    account_not_greeted(&t->account, error, t->host);
    tunnel_close(t);
    return;
  }
  account_greeted(&t->account, tls_ssl(t->browser_tls), t->host);
  if (t->refusal != NULL) {
    page_serve(t->proxy, tls_stream(t->browser_tls), page_protocol_for(t),
               &t->refusal->page);
    t->browser_tls = NULL;  // taken
    tunnel_close(t);
    return;
  }
  account_decide(&t->account, VISIT_HIDDEN);
  t->browser = tls_stream(t->browser_tls);
  t->browser_tls = NULL;
  t->site = tls_stream(t->site_tls);
  t->site_tls = NULL;
  tunnel_enter(t, RELAY);
}

static void start_greet_browser(struct tunnel *t) {
  const uint8_t *alpn = NULL;
  unsigned alpn_len = 0;
  if (t->site_tls != NULL) {
    SSL_get0_alpn_selected(tls_ssl(t->site_tls), &alpn, &alpn_len);
  } else {
    const char *protocol = page_protocol_str(page_protocol_for(t));
    alpn = (const uint8_t *)protocol;
    alpn_len = (unsigned)strlen(protocol);
  }
  if (!t->has_leaf) {  // the dial was over before it began
    get_leaf(t);
  }
  if (!t->has_leaf) {
    tunnel_refuse(t, FRONT_BAD_GATEWAY, TALLY_REFUSED_OTHER,
                  "No certificate could be made for the host.");
    return;
  }
  greeter_choose(t->greeting, alpn, alpn_len);
  tls_handshake_start(t->browser_tls, on_greeted, t);
}

// RELAY: bytes, both ways, until both sides have finished.

static void on_moved(void *owner, size_t up, size_t down) {
  struct tunnel *t = owner;
  account_moved(&t->account, up, down);
}

static bool on_peek(void *owner, const uint8_t *data, size_t len) {
  struct tunnel *t = owner;
  return account_peek(&t->account, data, len);
}

static void on_relayed(void *owner, int err) {
  struct tunnel *t = owner;
  t->relay = NULL;
  // Browsers and servers alike often end without close_notify (UV_EOF).
  if (err != 0 && err != UV_EOF) {
    account_because_first(&t->account, uv_strerror(err));
  }
  tunnel_close(t);
}

// Where we have read no hello, the browser's own is still to come.
static void start_relay(struct tunnel *t) {
  static const struct relay_events kEvents = {.moved = on_moved,
                                              .done = on_relayed};
  static const struct relay_events kPeekingEvents = {
      .moved = on_moved, .peek = on_peek, .done = on_relayed};
  bool is_unread = t->greeting == NULL;
  forget_handshake(t);
  forget_terms(t);
  t->relay = relay_start(t->proxy->worker, t->browser, t->site,
                         is_unread ? &kPeekingEvents : &kEvents, t);
  t->browser = NULL;  // both taken
  t->site = NULL;
}
