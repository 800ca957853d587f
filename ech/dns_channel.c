#include "ech/dns_channel.h"

#include <assert.h>
#include <utlist.h>
#include <uv.h>

#include "ech/doh_session.h"
#include "ech/framed_session.h"
#include "ech/resolver_connect.h"
#include "ech/server_ech.h"
#include "ech/server_ech_book.h"
#include "ech/stub_session.h"
#include "net/xalloc.h"

enum {
  kMaxQueries = 1000,
  kMaxSends = 2,
  kIdleMs = 60000,
  kEchTimeoutMs = 5000,  // for the question about the server itself
};

// A query is in one of three lists: waiting for a connection, sent, or finished
// with `done` still to run.
struct dns_channel_query {
  struct dns_channel *channel;
  struct dns_channel_query **list;
  struct dns_channel_query *next;
  struct dns_channel_query *prev;
  dns_channel_query_cb *done;
  void *owner;
  uint8_t *body;
  size_t body_len;
  unsigned num_sends;
  struct dns_session *session;    // while it is sent
  struct dns_exchange *exchange;  // while it is sent
  uint64_t timeout_ms;
  uint64_t probed_at;  // 0 before half of the time is over
  uv_timer_t timer;
  struct task task;  // runs `done`
  enum channel_status status;
  uint8_t *message;
  size_t message_len;
};

struct dns_channel {
  struct worker *worker;
  struct dns_server server;
  struct server_ech *ech;
  SSL_CTX *ctx;  // NULL for a server without TLS
  struct resolver_connect *connect;
  struct dns_session *current;
  struct dns_session *retiring;  // finishes what it has, takes nothing new
  struct dns_channel_query *waiting;
  struct dns_channel_query *sent;
  struct dns_channel_query *finished;
  size_t num_queries;
  bool distrusts_current;  // it gave a query back: use another connection
  struct task pump;
  uv_timer_t idle;
};

static uint64_t now_ms(const struct dns_channel *channel) {
  return uv_now(worker_loop(channel->worker));
}

static void query_move(struct dns_channel_query *q,
                       struct dns_channel_query **to) {
  if (q->list != NULL) {
    DL_DELETE(*q->list, q);
  }
  DL_APPEND(*to, q);
  q->list = to;
}

static void on_query_timer_closed(uv_handle_t *handle) { free(handle->data); }

static void on_idle(uv_timer_t *timer);

// Takes `q` out of its channel and lets go of what it holds; `q` itself goes
// when its timer is closed.
static void query_release(struct dns_channel_query *q) {
  struct dns_channel *channel = q->channel;
  DL_DELETE(*q->list, q);
  worker_undefer(channel->worker, &q->task);
  if (--channel->num_queries == 0) {
    uv_timer_start(&channel->idle, on_idle, kIdleMs, 0);
  }
  free(q->body);
  free(q->message);
  uv_close((uv_handle_t *)&q->timer, on_query_timer_closed);
}

static void on_query_finished(void *owner) {
  struct dns_channel_query *q = owner;
  enum channel_status status = q->status;
  uint8_t *message = q->message;
  size_t len = q->message_len;
  dns_channel_query_cb *done = q->done;
  void *done_owner = q->owner;
  q->message = NULL;
  query_release(q);
  done(done_owner, status, message, len);
  free(message);
}

// Ends `q` with an outcome that its owner hears of from the loop, so that
// nothing here runs while a callback frees `channel`. It takes `message`.
static void query_finish(struct dns_channel_query *q,
                         enum channel_status status, uint8_t *message,
                         size_t len) {
  q->status = status;
  q->message = message;
  q->message_len = len;
  uv_timer_stop(&q->timer);
  query_move(q, &q->channel->finished);
  worker_defer(q->channel->worker, &q->task, on_query_finished, q);
}

static void pump(void *owner);

static void schedule_pump(struct dns_channel *channel) {
  worker_defer(channel->worker, &channel->pump, pump, channel);
}

static void on_exchanged(void *owner, enum channel_status status,
                         bool untouched, uint8_t *message, size_t len) {
  struct dns_channel_query *q = owner;
  struct dns_channel *channel = q->channel;
  bool was_current = q->session == channel->current;
  q->exchange = NULL;
  q->session = NULL;
  if (status == CHANNEL_BROKEN && untouched && q->num_sends < kMaxSends) {
    channel->distrusts_current |= was_current;
    query_move(q, &channel->waiting);
    schedule_pump(channel);
  } else {
    query_finish(q, status, message, len);
  }
}

static void on_session_end(void *owner, struct dns_session *session) {
  struct dns_channel *channel = owner;
  if (session == channel->current) {
    channel->current = NULL;
    channel->distrusts_current = false;
  } else {
    assert(session == channel->retiring);
    channel->retiring = NULL;
  }
  dns_session_close(session);
}

static void start_session(struct dns_channel *channel, struct stream *stream) {
  struct worker *worker = channel->worker;
  switch (channel->server.scheme) {
    case DNS_SERVER_HTTPS:
      channel->current = doh_session_new(worker, stream, &channel->server,
                                         on_session_end, channel);
      break;
    case DNS_SERVER_TLS:
      channel->current =
          framed_session_new(worker, stream, on_session_end, channel);
      break;
    case DNS_SERVER_UDP:
      channel->current = stub_session_new(worker, &channel->server.addresses[0],
                                          on_session_end, channel);
      break;
  }
}

static void on_connected(void *owner, enum channel_status status,
                         struct stream *stream) {
  struct dns_channel *channel = owner;
  channel->connect = NULL;
  if (status == CHANNEL_OK) {
    start_session(channel, stream);
    schedule_pump(channel);
    return;
  }
  while (channel->waiting != NULL) {
    query_finish(channel->waiting, status, NULL, 0);
  }
}

// Lets the current connection finish what it has. One such connection is kept;
// what an older one has not answered by now is sent again.
static void retire_current(struct dns_channel *channel) {
  if (channel->retiring != NULL) {
    dns_session_fail(channel->retiring);
  }
  channel->retiring = channel->current;
  channel->current = NULL;
  channel->distrusts_current = false;
  dns_session_retire(channel->retiring);
}

static void post(struct dns_channel_query *q) {
  q->num_sends++;
  q->session = q->channel->current;
  q->exchange = dns_session_post(q->channel->current, q->body, q->body_len,
                                 on_exchanged, q);
  query_move(q, &q->channel->sent);
}

static void on_own_record(void *owner, enum channel_status status,
                          const uint8_t *message, size_t len) {
  struct dns_channel *channel = owner;
  char name[kDnsNameSize];
  enum dns_type type;
  if (status == CHANNEL_OK &&
      server_ech_question(name, &type, &channel->server)) {
    struct dns_answer answer;
    dns_answer_parse(&answer, message, len, name, type);
    server_ech_learn(channel->ech, &channel->server, &answer, now_ms(channel));
  }
}

// Asks the server about itself, when that is due.
static void ask_about_ech(struct dns_channel *channel) {
  char name[kDnsNameSize];
  enum dns_type type;
  uint8_t query[kDnsQueryMaxLen];
  size_t len;
  if (server_ech_question(name, &type, &channel->server) &&
      server_ech_is_due(channel->ech, now_ms(channel)) &&
      dns_query_write(query, &len, name, type)) {
    dns_channel_query_start(channel, query, len, kEchTimeoutMs, on_own_record,
                            channel);
  }
}

static void post_waiting(struct dns_channel *channel) {
  while (channel->waiting != NULL && dns_session_is_open(channel->current)) {
    post(channel->waiting);
  }
  if (channel->waiting != NULL) {
    schedule_pump(channel);
  } else {
    ask_about_ech(channel);
  }
}

// Sends what waits, and sees to it that there is a session to send it in.
static void pump(void *owner) {
  struct dns_channel *channel = owner;
  if (channel->current != NULL &&
      (channel->distrusts_current || !dns_session_is_open(channel->current))) {
    retire_current(channel);
  }
  if (channel->waiting == NULL || channel->connect != NULL) {
    return;
  }
  if (channel->current == NULL && channel->ctx == NULL) {
    start_session(channel, NULL);
  }
  if (channel->current != NULL) {
    post_waiting(channel);
  } else {
    channel->connect =
        resolver_connect_start(channel->worker, &channel->server, channel->ctx,
                               channel->ech, on_connected, channel);
  }
}

// A server that is slow answers a probe; one that does not is gone, with the
// network that this machine has left perhaps, and no query waits for it again.
static void on_query_timer(uv_timer_t *timer) {
  struct dns_channel_query *q = timer->data;
  struct dns_channel *channel = q->channel;
  if (q->probed_at == 0) {
    q->probed_at = now_ms(channel);
    if (q->session != NULL) {
      dns_session_probe(q->session);
    }
    uv_timer_start(timer, on_query_timer, q->timeout_ms - q->timeout_ms / 2, 0);
    return;
  }
  struct dns_session *session = q->session;
  if (session == NULL) {  // there is no connection yet
    query_finish(q, CHANNEL_UNREACHABLE, NULL, 0);
    return;
  }
  dns_exchange_drop(q->exchange);
  q->exchange = NULL;
  q->session = NULL;
  if (dns_session_last_heard(session) >= q->probed_at) {
    query_finish(q, CHANNEL_TIMEOUT, NULL, 0);
  } else {
    query_finish(q, CHANNEL_BROKEN, NULL, 0);
    dns_session_fail(session);
  }
}

static void on_idle(uv_timer_t *timer) {
  struct dns_channel *channel = timer->data;
  dns_session_close(channel->current);
  channel->current = NULL;
}

static void on_idle_closed(uv_handle_t *handle) { free(handle->data); }

struct dns_channel *dns_channel_new(struct worker *worker,
                                    const struct dns_server *server,
                                    X509_STORE *trust) {
  struct dns_channel *channel = xcalloc(1, sizeof(*channel));
  channel->worker = worker;
  channel->server = *server;
  channel->ech = server_ech_new();
  if (server->scheme != DNS_SERVER_UDP) {
    channel->ctx = resolver_ssl_ctx_new(trust, server->scheme);
  }
  uv_timer_init(worker_loop(worker), &channel->idle);
  uv_unref(
      (uv_handle_t *)&channel->idle);  // the connection keeps the loop alive
  channel->idle.data = channel;
  return channel;
}

void dns_channel_use_book(struct dns_channel *channel,
                          struct server_ech_book *book) {
  server_ech_unref(channel->ech);
  channel->ech = server_ech_book_find(book, &channel->server);
}

void dns_channel_free(struct dns_channel *channel) {
  if (channel == NULL) {
    return;
  }
  struct dns_channel_query **lists[] = {&channel->waiting, &channel->sent,
                                        &channel->finished};
  for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
    while (*lists[i] != NULL) {
      dns_channel_query_cancel(*lists[i]);
    }
  }
  worker_undefer(channel->worker, &channel->pump);
  resolver_connect_cancel(channel->connect);
  dns_session_close(channel->current);
  dns_session_close(channel->retiring);
  server_ech_unref(channel->ech);
  SSL_CTX_free(channel->ctx);
  uv_close((uv_handle_t *)&channel->idle, on_idle_closed);
}

struct dns_channel_query *dns_channel_query_start(
    struct dns_channel *channel, const uint8_t *query, size_t len,
    uint64_t timeout_ms, dns_channel_query_cb *done, void *owner) {
  assert(len <= kDnsQueryMaxLen);
  struct dns_channel_query *q = xcalloc(1, sizeof(*q));
  q->channel = channel;
  q->done = done;
  q->owner = owner;
  q->body = xmemdup(query, len);
  q->body_len = len;
  q->timeout_ms = timeout_ms;
  uv_timer_init(worker_loop(channel->worker), &q->timer);
  q->timer.data = q;
  uv_timer_start(&q->timer, on_query_timer, timeout_ms / 2, 0);
  query_move(q, &channel->waiting);
  channel->num_queries++;
  uv_timer_stop(&channel->idle);
  if (channel->num_queries > kMaxQueries) {
    query_finish(q, CHANNEL_BUSY, NULL, 0);
  } else {
    schedule_pump(channel);
  }
  return q;
}

void dns_channel_query_cancel(struct dns_channel_query *query) {
  if (query == NULL) {
    return;
  }
  if (query->exchange != NULL) {
    dns_exchange_drop(query->exchange);
  }
  query_release(query);
}
