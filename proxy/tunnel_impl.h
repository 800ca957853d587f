// tunnel_impl is what the files of a tunnel share and nobody else sees: its
// state and how it moves. tunnel.c has its life as a whole and the relay at its
// end, tunnel_decide.c the steps that find out what becomes of it, and
// tunnel_reach.c those that reach the site and greet the browser.

#ifndef ECHPROXY_PROXY_TUNNEL_IMPL_H
#define ECHPROXY_PROXY_TUNNEL_IMPL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "ech/lookup_answer.h"
#include "ech/origin.h"
#include "net/dial.h"
#include "net/tls.h"
#include "proxy/account.h"
#include "proxy/front.h"
#include "proxy/greeter.h"
#include "proxy/proxy.h"
#include "proxy/refusal.h"
#include "proxy/relay.h"
#include "proxy/site_lookup.h"
#include "proxy/terms.h"

enum tunnel_step {
  FIND_ECH = 1,
  READ_HELLO,
  FIND_NAMED,
  DIAL_ORIGIN,
  DIAL_DIRECT,
  GREET_BROWSER,
  RELAY,
  CLOSING,
};

enum { kTunnelDirectTimeoutMs = 15000 };

struct tunnel {
  struct proxy *proxy;
  struct terms *terms;
  struct connection connection;
  struct account account;
  uv_timer_t deadline;
  enum tunnel_step step;
  enum front_kind kind;
  bool is_from_here;  // the browser's connection is one over loopback
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
  bool accepted;   // the browser has been told that its tunnel is open
  bool is_hidden;  // what is relayed is inside both sessions

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

// tunnel_enter begins the step `next`. tunnel_close ends `t` from any step: no
// on_ function of it runs any more. After these and tunnel_refuse, `t` may be
// gone.
void tunnel_enter(struct tunnel *t, enum tunnel_step next);
void tunnel_close(struct tunnel *t);

// tunnel_refuse ends `t`, with an answer to a browser that still waits for one.
void tunnel_refuse(struct tunnel *t, enum front_refusal refusal,
                   enum tally_refusal kind, const char *why);

// tunnel_prepare_origin begins to reach the site with ECH, tunnel_drop_origin
// gives that up, and the leaf for it.
void tunnel_prepare_origin(struct tunnel *t);
void tunnel_drop_origin(struct tunnel *t);

// tunnel_pass_through gives up the browser's session and goes on with its own
// bytes.
void tunnel_pass_through(struct tunnel *t);

// What each step begins with.
void tunnel_start_find_ech(struct tunnel *t);
void tunnel_start_read_hello(struct tunnel *t);
void tunnel_start_find_named(struct tunnel *t);
void tunnel_start_dial_origin(struct tunnel *t);
void tunnel_start_dial_direct(struct tunnel *t);
void tunnel_start_greet_browser(struct tunnel *t);

#endif
