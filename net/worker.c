#include "net/worker.h"

#include <assert.h>
#include <stdbool.h>
#include <utlist.h>

#include "net/xalloc.h"

struct worker {
  uv_loop_t loop;
  uv_idle_t idle;      // active while a task is queued, so the loop won't sleep
  struct task *tasks;  // a utlist: the head's `prev` is the tail
  struct task marker;  // where the tasks that were queued in time end
  struct bytes out;
  struct burst burst;
  struct splice_pool pipes;
  uint8_t *read_buffer;
  uint8_t *plain_buffer;
};

struct worker *worker_new(void) {
  struct worker *w = xcalloc(1, sizeof(*w));
  if (uv_loop_init(&w->loop) != 0 || uv_idle_init(&w->loop, &w->idle) != 0) {
    abort();
  }
  w->idle.data = w;
  // Big blocks that nobody has written to yet cost no memory.
  w->read_buffer = xrealloc(NULL, kWorkerReadSize);
  w->plain_buffer = xrealloc(NULL, kWorkerPlainSize);
  return w;
}

int worker_free(struct worker *w) {
  // Nothing waits here: a few turns are enough for what was closed to finish
  // closing, even where one close callback closes the next.
  for (int turns = 0; turns < 8 && uv_loop_alive(&w->loop); turns++) {
    uv_run(&w->loop, UV_RUN_NOWAIT);
  }
  uv_close((uv_handle_t *)&w->idle, NULL);
  uv_run(&w->loop, UV_RUN_NOWAIT);
  int err = uv_loop_close(&w->loop);
  splice_pool_cleanup(&w->pipes);
  burst_cleanup(&w->burst);
  free(w->out.data);
  free(w->read_buffer);
  free(w->plain_buffer);
  free(w);
  return err;
}

void worker_run(struct worker *w) { uv_run(&w->loop, UV_RUN_DEFAULT); }

uv_loop_t *worker_loop(struct worker *w) { return &w->loop; }

uint8_t *worker_read_buffer(struct worker *w) { return w->read_buffer; }

uint8_t *worker_plain_buffer(struct worker *w) { return w->plain_buffer; }

struct bytes *worker_out_buffer(struct worker *w) { return &w->out; }

struct burst *worker_burst(struct worker *w) { return &w->burst; }

struct splice_pool *worker_pipes(struct worker *w) { return &w->pipes; }

static bool task_is_queued(const struct task *task) {
  return task->prev != NULL;  // utlist never leaves it NULL in a list
}

static void enqueue(struct worker *w, struct task *task) {
  DL_APPEND(w->tasks, task);
}

static void dequeue(struct worker *w, struct task *task) {
  DL_DELETE(w->tasks, task);
  task->prev = NULL;
  task->next = NULL;
}

// Runs what is queued now; what a task defers again waits for the next turn of
// the loop, so that tasks cannot starve the sockets.
static void on_idle(uv_idle_t *idle) {
  struct worker *w = idle->data;
  enqueue(w, &w->marker);
  while (w->tasks != &w->marker) {
    struct task *task = w->tasks;
    dequeue(w, task);
    task->run(task->owner);
  }
  dequeue(w, &w->marker);
  if (w->tasks == NULL) {
    uv_idle_stop(idle);
  }
}

void worker_defer(struct worker *w, struct task *task, void (*run)(void *owner),
                  void *owner) {
  assert(task != NULL && run != NULL);
  if (task_is_queued(task)) {
    return;
  }
  task->run = run;
  task->owner = owner;
  enqueue(w, task);
  uv_idle_start(&w->idle, on_idle);
}

void worker_undefer(struct worker *w, struct task *task) {
  if (task_is_queued(task)) {
    dequeue(w, task);
  }
  // An idle handle that finds nothing to run stops itself.
}
