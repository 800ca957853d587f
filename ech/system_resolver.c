#include "ech/system_resolver.h"

#include <netdb.h>
#include <uv.h>

#include "net/xalloc.h"

enum { kMaxAddresses = 16 };

// The query lives until both the request and the timer are closed.
struct system_query {
  struct worker *worker;
  system_query_cb *done;  // NULL once it has run or must not
  void *owner;
  uint16_t port;
  uv_getaddrinfo_t request;
  uv_timer_t timer;
  int start_err;
  bool request_is_over;
  bool timer_is_closed;
};

static void free_if_over(struct system_query *q) {
  if (q->request_is_over && q->timer_is_closed) {
    free(q);
  }
}

static void on_timer_closed(uv_handle_t *handle) {
  struct system_query *q = handle->data;
  q->timer_is_closed = true;
  free_if_over(q);
}

void system_query_cancel(struct system_query *query) {
  if (query == NULL) {
    return;
  }
  query->done = NULL;
  if (!query->request_is_over) {
    // A thread that asks already cannot be stopped; on_addrinfo frees then.
    uv_cancel((uv_req_t *)&query->request);
  }
  uv_close((uv_handle_t *)&query->timer, on_timer_closed);
}

static void finish(struct system_query *q, int err,
                   const struct address *addresses, size_t num_addresses) {
  system_query_cb *done = q->done;
  void *owner = q->owner;
  system_query_cancel(q);
  done(owner, err, addresses, num_addresses);
}

static void on_addrinfo(uv_getaddrinfo_t *request, int err,
                        struct addrinfo *list) {
  struct system_query *q = request->data;
  q->request_is_over = true;
  if (q->done == NULL) {
    free_if_over(q);
  } else {
    struct address addresses[kMaxAddresses];
    size_t num = 0;
    for (struct addrinfo *i = list; i != NULL && num < kMaxAddresses;
         i = i->ai_next) {
      if (address_from_sockaddr(&addresses[num], i->ai_addr)) {
        addresses[num++].port = q->port;
      }
    }
    finish(q, err, addresses, err == 0 ? num : 0);
  }
  uv_freeaddrinfo(list);
}

static void on_timer(uv_timer_t *timer) {
  struct system_query *q = timer->data;
  finish(q, q->start_err != 0 ? q->start_err : UV_ETIMEDOUT, NULL, 0);
}

struct system_query *system_query_start(struct worker *worker, const char *name,
                                        uint16_t port, uint64_t timeout_ms,
                                        system_query_cb *done, void *owner) {
  static const struct addrinfo kHints = {.ai_socktype = SOCK_STREAM};
  struct system_query *q = xcalloc(1, sizeof(*q));
  q->worker = worker;
  q->done = done;
  q->owner = owner;
  q->port = port;
  q->request.data = q;
  uv_timer_init(worker_loop(worker), &q->timer);
  q->timer.data = q;
  q->start_err = uv_getaddrinfo(worker_loop(worker), &q->request, on_addrinfo,
                                name, NULL, &kHints);
  q->request_is_over = q->start_err != 0;
  uv_timer_start(&q->timer, on_timer, q->start_err != 0 ? 0 : timeout_ms, 0);
  return q;
}
