#include "proxy/client.h"

#include <openssl/mem.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "net/tcp.h"
#include "net/xalloc.h"
#include "proxy/admission.h"
#include "proxy/answer.h"
#include "proxy/authority.h"
#include "proxy/forward.h"
#include "proxy/http_head.h"
#include "proxy/local_page.h"
#include "proxy/own_tunnel.h"
#include "proxy/socks5.h"
#include "proxy/terms.h"
#include "proxy/tunnel.h"

enum { kRequestDeadlineMs = 10000, kSocksVersion = 5, kHttpPort = 80 };

struct client {
  struct proxy *proxy;
  struct connection connection;
  struct stream *browser;
  uv_timer_t deadline;
  struct bytes in;        // all that has come
  struct http_scan scan;  // of an HTTP head
  struct page_visitor visitor;
  bool is_inside;       // a tunnel of ours: HTTP alone, for our own pages
  size_t greeting_len;  // of SOCKS5, once that was answered
  size_t login_len;     // likewise; it stays 0 when there are no users
  // A wrong password, whose answer waits for the deadline.
  bool is_wrong;
  bool is_wrong_head;  // in a HEAD request
  size_t guess_place;
};

static void on_deadline_closed(uv_handle_t *handle) {
  struct client *c = handle->data;
  OPENSSL_cleanse(c->in.data, c->in.len);  // there may be a password in it
  free(c->in.data);
  free(c);
}

// Ends `c` but for its browser, which the caller takes, paused. `c->in` lives
// until the caller has returned to the loop; no on_ function of `c` runs.
static struct stream *release(struct client *c) {
  stream_read_stop(c->browser);
  if (c->is_wrong) {
    guesses_end(&c->proxy->guesses, c->guess_place);
  }
  proxy_remove(c->proxy, &c->connection);
  uv_close((uv_handle_t *)&c->deadline, on_deadline_closed);
  return c->browser;
}

// The same, with what came after the first `used` bytes put back.
static struct stream *hand_over(struct client *c, size_t used) {
  stream_unread(c->browser, c->in.data + used, c->in.len - used);
  return release(c);
}

static void client_close(void *owner) { stream_close(release(owner)); }

static void refuse_http(struct client *c, int status, const char *why) {
  answer_error(release(c), status, why, false);
}

static void refuse_malformed(struct client *c, enum http_head_status status) {
  char why[160];
  snprintf(why, sizeof(why), "the request was refused: %s",
           http_head_status_str(status));
  refuse_http(c, http_head_status_code(status), why);
}

// Who may use the proxy.

static void on_deadline(uv_timer_t *deadline);

// A reload between two messages of a SOCKS5 client has it go by the new users:
// whoever was not asked for a password then lacks one.
static const struct user_list *users_of(const struct client *c) {
  return c->proxy->terms->users;
}

static struct admission_desk desk_for(struct client *c) {
  return (struct admission_desk){users_of(c), &c->proxy->guesses,
                                 c->visitor.peer};
}

static void warn_of_guess(const struct client *c) {
  char peer[kAddressTextSize];
  address_format(peer, &c->visitor.peer);
  *strrchr(peer, ':') = '\0';  // a guesser's ports only make lines differ
  log_warning(c->proxy->log,
              "a client at %s gave a wrong name or password and was refused",
              peer);
}

// Lets the answer to a wrong password wait, so that many cannot be tried.
static void delay_refusal(struct client *c, bool is_head) {
  c->is_wrong = true;
  c->is_wrong_head = is_head;
  stream_read_stop(c->browser);
  uv_timer_start(&c->deadline, on_deadline, kGuessesDelayMs, 0);
}

static bool is_socks(const struct client *c) {
  return c->in.data[0] == kSocksVersion;
}

static void refuse_login(struct client *c, bool is_head) {
  if (is_socks(c)) {
    admission_refuse_socks5(release(c));
  } else {
    admission_refuse_http(release(c), is_head);
  }
}

// Says whether `c` may go on. If not, it is seen to here.
static bool may_go_on(struct client *c, enum admission admission,
                      bool is_head) {
  switch (admission) {
    case ADMISSION_GRANTED:
      return true;
    case ADMISSION_MISSING:
      refuse_login(c, is_head);
      return false;
    case ADMISSION_WRONG:
      warn_of_guess(c);
      delay_refusal(c, is_head);
      return false;
    case ADMISSION_TOO_MANY:
      client_close(c);
      return false;
  }
  return false;
}

static bool may_ask(struct client *c, const struct http_head *head) {
  const struct admission_desk desk = desk_for(c);
  return desk.users == NULL ||
         may_go_on(c, admission_by_head(&desk, &c->guess_place, head),
                   http_text_is(head->method, "HEAD"));
}

// What a request is for.

// A connection between two addresses of this machine is not from here: it may
// be one that a client on another makes through us.
static bool is_over_loopback(const struct page_visitor *visitor) {
  return address_is_loopback(&visitor->peer);
}

static bool is_for_us(const struct http_head *head) {
  return head->target.data[0] == '/' ||
         (head->target.data[0] == '*' && head->target.len == 1);
}

// Goes on with a tunnel to `site`; the request was `used` bytes.
static void open_tunnel(struct client *c, enum front_kind kind, size_t used,
                        const struct authority *site) {
  struct proxy *proxy = c->proxy;
  struct stream *browser = hand_over(c, used);
  if (strcmp(site->host, kOwnHost) == 0) {
    own_tunnel_open(proxy, browser, kind, site->port, &c->visitor);
  } else {
    tunnel_open(proxy, browser, kind, site->host, site->port,
                is_over_loopback(&c->visitor));
  }
}

static void open_connect(struct client *c, const struct http_head *head) {
  struct authority site;
  if (!authority_from_text(&site, head->target.data, head->target.len) ||
      site.port == 0) {
    refuse_http(c, 400, "the target of CONNECT must be a host and a port");
    return;
  }
  if (head->framing == HTTP_BODY_CHUNKED || head->length > 0) {
    refuse_http(c, 400, "a CONNECT request has no body");  // RFC 9110, 9.3.6
    return;
  }
  open_tunnel(c, FRONT_HTTP_CONNECT, head->len, &site);
}

static bool target_starts(const struct http_head *head, const char *prefix) {
  size_t len = strlen(prefix);
  return head->target.len >= len &&
         strncasecmp(head->target.data, prefix, len) == 0;
}

static bool has_scheme(const struct http_head *head) {
  const char *colon = memchr(head->target.data, ':', head->target.len);
  size_t left = colon == NULL
                    ? 0
                    : head->target.len - (size_t)(colon - head->target.data);
  return left >= 3 && memcmp(colon, "://", 3) == 0;
}

// Answers for a page of ours, whose path is at the offset `path` of the target.
static void open_page(struct client *c, const struct http_head *head,
                      enum page_way way, size_t path) {
  struct proxy *proxy = c->proxy;
  struct local_request request;
  struct stream *browser = hand_over(c, head->len);
  c->visitor.way = way;
  local_request_init(&request, head, &c->visitor, path);
  local_page_serve(proxy, browser, &request);
}

// Whether `site` is the very address at which the client has reached us: some
// ask a proxy for that, too.
static bool is_our_address(const struct client *c,
                           const struct authority *site) {
  char text[kAddressTextSize];
  struct bytes ours = {0};
  authority_write(&ours, site, 0);
  bytes_append(&ours, "", 1);
  address_format(text, &c->visitor.local);
  bool is_ours = strcmp((const char *)ours.data, text) == 0 ||
                 (strcmp(site->host, "localhost") == 0 &&
                  site->port == c->visitor.local.port &&
                  address_is_loopback(&c->visitor.local));
  free(ours.data);
  return is_ours;
}

static void open_url(struct client *c, const struct http_head *head) {
  struct proxy *proxy = c->proxy;
  struct authority site;
  size_t path;
  bool is_url =
      authority_from_url(&site, &path, head->target.data, head->target.len);
  bool is_own_name = is_url && strcmp(site.host, kOwnHost) == 0;
  if (is_url) {
    site.port = site.port == 0 ? kHttpPort : site.port;
  }
  if (is_own_name && site.port != kHttpPort) {
    forward_answer_no_site(release(c), http_text_is(head->method, "HEAD"));
  } else if (is_own_name || (is_url && is_our_address(c, &site))) {
    open_page(c, head, PAGE_PROXIED, path);
  } else {
    forward_open(proxy, hand_over(c, head->len), head,
                 is_over_loopback(&c->visitor));
  }
}

// Within a tunnel of ours nothing else is to be had.
static void open_inside(struct client *c, const struct http_head *head) {
  if (is_for_us(head)) {
    open_page(c, head, c->visitor.way, 0);
  } else {
    refuse_http(c, 400, "the request target is not a path");
  }
}

// Asks what the request is for (RFC 9112, section 3.2).
static void open_request(struct client *c, const struct http_head *head) {
  if (c->is_inside) {
    open_inside(c, head);
    return;
  }
  if (!is_for_us(head) && !may_ask(c, head)) {
    return;
  }
  if (head->method.len == 7 && memcmp(head->method.data, "CONNECT", 7) == 0) {
    open_connect(c, head);
  } else if (target_starts(head, "http://")) {
    open_url(c, head);
  } else if (target_starts(head, "https://")) {
    refuse_http(c, 501, "an https:// site is to be asked for with CONNECT");
  } else if (has_scheme(head)) {
    refuse_http(c, 501, "only http:// URLs are forwarded");
  } else if (is_for_us(head)) {
    open_page(c, head, PAGE_DIRECT, 0);
  } else {
    refuse_http(c, 400, "the request target is neither a URL nor a path");
  }
}

static void read_http(struct client *c) {
  struct http_head head;
  enum http_head_status status =
      http_request_read(&head, &c->scan, c->in.data, c->in.len);
  if (status == HTTP_HEAD_OK) {
    open_request(c, &head);
  } else if (status != HTTP_HEAD_INCOMPLETE) {
    refuse_malformed(c, status);
  }
}

static void read_socks_request(struct client *c) {
  struct authority site;
  size_t request_len;
  size_t used = c->greeting_len + c->login_len;
  enum socks5_status status = socks5_request_read(
      &site, &request_len, c->in.data + used, c->in.len - used);
  if (status == SOCKS5_INCOMPLETE) {
    return;
  }
  if (status == SOCKS5_OK) {
    open_tunnel(c, FRONT_SOCKS5, used + request_len, &site);
    return;
  }
  uint8_t reply[kSocks5ReplyLen];
  socks5_reply_write(reply, socks5_status_reply(status));
  stream_write(c->browser, reply, sizeof(reply));
  stream_close_after_drain(release(c), kAnswerDrainMs);
}

static void read_socks_login(struct client *c) {
  struct socks5_login login;
  size_t login_len;
  enum socks5_status status =
      socks5_login_read(&login, &login_len, c->in.data + c->greeting_len,
                        c->in.len - c->greeting_len);
  if (status == SOCKS5_INCOMPLETE) {
    return;
  }
  if (status != SOCKS5_OK) {
    admission_refuse_socks5(release(c));
    return;
  }
  const struct admission_desk desk = desk_for(c);
  if (may_go_on(c, admission_by_login(&desk, &c->guess_place, &login), false)) {
    uint8_t reply[kSocks5LoginReplyLen];
    socks5_login_reply_write(reply, true);
    stream_write(c->browser, reply, sizeof(reply));
    c->login_len = login_len;
    read_socks_request(c);  // it may have come along
  }
}

static void read_after_greeting(struct client *c) {
  if (users_of(c) != NULL && c->login_len == 0) {
    read_socks_login(c);
  } else {
    read_socks_request(c);
  }
}

static void read_socks_greeting(struct client *c) {
  size_t greeting_len;
  enum socks5_method wanted =
      users_of(c) != NULL ? SOCKS5_PASSWORD : SOCKS5_ANYBODY;
  enum socks5_status status =
      socks5_greeting_read(&greeting_len, wanted, c->in.data, c->in.len);
  if (status == SOCKS5_INCOMPLETE) {
    return;
  }
  uint8_t method[kSocks5MethodLen];
  socks5_method_write(method, wanted, status);
  stream_write(c->browser, method, sizeof(method));
  if (status != SOCKS5_OK) {
    stream_close_after_drain(release(c), kAnswerDrainMs);
    return;
  }
  c->greeting_len = greeting_len;
  read_after_greeting(c);  // it may have come along
}

static void on_data(void *owner, const uint8_t *data, size_t len) {
  struct client *c = owner;
  // One event's bytes on top of an incomplete request, which is bounded.
  bytes_append(&c->in, data, len);
  if (c->is_inside || !is_socks(c)) {
    read_http(c);
  } else if (c->greeting_len == 0) {
    read_socks_greeting(c);
  } else {
    read_after_greeting(c);
  }
}

static void on_end(void *owner, int err) {
  (void)err;
  client_close(owner);  // half a request is not worth an answer
}

static void on_deadline(uv_timer_t *deadline) {
  struct client *c = deadline->data;
  if (c->is_wrong) {
    refuse_login(c, c->is_wrong_head);
  } else if (c->in.len == 0 || (!c->is_inside && is_socks(c))) {
    client_close(c);
  } else {
    refuse_malformed(c, HTTP_HEAD_INCOMPLETE);
  }
}

static void start(struct proxy *proxy, struct stream *browser,
                  const struct page_visitor *visitor, bool is_inside) {
  static const struct stream_events kEvents = {.on_data = on_data,
                                               .on_end = on_end};
  struct client *c = xcalloc(1, sizeof(*c));
  c->proxy = proxy;
  c->browser = browser;
  c->visitor = *visitor;
  c->is_inside = is_inside;
  uv_timer_init(worker_loop(proxy->worker), &c->deadline);
  c->deadline.data = c;
  uv_timer_start(&c->deadline, on_deadline, kRequestDeadlineMs, 0);
  proxy_add(proxy, &c->connection, client_close, c);
  stream_set_events(browser, &kEvents, c);
  stream_read_start(browser);
}

void client_open(struct proxy *proxy, struct stream *browser) {
  struct page_visitor visitor = {.way = PAGE_DIRECT};
  // Where they are not known, they are no loopback addresses.
  tcp_ends(browser, &visitor.peer, &visitor.local);
  start(proxy, browser, &visitor, false);
}

void client_open_inside(struct proxy *proxy, struct stream *browser,
                        const struct page_visitor *visitor) {
  start(proxy, browser, visitor, true);
}
