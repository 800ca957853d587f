#include "ech/dns_session.h"

#include <assert.h>
#include <utlist.h>
#include <uv.h>

#include "ech/dns_session_impl.h"
#include "net/xalloc.h"

const char *channel_status_str(enum channel_status status) {
  static const char *const kTexts[] = {
#define X(name, text) [name] = text,
      CHANNEL_STATUSES(X)
#undef X
  };
  return kTexts[status];
}

void dns_session_init(struct dns_session *s, const struct dns_session_ops *ops,
                      struct worker *worker, dns_session_end_cb *on_end,
                      void *owner) {
  s->ops = ops;
  s->worker = worker;
  s->on_end = on_end;
  s->owner = owner;
  dns_session_hear(s);
}

void dns_session_hear(struct dns_session *s) {
  s->last_heard = uv_now(worker_loop(s->worker));
}

static void exchange_unlink(struct dns_exchange *x) {
  struct dns_session *s = x->session;
  DL_DELETE(s->exchanges, x);
  if (s->ops->release != NULL) {
    s->ops->release(x);
  }
}

void dns_exchange_finish(struct dns_exchange *x, enum channel_status status,
                         uint8_t *message, size_t len) {
  exchange_unlink(x);
  x->done(x->owner, status, !x->touched, message, len);
  free(x);
}

static void disconnect(struct dns_session *s) {
  worker_undefer(s->worker, &s->ender);
  if (s->ops->disconnect != NULL) {
    s->ops->disconnect(s);
  }
}

void dns_session_end(struct dns_session *s) {
  s->retired = true;
  disconnect(s);
  while (s->exchanges != NULL) {
    dns_exchange_finish(s->exchanges, CHANNEL_BROKEN, NULL, 0);
  }
  s->on_end(s->owner, s);
}

void dns_session_end_if_over(struct dns_session *s) {
  if (!dns_session_is_open(s) && s->exchanges == NULL) {
    dns_session_end(s);
  }
}

static void end_if_over(void *owner) { dns_session_end_if_over(owner); }

static void wake(struct dns_session *s) {
  if (s->ops->wake != NULL) {
    s->ops->wake(s);
  } else {
    worker_defer(s->worker, &s->ender, end_if_over, s);
  }
}

void dns_session_close(struct dns_session *s) {
  if (s == NULL) {
    return;
  }
  disconnect(s);
  if (s->ops->cleanup != NULL) {
    s->ops->cleanup(s);
  }
  while (s->exchanges != NULL) {
    struct dns_exchange *x = s->exchanges;
    exchange_unlink(x);
    free(x);
  }
  free(s);
}

void dns_session_fail(struct dns_session *s) { dns_session_end(s); }

void dns_session_retire(struct dns_session *s) {
  s->retired = true;
  wake(s);
}

bool dns_session_is_open(const struct dns_session *s) {
  return !s->retired && (s->ops->is_open == NULL || s->ops->is_open(s));
}

void dns_session_probe(struct dns_session *s) { s->ops->probe(s); }

uint64_t dns_session_last_heard(const struct dns_session *s) {
  return s->last_heard;
}

struct dns_exchange *dns_session_post(struct dns_session *s,
                                      const uint8_t *query, size_t len,
                                      dns_exchange_cb *done, void *owner) {
  assert(dns_session_is_open(s));
  struct dns_exchange *x = xcalloc(1, s->ops->exchange_size);
  x->session = s;
  x->done = done;
  x->owner = owner;
  x->query = query;
  x->query_len = len;
  DL_APPEND(s->exchanges, x);
  s->ops->post(x);
  return x;
}

void dns_exchange_drop(struct dns_exchange *x) {
  struct dns_session *s = x->session;
  if (s->ops->drop != NULL) {
    s->ops->drop(x);
  }
  exchange_unlink(x);
  free(x);
  wake(s);
}
