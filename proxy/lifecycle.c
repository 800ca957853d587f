#include "proxy/lifecycle.h"

#include <inttypes.h>
#include <signal.h>
#include <uv.h>

#include "ech/origin.h"
#include "net/xalloc.h"

struct lifecycle {
  struct proxy *proxy;
  struct listener *listener;  // NULL once it is draining
  struct leaf_cache *leaves;
  uv_signal_t terminate;
  uv_signal_t interrupt;
  uv_signal_t status;
  uv_signal_t forget;
  uv_timer_t drain;  // the time that is left to open connections
  uv_check_t turn;   // while draining: after each turn of the loop
};

static void stop(struct lifecycle *l) {
  uv_stop(worker_loop(l->proxy->worker));
}

static void on_drain_over(uv_timer_t *timer) { stop(timer->data); }

static void on_turn(uv_check_t *turn) {
  struct lifecycle *l = turn->data;
  if (l->proxy->num_connections == 0) {
    stop(l);
  }
}

static void on_stop_signal(uv_signal_t *handle, int signum) {
  (void)signum;
  struct lifecycle *l = handle->data;
  if (l->listener == NULL || l->proxy->num_connections == 0) {
    stop(l);
    return;
  }
  listener_close(l->listener);
  l->listener = NULL;
  log_notice(l->proxy->log, "stopping when %zu open connections have ended",
             l->proxy->num_connections);
  uv_timer_start(&l->drain, on_drain_over, kLifecycleDrainMs, 0);
  uv_check_start(&l->turn, on_turn);
}

static void on_status_signal(uv_signal_t *handle, int signum) {
  (void)signum;
  const struct lifecycle *l = handle->data;
  const struct proxy *p = l->proxy;
  log_notice(p->log,
             "status: open=%zu hidden=%" PRIu64 " passed=%" PRIu64
             " refused=%" PRIu64 " minted=%" PRIu64,
             p->num_connections, p->num_hidden, p->num_passed, p->num_refused,
             leaf_cache_minted(l->leaves));
}

static void on_forget_signal(uv_signal_t *handle, int signum) {
  (void)signum;
  const struct lifecycle *l = handle->data;
  origin_forget(l->proxy->origin);
  log_notice(l->proxy->log,
             "session tickets and learned configurations are forgotten");
}

struct lifecycle *lifecycle_open(struct proxy *proxy, struct listener *listener,
                                 struct leaf_cache *leaves) {
  struct lifecycle *l = xcalloc(1, sizeof(*l));
  uv_loop_t *loop = worker_loop(proxy->worker);
  l->proxy = proxy;
  l->listener = listener;
  l->leaves = leaves;
  uv_signal_init(loop, &l->terminate);
  uv_signal_init(loop, &l->interrupt);
  uv_signal_init(loop, &l->status);
  uv_signal_init(loop, &l->forget);
  uv_timer_init(loop, &l->drain);
  uv_check_init(loop, &l->turn);
  l->terminate.data = l;
  l->interrupt.data = l;
  l->status.data = l;
  l->forget.data = l;
  l->drain.data = l;
  l->turn.data = l;
  uv_signal_start(&l->terminate, on_stop_signal, SIGTERM);
  uv_signal_start(&l->interrupt, on_stop_signal, SIGINT);
  uv_signal_start(&l->status, on_status_signal, SIGUSR1);
  uv_signal_start(&l->forget, on_forget_signal, SIGHUP);
  return l;
}

// Each handle closes the next; the last frees them all.
static void on_turn_closed(uv_handle_t *handle) { free(handle->data); }

static void on_drain_closed(uv_handle_t *handle) {
  struct lifecycle *l = handle->data;
  uv_close((uv_handle_t *)&l->turn, on_turn_closed);
}

static void on_forget_closed(uv_handle_t *handle) {
  struct lifecycle *l = handle->data;
  uv_close((uv_handle_t *)&l->drain, on_drain_closed);
}

static void on_status_closed(uv_handle_t *handle) {
  struct lifecycle *l = handle->data;
  uv_close((uv_handle_t *)&l->forget, on_forget_closed);
}

static void on_interrupt_closed(uv_handle_t *handle) {
  struct lifecycle *l = handle->data;
  uv_close((uv_handle_t *)&l->status, on_status_closed);
}

static void on_terminate_closed(uv_handle_t *handle) {
  struct lifecycle *l = handle->data;
  uv_close((uv_handle_t *)&l->interrupt, on_interrupt_closed);
}

void lifecycle_close(struct lifecycle *l) {
  if (l == NULL) {
    return;
  }
  listener_close(l->listener);
  uv_timer_stop(&l->drain);
  uv_check_stop(&l->turn);
  uv_signal_stop(&l->forget);
  uv_signal_stop(&l->status);
  uv_signal_stop(&l->interrupt);
  uv_close((uv_handle_t *)&l->terminate, on_terminate_closed);
}
