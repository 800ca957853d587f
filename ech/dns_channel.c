#include "ech/doh.h"

#include <assert.h>
#include <utlist.h>
#include <uv.h>

#include "ech/doh_connect.h"
#include "ech/doh_session.h"
#include "net/xalloc.h"

enum {
  kMaxQueries = 1000,
  kMaxSends = 2,
  kIdleMs = 60000,
};

// A query is in one of three lists: waiting for a connection, sent, or finished
// with `done` still to run.
struct doh_query {
  struct doh *doh;
  struct doh_query **list;
  struct doh_query *next;
  struct doh_query *prev;
  doh_query_cb *done;
  void *owner;
  uint8_t *body;
  size_t body_len;
  unsigned num_sends;
  struct doh_session *session;    // while it is sent
  struct doh_exchange *exchange;  // while it is sent
  uint64_t timeout_ms;
  uint64_t probed_at;  // 0 before half of the time is over
  uv_timer_t timer;
  struct task task;  // runs `done`
  enum doh_status status;
  uint8_t *message;
  size_t message_len;
};

struct doh {
  struct worker *worker;
  struct doh_server server;
  SSL_CTX *ctx;
  struct doh_connect *connect;
  struct doh_session *current;
  struct doh_session *retiring;  // finishes what it has, takes nothing new
  struct doh_query *waiting;
  struct doh_query *sent;
  struct doh_query *finished;
  size_t num_queries;
  bool distrusts_current;  // it gave a query back: use another connection
  struct task pump;
  uv_timer_t idle;
};

const char *doh_status_str(enum doh_status status) {
  static const char *const kTexts[] = {
#define X(name, text) [name] = text,
      DOH_STATUSES(X)
#undef X
  };
  return kTexts[status];
}

static uint64_t now_ms(const struct doh *doh) {
  return uv_now(worker_loop(doh->worker));
}

static void query_move(struct doh_query *q, struct doh_query **to) {
  if (q->list != NULL) {
    DL_DELETE(*q->list, q);
  }
  DL_APPEND(*to, q);
  q->list = to;
}

static void on_query_timer_closed(uv_handle_t *handle) { free(handle->data); }

static void on_idle(uv_timer_t *timer);

// Takes `q` out of its doh and lets go of what it holds; `q` itself goes when
// its timer is closed.
static void query_release(struct doh_query *q) {
  struct doh *doh = q->doh;
  DL_DELETE(*q->list, q);
  worker_undefer(doh->worker, &q->task);
  if (--doh->num_queries == 0) {
    uv_timer_start(&doh->idle, on_idle, kIdleMs, 0);
  }
  free(q->body);
  free(q->message);
  uv_close((uv_handle_t *)&q->timer, on_query_timer_closed);
}

static void on_query_finished(void *owner) {
  struct doh_query *q = owner;
  enum doh_status status = q->status;
  uint8_t *message = q->message;
  size_t len = q->message_len;
  doh_query_cb *done = q->done;
  void *done_owner = q->owner;
  q->message = NULL;
  query_release(q);
  done(done_owner, status, message, len);
  free(message);
}

// Ends `q` with an outcome that its owner hears of from the loop, so that
// nothing here runs while a callback frees `doh`. It takes `message`.
static void query_finish(struct doh_query *q, enum doh_status status,
                         uint8_t *message, size_t len) {
  q->status = status;
  q->message = message;
  q->message_len = len;
  uv_timer_stop(&q->timer);
  query_move(q, &q->doh->finished);
  worker_defer(q->doh->worker, &q->task, on_query_finished, q);
}

static void pump(void *owner);

static void schedule_pump(struct doh *doh) {
  worker_defer(doh->worker, &doh->pump, pump, doh);
}

static void on_exchanged(void *owner, enum doh_status status, bool untouched,
                         uint8_t *message, size_t len) {
  struct doh_query *q = owner;
  struct doh *doh = q->doh;
  bool was_current = q->session == doh->current;
  q->exchange = NULL;
  q->session = NULL;
  if (status == DOH_BROKEN && untouched && q->num_sends < kMaxSends) {
    doh->distrusts_current |= was_current;
    query_move(q, &doh->waiting);
    schedule_pump(doh);
  } else {
    query_finish(q, status, message, len);
  }
}

static void on_session_end(void *owner, struct doh_session *session) {
  struct doh *doh = owner;
  if (session == doh->current) {
    doh->current = NULL;
    doh->distrusts_current = false;
  } else {
    assert(session == doh->retiring);
    doh->retiring = NULL;
  }
  doh_session_close(session);
}

static void on_connected(void *owner, enum doh_status status,
                         struct stream *stream) {
  struct doh *doh = owner;
  doh->connect = NULL;
  if (status == DOH_OK) {
    doh->current =
        doh_session_new(doh->worker, stream, &doh->server, on_session_end, doh);
    schedule_pump(doh);
    return;
  }
  while (doh->waiting != NULL) {
    query_finish(doh->waiting, status, NULL, 0);
  }
}

// Lets the current connection finish what it has. One such connection is kept;
// what an older one has not answered by now is sent again.
static void retire_current(struct doh *doh) {
  if (doh->retiring != NULL) {
    doh_session_fail(doh->retiring);
  }
  doh->retiring = doh->current;
  doh->current = NULL;
  doh->distrusts_current = false;
  doh_session_retire(doh->retiring);
}

static void post(struct doh_query *q) {
  q->num_sends++;
  q->session = q->doh->current;
  q->exchange =
      doh_session_post(q->doh->current, q->body, q->body_len, on_exchanged, q);
  query_move(q, &q->doh->sent);
}

// Sends what waits, and sees to it that there is a connection to send it on.
static void pump(void *owner) {
  struct doh *doh = owner;
  if (doh->current != NULL &&
      (doh->distrusts_current || !doh_session_is_open(doh->current))) {
    retire_current(doh);
  }
  if (doh->waiting == NULL || doh->connect != NULL) {
    return;
  }
  if (doh->current == NULL) {
    doh->connect = doh_connect_start(doh->worker, &doh->server, doh->ctx,
                                     on_connected, doh);
    return;
  }
  while (doh->waiting != NULL && doh_session_is_open(doh->current)) {
    post(doh->waiting);
  }
  if (doh->waiting != NULL) {
    schedule_pump(doh);
  }
}

// A server that is slow answers a PING; one that does not is gone, with the
// network that this machine has left perhaps, and no query waits for it again.
static void on_query_timer(uv_timer_t *timer) {
  struct doh_query *q = timer->data;
  struct doh *doh = q->doh;
  if (q->probed_at == 0) {
    q->probed_at = now_ms(doh);
    if (q->session != NULL) {
      doh_session_probe(q->session);
    }
    uv_timer_start(timer, on_query_timer, q->timeout_ms - q->timeout_ms / 2, 0);
    return;
  }
  struct doh_session *session = q->session;
  if (session == NULL) {  // there is no connection yet
    query_finish(q, DOH_UNREACHABLE, NULL, 0);
    return;
  }
  doh_exchange_drop(q->exchange);
  q->exchange = NULL;
  q->session = NULL;
  if (doh_session_last_heard(session) >= q->probed_at) {
    query_finish(q, DOH_TIMEOUT, NULL, 0);
  } else {
    query_finish(q, DOH_BROKEN, NULL, 0);
    doh_session_fail(session);
  }
}

static void on_idle(uv_timer_t *timer) {
  struct doh *doh = timer->data;
  if (doh->current != NULL) {
    doh_session_close(doh->current);
    doh->current = NULL;
  }
}

static void on_idle_closed(uv_handle_t *handle) { free(handle->data); }

struct doh *doh_new(struct worker *worker, const struct doh_server *server,
                    X509_STORE *trust) {
  struct doh *doh = xcalloc(1, sizeof(*doh));
  doh->worker = worker;
  doh->server = *server;
  doh->ctx = doh_ssl_ctx_new(trust);
  uv_timer_init(worker_loop(worker), &doh->idle);
  uv_unref((uv_handle_t *)&doh->idle);  // the connection keeps the loop alive
  doh->idle.data = doh;
  return doh;
}

void doh_free(struct doh *doh) {
  if (doh == NULL) {
    return;
  }
  struct doh_query **lists[] = {&doh->waiting, &doh->sent, &doh->finished};
  for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
    while (*lists[i] != NULL) {
      doh_query_cancel(*lists[i]);
    }
  }
  worker_undefer(doh->worker, &doh->pump);
  doh_connect_cancel(doh->connect);
  if (doh->current != NULL) {
    doh_session_close(doh->current);
  }
  if (doh->retiring != NULL) {
    doh_session_close(doh->retiring);
  }
  SSL_CTX_free(doh->ctx);
  uv_close((uv_handle_t *)&doh->idle, on_idle_closed);
}

struct doh_query *doh_query_start(struct doh *doh, const uint8_t *query,
                                  size_t len, uint64_t timeout_ms,
                                  doh_query_cb *done, void *owner) {
  struct doh_query *q = xcalloc(1, sizeof(*q));
  q->doh = doh;
  q->done = done;
  q->owner = owner;
  q->body = xmemdup(query, len);
  q->body_len = len;
  q->timeout_ms = timeout_ms;
  uv_timer_init(worker_loop(doh->worker), &q->timer);
  q->timer.data = q;
  uv_timer_start(&q->timer, on_query_timer, timeout_ms / 2, 0);
  query_move(q, &doh->waiting);
  doh->num_queries++;
  uv_timer_stop(&doh->idle);
  if (doh->num_queries > kMaxQueries) {
    query_finish(q, DOH_BUSY, NULL, 0);
  } else {
    schedule_pump(doh);
  }
  return q;
}

void doh_query_cancel(struct doh_query *query) {
  if (query == NULL) {
    return;
  }
  if (query->exchange != NULL) {
    doh_exchange_drop(query->exchange);
  }
  query_release(query);
}
