// A tunnel's way to its site, with ECH or without, and back to the browser.

#include <stdio.h>
#include <string.h>

#include "net/xalloc.h"
#include "proxy/page_server.h"
#include "proxy/policy.h"
#include "proxy/tunnel_impl.h"

// DIAL_ORIGIN: reach the site with ECH.

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

void tunnel_prepare_origin(struct tunnel *t) {
  const struct origin_request request = request_for_site(t);
  t->origin_dial =
      origin_dial_prepare(t->terms->origin, t->proxy->worker, &request);
}

void tunnel_drop_origin(struct tunnel *t) {
  origin_dial_cancel(t->origin_dial);
  t->origin_dial = NULL;
  worker_undefer(t->proxy->worker, &t->leaf);
}

static void on_origin(void *owner, enum origin_status status, struct tls *tls,
                      const struct origin_report *report) {
  struct tunnel *t = owner;
  t->origin_dial = NULL;
  if (status != ORIGIN_OK &&
      policy_for_origin(t->mode, status) == POLICY_PASS) {
    account_because(&t->account, origin_status_str(status));
    tunnel_pass_through(t);
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

void tunnel_start_dial_origin(struct tunnel *t) {
  if (t->origin_dial == NULL) {
    tunnel_prepare_origin(t);
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
  account_connected(&t->account, address, NULL);
  account_decide(&t->account, VISIT_PASSED);
  t->site = site;  // taken
  tunnel_enter(t, RELAY);
}

void tunnel_start_dial_direct(struct tunnel *t) {
  if (t->answer->num_addresses == 0) {
    tunnel_refuse(t, FRONT_NO_SUCH_HOST, TALLY_REFUSED_UNREACHABLE,
                  "The site has no address.");
    return;
  }
  t->via = proxy_via(t->upstream, t->answer);
  t->dial = dial_start(t->proxy->worker, t->via, t->answer->addresses,
                       t->answer->num_addresses, kTunnelDirectTimeoutMs,
                       on_direct, t);
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
  t->is_hidden = true;
  t->browser = tls_stream(t->browser_tls);
  t->browser_tls = NULL;
  t->site = tls_stream(t->site_tls);
  t->site_tls = NULL;
  tunnel_enter(t, RELAY);
}

void tunnel_start_greet_browser(struct tunnel *t) {
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
