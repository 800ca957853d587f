// What becomes of a tunnel: the steps from the browser's request to the
// decision.

#include "net/xalloc.h"
#include "proxy/hello_kind.h"
#include "proxy/policy.h"
#include "proxy/tunnel_impl.h"

// FIND_ECH: what does DNS say of the host?

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

// keeps_from refuses a client on another machine what `answer` leads to, if
// that is this machine's loopback.
static bool keeps_from(struct tunnel *t, const struct lookup_answer *answer) {
  const char *why = proxy_keeps_from(answer, t->is_from_here);
  if (why != NULL) {
    tunnel_refuse(t, FRONT_FORBIDDEN, TALLY_REFUSED_OTHER, why);
  }
  return why != NULL;
}

static void on_ech_found(void *owner, struct lookup_answer *answer,
                         const struct site_rule *rule) {
  struct tunnel *t = owner;
  t->lookup = NULL;    // finished, so no longer ours to cancel
  t->answer = answer;  // taken
  account_looked_up(&t->account, answer);
  take_rule(t, rule);
  if (keeps_from(t, answer)) {
    return;
  }
  if (policy_reads_hello_first(t->host, t->port, rule)) {
    accept_and_read_hello(t);
    return;
  }
  struct policy_decision decision = policy_for_lookup(t->mode, answer);
  switch (decision.action) {
    case POLICY_INTERCEPT:
      // A hello that is not for the host, or none, lets the connection go
      // unused: nothing was sent on it.
      accept_and_read_hello(t);
      tunnel_prepare_origin(t);
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

void tunnel_start_find_ech(struct tunnel *t) {
  t->lookup = site_lookup_start(t->terms->resolver, t->terms->sites, t->host,
                                t->port, on_ech_found, t);
  account_asked(&t->account, site_lookup_is_cached(t->lookup));
}

// READ_HELLO: is it TLS, and for the host that was asked for?

void tunnel_pass_through(struct tunnel *t) {
  tunnel_drop_origin(t);
  t->browser = tls_unwrap(t->browser_tls);
  t->browser_tls = NULL;
  tunnel_enter(t, DIAL_DIRECT);
}

// pass_other_bytes goes on with bytes that hold no name to hide.
static void pass_other_bytes(struct tunnel *t, const char *what) {
  if (policy_for_other_bytes(t->mode) == POLICY_PASS) {
    tunnel_pass_through(t);
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
      tunnel_drop_origin(t);
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

void tunnel_start_read_hello(struct tunnel *t) {
  t->greeting = xcalloc(1, sizeof *t->greeting);
  SSL *ssl = greeter_ssl_new(t->proxy->greeter, t->greeting, t->is_from_here);
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
  if (keeps_from(t, answer)) {
    lookup_answer_unref(answer);
    return;
  }
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
      tunnel_pass_through(t);
      return;
    case POLICY_REFUSE:
      refuse_for_lookup(t, &decision, answer);
      lookup_answer_unref(answer);
      return;
  }
}

void tunnel_start_find_named(struct tunnel *t) {
  t->lookup =
      site_lookup_start(t->terms->resolver, t->terms->sites,
                        t->greeting->server_name, t->port, on_named_found, t);
  account_asked(&t->account, site_lookup_is_cached(t->lookup));
}
