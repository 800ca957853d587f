#include "proxy/lifecycle.h"

#include <inttypes.h>
#include <signal.h>
#include <uv.h>

#include "ech/origin.h"
#include "net/xalloc.h"
#include "proxy/service_manager.h"

struct lifecycle {
  struct crew *crew;
  struct tally *tally;
  struct reload *reload;
  bool draining;
  uv_signal_t terminate;
  uv_signal_t interrupt;
  uv_signal_t status;
  uv_signal_t hangup;
  uv_timer_t drain;  // the time that is left to open connections
};

static const struct log *log_of(const struct lifecycle *l) {
  return &crew_config(l->crew)->options.log;
}

static void on_drain_over(uv_timer_t *timer) {
  const struct lifecycle *l = timer->data;
  crew_stop(l->crew);
}

static void on_stop_signal(uv_signal_t *handle, int signum) {
  (void)signum;
  struct lifecycle *l = handle->data;
  size_t num_open = crew_num_open(l->crew);
  service_manager_say("STOPPING=1");
  if (l->draining || num_open == 0) {
    crew_stop(l->crew);
    return;
  }
  l->draining = true;
  crew_drain(l->crew);
  log_notice(log_of(l), "stopping when %zu open connections have ended",
             num_open);
  uv_timer_start(&l->drain, on_drain_over, kLifecycleDrainMs, 0);
}

static void on_status_signal(uv_signal_t *handle, int signum) {
  (void)signum;
  const struct lifecycle *l = handle->data;
  struct tally_counts counts;
  tally_read(l->tally, &counts);
  log_answer(log_of(l),
             "status: open=%zu hidden=%" PRIu64 " passed=%" PRIu64
             " refused=%" PRIu64 " minted=%" PRIu64,
             crew_num_open(l->crew), counts.verdicts[VISIT_HIDDEN],
             counts.verdicts[VISIT_PASSED], counts.verdicts[VISIT_REFUSED],
             counts.counters[TALLY_LEAVES_MINTED]);
}

static void on_reload_signal(uv_signal_t *handle, int signum) {
  (void)signum;
  const struct lifecycle *l = handle->data;
  origin_forget(crew_config(l->crew)->origin);
  log_answer(
      log_of(l),
      "session tickets, learned configurations and verified certificates "
      "are forgotten");
  reload_start(l->reload, NULL, NULL);
}

struct lifecycle *lifecycle_open(struct crew *crew, struct tally *tally,
                                 struct reload *reload) {
  struct lifecycle *l = xcalloc(1, sizeof(*l));
  uv_loop_t *loop = worker_loop(crew_worker(crew));
  l->crew = crew;
  l->tally = tally;
  l->reload = reload;
  uv_signal_init(loop, &l->terminate);
  uv_signal_init(loop, &l->interrupt);
  uv_signal_init(loop, &l->status);
  uv_signal_init(loop, &l->hangup);
  uv_timer_init(loop, &l->drain);
  l->terminate.data = l;
  l->interrupt.data = l;
  l->status.data = l;
  l->hangup.data = l;
  l->drain.data = l;
  uv_signal_start(&l->terminate, on_stop_signal, SIGTERM);
  uv_signal_start(&l->interrupt, on_stop_signal, SIGINT);
  uv_signal_start(&l->status, on_status_signal, SIGUSR1);
  uv_signal_start(&l->hangup, on_reload_signal, SIGHUP);
  return l;
}

// Each handle closes the next; the last frees them all.
static void on_drain_closed(uv_handle_t *handle) { free(handle->data); }

static void on_reload_closed(uv_handle_t *handle) {
  struct lifecycle *l = handle->data;
  uv_close((uv_handle_t *)&l->drain, on_drain_closed);
}

static void on_status_closed(uv_handle_t *handle) {
  struct lifecycle *l = handle->data;
  uv_close((uv_handle_t *)&l->hangup, on_reload_closed);
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
  uv_timer_stop(&l->drain);
  uv_signal_stop(&l->hangup);
  uv_signal_stop(&l->status);
  uv_signal_stop(&l->interrupt);
  uv_close((uv_handle_t *)&l->terminate, on_terminate_closed);
}
