#include "proxy/own_tunnel.h"

#include <string.h>
#include <uv.h>

#include "net/tls.h"
#include "net/xalloc.h"
#include "proxy/account.h"
#include "proxy/client.h"
#include "proxy/greeter.h"
#include "status/advice.h"
#include "status/tally.h"

enum { kHttpPort = 80, kHttpsPort = 443, kHandshakeMs = 10000 };

static const char kHttp1[] = "http/1.1";

struct own_tunnel {
  struct proxy *proxy;
  struct connection connection;
  struct page_visitor visitor;
  struct tls *tls;
  struct greeting greeting;
  uv_timer_t deadline;
};

static void on_deadline_closed(uv_handle_t *handle) { free(handle->data); }

// Ends `t` but for its session, which the caller takes.
static struct tls *release(struct own_tunnel *t) {
  struct tls *tls = t->tls;
  proxy_remove(t->proxy, &t->connection);
  uv_close((uv_handle_t *)&t->deadline, on_deadline_closed);
  return tls;
}

static void tunnel_close(void *owner) { tls_close(release(owner)); }

static void on_deadline(uv_timer_t *deadline) { tunnel_close(deadline->data); }

// Whether the browser trusts the CA shows here as it does at any site, but for
// a session that was resumed, which shows no certificate.
static void note_judgement(const struct own_tunnel *t, enum tls_status status,
                           const struct tls_error *error) {
  const struct proxy *proxy = t->proxy;
  struct advice ignored;
  if (status == TLS_OK && SSL_session_reused(tls_ssl(t->tls)) == 0) {
    tally_add(proxy->tally, TALLY_LEAVES_ACCEPTED, 1);
    advice_book_accepted(proxy->advice, "");
  } else if (status != TLS_OK && account_rejects_leaf(error)) {
    tally_add(proxy->tally, TALLY_LEAVES_REJECTED, 1);
    advice_book_rejected(proxy->advice, &ignored, "");
  }
}

static void on_greeted(void *owner, enum tls_status status,
                       const struct tls_error *error) {
  struct own_tunnel *t = owner;
  struct proxy *proxy = t->proxy;
  note_judgement(t, status, error);
  if (status != TLS_OK) {
    tunnel_close(t);
    return;
  }
  struct page_visitor visitor = t->visitor;
  client_open_inside(proxy, tls_stream(release(t)), &visitor);
}

// Whether the browser offers HTTP/1.1. Without it no protocol is named.
static bool offers_http1(const struct greeting *greeting) {
  size_t len = sizeof(kHttp1) - 1;
  for (size_t i = 0; i < greeting->alpn_len; i += 1U + greeting->alpn[i]) {
    if (greeting->alpn[i] == len &&
        memcmp(greeting->alpn + i + 1, kHttp1, len) == 0) {
      return true;
    }
  }
  return false;
}

static void on_hello(void *owner, enum tls_status status,
                     const struct tls_error *error) {
  (void)error;
  struct own_tunnel *t = owner;
  if (status != TLS_PAUSED ||
      !greeter_prepare(t->proxy->greeter, tls_ssl(t->tls), kOwnHost)) {
    tunnel_close(t);
    return;
  }
  bool named = offers_http1(&t->greeting);
  greeter_choose(&t->greeting, (const uint8_t *)kHttp1,
                 named ? sizeof(kHttp1) - 1 : 0);
  tls_handshake_start(t->tls, on_greeted, t);
}

static void start_handshake(struct proxy *proxy, struct stream *browser,
                            const struct page_visitor *visitor) {
  struct own_tunnel *t = xcalloc(1, sizeof(*t));
  t->proxy = proxy;
  t->visitor = *visitor;
  t->visitor.way = PAGE_TLS_TUNNEL;
  SSL *ssl = greeter_ssl_new(proxy->greeter, &t->greeting,
                             address_is_loopback(&visitor->peer));
  t->tls = tls_server_new(proxy->worker, browser, ssl);
  uv_timer_init(worker_loop(proxy->worker), &t->deadline);
  t->deadline.data = t;
  uv_timer_start(&t->deadline, on_deadline, kHandshakeMs, 0);
  proxy_add(proxy, &t->connection, tunnel_close, t);
  tls_handshake_start(t->tls, on_hello, t);
}

void own_tunnel_open(struct proxy *proxy, struct stream *browser,
                     enum front_kind kind, uint16_t port,
                     const struct page_visitor *visitor) {
  struct page_visitor inside = *visitor;
  inside.way = PAGE_TUNNEL;
  if (port != kHttpPort && port != kHttpsPort) {
    front_refuse(browser, kind, FRONT_NO_SUCH_HOST,
                 "The site does not exist in DNS.");
    return;
  }
  front_accept(browser, kind);
  if (port == kHttpsPort) {
    start_handshake(proxy, browser, &inside);
  } else {
    client_open_inside(proxy, browser, &inside);
  }
}
