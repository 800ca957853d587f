#include "net/worker.h"

#include <pthread.h>

#include "net_test.h"

TestSuite(worker, .timeout = 20);

// There when the tests are built with a sanitizer.
void __lsan_disable(void) __attribute__((weak));

struct step {
  struct worker *worker;
  struct task task;
  int num_runs;
  int num_again;      // how often it defers itself again
  struct step *drop;  // undeferred when it runs
};

static void on_step(void *owner) {
  struct step *s = owner;
  s->num_runs++;
  if (s->drop != NULL) {
    worker_undefer(s->worker, &s->drop->task);
  }
  if (s->num_again > 0) {
    s->num_again--;
    worker_defer(s->worker, &s->task, on_step, s);
  }
}

static void defer(struct step *s) {
  worker_defer(s->worker, &s->task, on_step, s);
}

Test(worker, runs_a_task_once_from_the_loop_and_then_rests) {
  struct worker *w = worker_new();
  struct step s = {.worker = w};
  defer(&s);
  defer(&s);
  cr_assert_eq(s.num_runs, 0);
  worker_run(w);  // returns, so an empty queue does not keep the loop turning
  cr_assert_eq(s.num_runs, 1);
  cr_assert_eq(uv_loop_alive(worker_loop(w)), 0);
  cr_assert_eq(worker_free(w), 0);
}

Test(worker, runs_a_task_that_defers_itself_in_the_next_turn) {
  struct worker *w = worker_new();
  struct step s = {.worker = w, .num_again = 3};
  defer(&s);
  turn_loop(w, 1);
  cr_assert_eq(s.num_runs, 1);
  worker_run(w);
  cr_assert_eq(s.num_runs, 4);
  cr_assert_eq(worker_free(w), 0);
}

Test(worker, drops_an_undeferred_task_even_from_within_another) {
  struct worker *w = worker_new();
  struct step last = {.worker = w};
  struct step dropped = {.worker = w};
  struct step first = {.worker = w, .drop = &dropped};
  defer(&first);
  defer(&dropped);
  defer(&last);
  worker_run(w);
  cr_assert_eq(first.num_runs, 1);
  cr_assert_eq(dropped.num_runs, 0);
  cr_assert_eq(last.num_runs, 1);

  defer(&dropped);
  worker_undefer(w, &dropped.task);
  worker_undefer(w, &dropped.task);
  worker_run(w);
  cr_assert_eq(dropped.num_runs, 0);
  defer(&dropped);  // and can be queued again
  worker_run(w);
  cr_assert_eq(dropped.num_runs, 1);
  cr_assert_eq(worker_free(w), 0);
}

Test(worker, runs_what_is_queued_when_it_is_freed) {
  struct worker *w = worker_new();
  struct step s = {.worker = w};
  defer(&s);
  cr_assert_eq(worker_free(w), 0);
  cr_assert_eq(s.num_runs, 1);
}

// Posts to a worker from another thread, and counts on the worker's own.
struct poster {
  struct worker *worker;
  pthread_t main_thread;
  int num_posts;
  int num_runs;
  uv_timer_t patience;  // keeps the loop running until all have come
};

static void on_post(void *owner) {
  struct poster *p = owner;
  cr_assert(pthread_equal(pthread_self(), p->main_thread));
  if (++p->num_runs == p->num_posts) {
    uv_close((uv_handle_t *)&p->patience, NULL);
  }
}

static void *post_all(void *arg) {
  struct poster *p = arg;
  for (int i = 0; i < p->num_posts; i++) {
    worker_post(p->worker, on_post, p);
  }
  return NULL;
}

static void on_no_patience(uv_timer_t *timer) {
  (void)timer;
  cr_assert_fail("the loop was not woken");
}

Test(worker, runs_on_its_own_thread_what_others_post) {
  struct poster p = {
      .worker = worker_new(), .main_thread = pthread_self(), .num_posts = 1000};
  pthread_t thread;
  uv_timer_init(worker_loop(p.worker), &p.patience);
  uv_timer_start(&p.patience, on_no_patience, 10000, 0);
  cr_assert_eq(pthread_create(&thread, NULL, post_all, &p), 0);
  worker_run(p.worker);
  pthread_join(thread, NULL);
  cr_assert_eq(p.num_runs, p.num_posts);
  cr_assert_eq(worker_free(p.worker), 0);
}

static void on_letter(void *owner) {
  static char letter = 'a';
  char *text = owner;
  text[strlen(text)] = letter++;
}

Test(worker, keeps_the_order_of_posts_and_does_not_wait_for_them) {
  struct worker *w = worker_new();
  struct step s = {.worker = w};
  char first[8] = "", second[8] = "";
  defer(&s);  // posts do not keep the loop turning
  worker_post(w, on_letter, first);
  worker_post(w, on_letter, second);
  worker_post(w, on_letter, first);
  cr_assert_str_empty(first);
  turn_loop(w, 1);
  cr_assert_str_eq(first, "ac");
  cr_assert_str_eq(second, "b");
  worker_post(w, on_letter, second);
  worker_run(w);  // returns: there is nothing to wait for
  cr_assert_eq(worker_free(w), 0);
  cr_assert_str_eq(second, "bd");
}

Test(worker, says_so_when_a_handle_was_left_open) {
  if (__lsan_disable != NULL) {  // this one leaks on purpose
    __lsan_disable();
  }
  struct worker *w = worker_new();
  uv_timer_t timer;
  uv_timer_init(worker_loop(w), &timer);
  cr_assert_eq(worker_free(w), UV_EBUSY);
}

Test(worker, bytes_grow_and_keep_what_they_hold) {
  struct bytes b = {0};
  for (int i = 0; i < 1000; i++) {
    bytes_append(&b, "abc", 3);
  }
  bytes_append(&b, NULL, 0);
  cr_assert_eq(b.len, 3000);
  cr_assert_eq(memcmp(b.data + 2997, "abc", 3), 0);
  free(b.data);
}

// Copies between the same places of two pages are the slow ones.
Test(worker, reads_into_the_middle_of_a_page) {
  struct worker *w = worker_new();
  uintptr_t place = (uintptr_t)worker_read_buffer(w) % 4096;
  cr_assert_geq(place, 1024);
  cr_assert_leq(place, 3072);
  memset(worker_read_buffer(w), 1, kWorkerReadSize);
  cr_assert_eq(worker_free(w), 0);
}
