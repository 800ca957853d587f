#include "proxy/rule_desk.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <utlist.h>
#include <uv.h>

#include "net/xalloc.h"
#include "proxy/authority.h"
#include "proxy/config_file.h"
#include "proxy/rule_file.h"

struct rule_request {
  struct rule_desk *desk;
  char host[kAuthorityHostSize];
  const char *mode;
  atomic_uint num_refs;  // whoever asked, and the desk
  // For the thread of whoever asked.
  struct worker *worker;
  rule_desk_cb *done;  // NULL: cancelled
  void *owner;
  // The desk's, until it is answered.
  struct rule_request *next;
  struct rule_request *prev;
  char *file;
  int line;
  struct key_error error;
  bool ok;
};

struct rule_desk {
  struct crew *crew;
  struct reload *reload;
  struct rule_request *waiting;  // in the order in which they came
  struct rule_request *now;      // or NULL
  bool closed;
  uv_work_t work;
  bool is_writing;  // on the other thread
};

static void unref(struct rule_request *q) {
  if (--q->num_refs == 0) {
    free(q->file);
    free(q);
  }
}

struct rule_desk *rule_desk_open(struct crew *crew, struct reload *reload) {
  struct rule_desk *desk = xcalloc(1, sizeof(*desk));
  desk->crew = crew;
  desk->reload = reload;
  desk->work.data = desk;
  return desk;
}

// Runs on the thread of whoever asked, or, when that has ended, on the first
// worker's: then it was cancelled.
static void on_answered(void *owner) {
  struct rule_request *q = owner;
  rule_desk_cb *done = q->done;
  if (done != NULL) {
    struct rule_outcome outcome = {.why_not = q->ok ? NULL : q->error.text,
                                   .file = q->file,
                                   .line = q->line};
    q->done = NULL;
    done(q->owner, &outcome);
    unref(q);  // whoever asked has no request any more
  }
  unref(q);
}

static void start_next(struct rule_desk *desk);

static void answer(struct rule_desk *desk, bool ok) {
  struct rule_request *q = desk->now;
  desk->now = NULL;
  q->ok = ok;
  worker_post(q->worker, on_answered, q);
  start_next(desk);
}

static void on_reloaded(void *owner, const char *why_not) {
  struct rule_desk *desk = owner;
  struct rule_request *q = desk->now;
  if (why_not != NULL) {
    key_error_set(&q->error,
                  "the rule is in line %d of %s, but not in force: %s", q->line,
                  q->file, why_not);
  }
  answer(desk, why_not == NULL);
}

// Runs on the other thread.
static void write_rule(uv_work_t *work) {
  struct rule_desk *desk = work->data;
  struct rule_request *q = desk->now;
  q->ok = rule_file_set(q->file, q->host, q->mode, &q->line, &q->error);
}

static void on_written(uv_work_t *work, int err) {
  struct rule_desk *desk = work->data;
  desk->is_writing = false;
  if (desk->closed) {
    return;
  }
  if (err == 0 && desk->now->ok) {
    reload_start(desk->reload, on_reloaded, desk);
  } else {
    answer(desk, false);
  }
}

// The file that is read when the configuration is read again.
static char *file_to_change(const struct rule_desk *desk) {
  const struct options *options = &crew_config(desk->crew)->options;
  const char *path =
      options->trail.path != NULL ? options->trail.path : options->config_file;
  return path != NULL ? xstrdup(path) : config_file_path();
}

static void start_next(struct rule_desk *desk) {
  struct rule_request *q = desk->waiting;
  if (q == NULL || desk->now != NULL) {
    return;
  }
  DL_DELETE(desk->waiting, q);
  desk->now = q;
  q->file = file_to_change(desk);
  if (q->file == NULL) {
    key_error_set(&q->error,
                  "there is no home directory to keep a configuration file in; "
                  "start echproxy with --config FILE");
    answer(desk, false);
    return;
  }
  desk->is_writing = true;
  uv_queue_work(worker_loop(crew_worker(desk->crew)), &desk->work, write_rule,
                on_written);
}

// Runs on the first worker's thread.
static void on_asked(void *owner) {
  struct rule_request *q = owner;
  struct rule_desk *desk = q->desk;
  if (desk->closed) {
    unref(q);
    return;
  }
  DL_APPEND(desk->waiting, q);
  start_next(desk);
}

struct rule_request *rule_desk_ask(struct rule_desk *desk,
                                   struct worker *worker, const char *host,
                                   const char *mode, rule_desk_cb *done,
                                   void *owner) {
  struct rule_request *q = xcalloc(1, sizeof(*q));
  q->desk = desk;
  q->worker = worker;
  snprintf(q->host, sizeof(q->host), "%s", host);
  q->mode = mode;
  q->done = done;
  q->owner = owner;
  q->num_refs = 2;
  worker_post(crew_worker(desk->crew), on_asked, q);
  return q;
}

void rule_request_cancel(struct rule_request *q) {
  if (q != NULL) {
    q->done = NULL;
    unref(q);
  }
}

void rule_desk_close(struct rule_desk *desk) {
  if (desk == NULL) {
    return;
  }
  desk->closed = true;
  if (desk->is_writing) {
    // If it has begun, it is waited for when the loop is taken down.
    uv_cancel((uv_req_t *)&desk->work);
  }
}

void rule_desk_free(struct rule_desk *desk) {
  struct rule_request *q, *next;
  if (desk == NULL) {
    return;
  }
  if (desk->now != NULL) {
    unref(desk->now);
  }
  DL_FOREACH_SAFE(desk->waiting, q, next) { unref(q); }
  free(desk);
}
