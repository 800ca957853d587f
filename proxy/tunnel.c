#include "proxy/tunnel.h"

#include <assert.h>
#include <string.h>

#include "net/xalloc.h"
#include "proxy/tunnel_impl.h"

static void start_relay(struct tunnel *t);
static void on_deadline(uv_timer_t *timer);

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
    [FIND_ECH] = {"find-ech", tunnel_start_find_ech,
                  kSiteLookupTimeoutMs + 1000},
    [READ_HELLO] = {"read-hello", tunnel_start_read_hello, 10000},
    [FIND_NAMED] = {"find-named", tunnel_start_find_named,
                    kSiteLookupTimeoutMs + 1000},
    [DIAL_ORIGIN] = {"dial-origin", tunnel_start_dial_origin,
                     kOriginTimeoutMs + 1000},
    [DIAL_DIRECT] = {"dial-direct", tunnel_start_dial_direct,
                     kTunnelDirectTimeoutMs + 1000},
    [GREET_BROWSER] = {"greet-browser", tunnel_start_greet_browser, 10000},
    [RELAY] = {"relay", start_relay, 0},
};

void tunnel_enter(struct tunnel *t, enum tunnel_step next) {
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

// tunnel_close ends `t` from any step. No on_ function of `t` runs after it,
// except on_deadline_closed, which frees `t`.
void tunnel_close(struct tunnel *t) {
  assert(t->step != CLOSING);
  account_close(&t->account);
  t->step = CLOSING;
  proxy_remove(t->proxy, &t->connection);
  site_lookup_cancel(t->lookup);
  tunnel_drop_origin(t);
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
  account_because_first(&t->account, "the proxy was stopped");
  tunnel_close(t);
}

void tunnel_refuse(struct tunnel *t, enum front_refusal refusal,
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
                 enum front_kind kind, const char *host, uint16_t port,
                 bool is_from_here) {
  struct tunnel *t = xcalloc(1, sizeof *t);
  t->proxy = proxy;
  t->terms = terms_ref(proxy->terms);
  t->browser = browser;
  t->kind = kind;
  t->is_from_here = is_from_here;
  t->host = xstrdup(host);
  t->port = port;
  account_open(&t->account, proxy, host, port);
  uv_timer_init(worker_loop(proxy->worker), &t->deadline);
  t->deadline.data = t;
  proxy_add(proxy, &t->connection, on_proxy_close, t);
  tunnel_enter(t, FIND_ECH);
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
    account_broke(&t->account, uv_strerror(err));
  }
  tunnel_close(t);
}

// What the browser says to the site itself is looked at for its hello.
static void start_relay(struct tunnel *t) {
  static const struct relay_events kEvents = {.moved = on_moved,
                                              .done = on_relayed};
  static const struct relay_events kPeekingEvents = {
      .moved = on_moved, .peek = on_peek, .done = on_relayed};
  forget_handshake(t);
  forget_terms(t);
  t->relay = relay_start(t->proxy->worker, t->browser, t->site,
                         t->is_hidden ? &kEvents : &kPeekingEvents, t);
  t->browser = NULL;  // both taken
  t->site = NULL;
}
