#include "ech/stub_session.h"

#include <openssl/rand.h>
#include <uv.h>

#include "ech/dns_message.h"
#include "ech/dns_session_impl.h"
#include "ech/framed_session.h"
#include "net/tcp.h"
#include "net/xalloc.h"

enum { kResendMs = 400 };  // the first time; then twice as long each time

// The sockets of a query, which outlive it until libuv has closed them.
struct sockets {
  struct stub_exchange *exchange;
  uv_udp_t udp;
  uv_timer_t timer;  // sends again, or fails at once
  unsigned num_open;
};

// A query waits for an answer over UDP, then perhaps over TCP, then for its
// outcome to be told from the loop.
struct stub_exchange {
  struct dns_exchange base;
  struct sockets *sockets;
  uint16_t id;
  uint64_t resend_ms;
  struct tcp_connect *connect;
  struct dns_session *tcp;
  enum channel_status status;
  uint8_t *message;
  size_t message_len;
};

struct stub_session {
  struct dns_session base;
  struct address address;
};

static struct stub_session *session_of(const struct stub_exchange *x) {
  return (struct stub_session *)x->base.session;
}

static void on_socket_closed(uv_handle_t *handle) {
  struct sockets *sockets = handle->data;
  if (--sockets->num_open == 0) {
    free(sockets);
  }
}

static void release(struct dns_exchange *base) {
  struct stub_exchange *x = (struct stub_exchange *)base;
  uv_close((uv_handle_t *)&x->sockets->udp, on_socket_closed);
  uv_close((uv_handle_t *)&x->sockets->timer, on_socket_closed);
  tcp_connect_cancel(x->connect);
  dns_session_close(x->tcp);
  free(x->message);
}

static void on_outcome(uv_timer_t *timer) {
  struct stub_exchange *x = ((struct sockets *)timer->data)->exchange;
  struct dns_session *session = x->base.session;
  uint8_t *message = x->message;
  x->message = NULL;  // handed on
  dns_exchange_finish(&x->base, x->status, message, x->message_len);
  dns_session_end_if_over(session);
}

// Ends `x` from the loop, where neither its socket nor its session is at work.
// It takes `message`.
static void finish_soon(struct stub_exchange *x, enum channel_status status,
                        uint8_t *message, size_t len) {
  x->status = status;
  x->message = message;
  x->message_len = len;
  uv_udp_recv_stop(&x->sockets->udp);
  uv_timer_start(&x->sockets->timer, on_outcome, 0, 0);
}

static void on_tcp_answer(void *owner, enum channel_status status,
                          bool untouched, uint8_t *message, size_t len) {
  (void)untouched;
  struct stub_exchange *x = owner;
  dns_session_hear(x->base.session);
  finish_soon(x, status, message, len);
}

// Its exchange has had its outcome.
static void on_tcp_end(void *owner, struct dns_session *tcp) {
  (void)owner, (void)tcp;
}

static void on_tcp_connected(void *owner, int err, struct stream *stream) {
  struct stub_exchange *x = owner;
  x->connect = NULL;
  if (err != 0) {
    finish_soon(x, CHANNEL_UNREACHABLE, NULL, 0);
    return;
  }
  x->tcp = framed_session_new(x->base.session->worker, stream, on_tcp_end, x);
  dns_session_post(x->tcp, x->base.query, x->base.query_len, on_tcp_answer, x);
}

// Asks once more over TCP (RFC 7766, section 5).
static void start_tcp(struct stub_exchange *x) {
  uv_udp_recv_stop(&x->sockets->udp);
  uv_timer_stop(&x->sockets->timer);
  x->connect = tcp_connect_start(x->base.session->worker,
                                 &session_of(x)->address, on_tcp_connected, x);
}

static void on_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  (void)suggested;
  struct sockets *sockets = handle->data;
  struct worker *worker = sockets->exchange->base.session->worker;
  *out = uv_buf_init((char *)worker_read_buffer(worker), kWorkerReadSize);
}

// The kernel lets in what comes from the resolver's address only: the socket is
// connected. What has another id or question is not for us, and the answer may
// still come (RFC 5452, section 9.1).
static void on_datagram(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf,
                        const struct sockaddr *from, unsigned flags) {
  struct stub_exchange *x = ((struct sockets *)udp->data)->exchange;
  const uint8_t *message = (const uint8_t *)buf->base;
  if (len < 0) {  // nobody is there, the kernel says
    finish_soon(x, CHANNEL_UNREACHABLE, NULL, 0);
    return;
  }
  if (from == NULL || (flags & UV_UDP_PARTIAL) != 0 || len < kDnsHeaderLen ||
      dns_message_id(message) != x->id ||
      !dns_message_answers(message, (size_t)len, x->base.query,
                           x->base.query_len)) {
    return;
  }
  dns_session_hear(x->base.session);
  if (dns_message_is_truncated(message)) {
    start_tcp(x);
    return;
  }
  uint8_t *answer = xmemdup(message, (size_t)len);
  dns_message_set_id(answer, 0);
  finish_soon(x, CHANNEL_OK, answer, (size_t)len);
}

static void send_query(struct stub_exchange *x);

static void on_resend(uv_timer_t *timer) {
  send_query(((struct sockets *)timer->data)->exchange);
}

static void send_query(struct stub_exchange *x) {
  uint8_t query[kDnsQueryMaxLen];
  memcpy(query, x->base.query, x->base.query_len);
  dns_message_set_id(query, x->id);
  uv_buf_t buf = uv_buf_init((char *)query, (unsigned)x->base.query_len);
  int sent = uv_udp_try_send(&x->sockets->udp, &buf, 1, NULL);
  if (sent < 0 && sent != UV_EAGAIN) {
    finish_soon(x, CHANNEL_UNREACHABLE, NULL, 0);
    return;
  }
  uv_timer_start(&x->sockets->timer, on_resend, x->resend_ms, 0);
  x->resend_ms *= 2;
}

static int open_sockets(struct stub_exchange *x) {
  uv_loop_t *loop = worker_loop(x->base.session->worker);
  struct sockaddr_storage to;
  address_to_sockaddr(&to, &session_of(x)->address);
  x->sockets = xcalloc(1, sizeof(*x->sockets));
  x->sockets->exchange = x;
  x->sockets->num_open = 2;
  x->sockets->udp.data = x->sockets;
  x->sockets->timer.data = x->sockets;
  uv_timer_init(loop, &x->sockets->timer);
  uv_udp_init(loop, &x->sockets->udp);
  int err = uv_udp_connect(&x->sockets->udp, (struct sockaddr *)&to);
  return err != 0 ? err
                  : uv_udp_recv_start(&x->sockets->udp, on_buffer, on_datagram);
}

static void post(struct dns_exchange *base) {
  struct stub_exchange *x = (struct stub_exchange *)base;
  RAND_bytes((uint8_t *)&x->id, sizeof(x->id));
  x->resend_ms = kResendMs;
  if (open_sockets(x) == 0) {
    send_query(x);
  } else {
    finish_soon(x, CHANNEL_UNREACHABLE, NULL, 0);
  }
}

// A port of this machine that nobody listens at says so at once, so that
// silence is slowness.
static void probe(struct dns_session *base) { dns_session_hear(base); }

struct dns_session *stub_session_new(struct worker *worker,
                                     const struct address *address,
                                     dns_session_end_cb *on_end, void *owner) {
  static const struct dns_session_ops kOps = {
      .exchange_size = sizeof(struct stub_exchange),
      .probe = probe,
      .post = post,
      .release = release,
  };
  struct stub_session *s = xcalloc(1, sizeof(*s));
  dns_session_init(&s->base, &kOps, worker, on_end, owner);
  s->address = *address;
  return &s->base;
}
