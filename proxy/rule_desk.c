#include "proxy/rule_desk.h"

#include <stdbool.h>
#include <utlist.h>
#include <uv.h>

#include "net/xalloc.h"
#include "proxy/config_file.h"
#include "proxy/rule_file.h"

// A request that waits for its turn.
struct item {
  struct rule_request *request;
  struct item *next;
  struct item *prev;
};

struct rule_desk {
  struct crew *crew;
  struct reload *reload;
  struct rule_inbox inbox;
  struct item *waiting;  // in the order in which they came
  bool closed;
  // What is under way.
  struct rule_request *now;  // NULL: nothing
  char *file;
  uv_work_t work;
  bool is_writing;  // on the other thread, which sets the next three
  bool is_written;
  int line;
  struct key_error error;
};

static void start_next(struct rule_desk *desk);

// `why_not` is NULL when the rule is in force.
static void answer(struct rule_desk *desk, const char *why_not) {
  struct rule_request *request = desk->now;
  desk->now = NULL;
  rule_request_answer(request,
                      &(struct rule_outcome){why_not, desk->file, desk->line});
  free(desk->file);
  desk->file = NULL;
  start_next(desk);
}

static void on_reloaded(void *owner, const char *why_not) {
  struct rule_desk *desk = owner;
  if (why_not != NULL) {
    key_error_set(&desk->error,
                  "%s was changed, but that is not in force: %.400s",
                  desk->file, why_not);
    why_not = desk->error.text;
  }
  answer(desk, why_not);
}

// Runs on the other thread.
static void write_rule(uv_work_t *work) {
  struct rule_desk *desk = work->data;
  desk->is_written =
      rule_file_set(desk->file, rule_request_host(desk->now),
                    rule_request_mode(desk->now), &desk->line, &desk->error);
}

static void on_written(uv_work_t *work, int err) {
  struct rule_desk *desk = work->data;
  desk->is_writing = false;
  if (err != 0 || desk->closed) {
    return;
  }
  if (desk->is_written) {
    reload_start(desk->reload, on_reloaded, desk);
  } else {
    answer(desk, desk->error.text);
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
  struct item *item = desk->waiting;
  if (item == NULL || desk->now != NULL) {
    return;
  }
  DL_DELETE(desk->waiting, item);
  desk->now = item->request;
  free(item);
  desk->line = 0;
  desk->file = file_to_change(desk);
  if (desk->file == NULL) {
    answer(desk,
           "there is no home directory to keep a configuration file in; start "
           "echproxy with --config FILE");
    return;
  }
  desk->is_writing = true;
  uv_queue_work(worker_loop(crew_worker(desk->crew)), &desk->work, write_rule,
                on_written);
}

static void receive(void *owner, struct rule_request *request) {
  struct rule_desk *desk = owner;
  if (desk->closed) {
    rule_request_drop(request);
    return;
  }
  struct item *item = xcalloc(1, sizeof(*item));
  item->request = request;
  DL_APPEND(desk->waiting, item);
  start_next(desk);
}

struct rule_desk *rule_desk_open(struct crew *crew, struct reload *reload) {
  struct rule_desk *desk = xcalloc(1, sizeof(*desk));
  desk->crew = crew;
  desk->reload = reload;
  desk->inbox = (struct rule_inbox){crew_worker(crew), receive, desk};
  desk->work.data = desk;
  return desk;
}

const struct rule_inbox *rule_desk_inbox(const struct rule_desk *desk) {
  return &desk->inbox;
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
  struct item *item, *next;
  if (desk == NULL) {
    return;
  }
  if (desk->now != NULL) {
    rule_request_drop(desk->now);
  }
  DL_FOREACH_SAFE(desk->waiting, item, next) {
    rule_request_drop(item->request);
    free(item);
  }
  free(desk->file);
  free(desk);
}
