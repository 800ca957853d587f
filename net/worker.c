#include "net/worker.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <utlist.h>

#include "net/xalloc.h"

// What another thread wants run.
struct post {
  void (*run)(void *owner);
  void *owner;
  struct post *next;
  struct post *prev;
};

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
  uv_async_t posted;  // wakes the loop for `posts`
  pthread_mutex_t mutex;
  struct post *posts;  // a utlist, guarded by `mutex`
};

static void on_posted(uv_async_t *posted);

// Where in a page the read buffer begins. The kernel copies with `rep movsb`,
// which is slow on some processors (AMD's Zen 3 and 4: a thirtieth of its pace)
// while the copy lies 1 to 31 octets behind the original, whole pages aside.
// What comes lies at the beginning of a page as a rule, and malloc's large
// blocks begin 16 octets behind that.
enum { kPageSize = 4096, kPlaceInPage = kPageSize / 2 };
static_assert(kWorkerReadSize % kPageSize == 0, "aligned_alloc wants pages");

static uint8_t *read_buffer_new(void) {
  uint8_t *pages = aligned_alloc(kPageSize, kWorkerReadSize + kPageSize);
  if (pages == NULL) {
    abort();
  }
  return pages + kPlaceInPage;
}

static void read_buffer_free(uint8_t *buffer) { free(buffer - kPlaceInPage); }

struct worker *worker_new(void) {
  struct worker *w = xcalloc(1, sizeof(*w));
  if (uv_loop_init(&w->loop) != 0 || uv_idle_init(&w->loop, &w->idle) != 0 ||
      uv_async_init(&w->loop, &w->posted, on_posted) != 0 ||
      pthread_mutex_init(&w->mutex, NULL) != 0) {
    abort();
  }
  uv_unref((uv_handle_t *)&w->posted);
  w->idle.data = w;
  w->posted.data = w;
  // Big blocks that nobody has written to yet cost no memory.
  w->read_buffer = read_buffer_new();
  w->plain_buffer = xrealloc(NULL, kWorkerPlainSize);
  return w;
}

static struct post *take_posts(struct worker *w) {
  pthread_mutex_lock(&w->mutex);
  struct post *posts = w->posts;
  w->posts = NULL;
  pthread_mutex_unlock(&w->mutex);
  return posts;
}

// Runs what was posted until now; what comes meanwhile wakes the loop anew.
static void on_posted(uv_async_t *posted) {
  struct post *posts = take_posts(posted->data);
  while (posts != NULL) {
    struct post *post = posts;
    DL_DELETE(posts, post);
    post->run(post->owner);
    free(post);
  }
}

int worker_free(struct worker *w) {
  on_posted(&w->posted);
  // Nothing waits here: a few turns are enough for what was closed to finish
  // closing, even where one close callback closes the next.
  for (int turns = 0; turns < 8 && uv_loop_alive(&w->loop); turns++) {
    uv_run(&w->loop, UV_RUN_NOWAIT);
  }
  uv_close((uv_handle_t *)&w->idle, NULL);
  uv_close((uv_handle_t *)&w->posted, NULL);
  uv_run(&w->loop, UV_RUN_NOWAIT);
  int err = uv_loop_close(&w->loop);
  for (struct post *post = w->posts, *next; post != NULL; post = next) {
    next = post->next;
    free(post);
  }
  pthread_mutex_destroy(&w->mutex);
  splice_pool_cleanup(&w->pipes);
  burst_cleanup(&w->burst);
  free(w->out.data);
  read_buffer_free(w->read_buffer);
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

void worker_post(struct worker *w, void (*run)(void *owner), void *owner) {
  struct post *post = xcalloc(1, sizeof(*post));
  post->run = run;
  post->owner = owner;
  pthread_mutex_lock(&w->mutex);
  DL_APPEND(w->posts, post);
  pthread_mutex_unlock(&w->mutex);
  uv_async_send(&w->posted);
}
