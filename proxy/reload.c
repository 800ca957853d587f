#include "proxy/reload.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <uv.h>

#include "net/xalloc.h"

// Who is told how it went; `done` is NULL when nobody is.
struct waiting {
  reload_done_cb *done;
  void *owner;
};

struct reload {
  struct crew *crew;
  X509 *own_ca;
  int argc;
  char **argv;
  bool is_busy;     // it is read, or not yet with all workers
  bool is_reading;  // on the other thread
  bool again;       // it was asked for meanwhile
  bool needs_users;
  bool closing;
  struct waiting now;    // for what is read
  struct waiting later;  // for when it is read again
  // What the other thread is given and gives back.
  uv_work_t work;
  struct config *config;  // NULL: `error` says why
  struct options_error error;
};

struct reload *reload_open(struct crew *crew, X509 *own_ca, int argc,
                           char **argv) {
  struct reload *r = xcalloc(1, sizeof(*r));
  r->crew = crew;
  r->own_ca = own_ca;
  r->argc = argc;
  r->argv = argv;
  r->work.data = r;
  return r;
}

// Runs on the other thread.
static void read_config(uv_work_t *work) {
  struct reload *r = work->data;
  struct options options;
  struct key_error error;
  r->config = NULL;
  if (options_parse(&options, &r->error, OPTIONS_RUN, r->argc, r->argv)) {
    r->config = config_new(&options, r->own_ca, &error);
    if (r->config == NULL) {
      options_error_set(&r->error, EX_CONFIG, "%s", error.text);
    }
  }
  options_cleanup(&options);
}

// Everybody who can reach the proxy would be let in from one moment to the
// next.
static bool has_users_it_needs(struct reload *r) {
  if (!r->needs_users || r->config->users != NULL) {
    return true;
  }
  config_unref(r->config);
  r->config = NULL;
  return options_error_set(
      &r->error, EX_CONFIG,
      "users is not set, and other machines can reach the address that the "
      "proxy listens at");
}

static bool is_same_text(const char *a, const char *b) {
  return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_same_address(const struct address *a, const struct address *b) {
  char one[kAddressTextSize], other[kAddressTextSize];
  return strcmp(address_format(one, a), address_format(other, b)) == 0;
}

// Leaves in `to` what is fixed while the proxy runs as it is in `from`, and
// says in one line what would be different.
static void keep_fixed(struct options *to, const struct options *from) {
  bool listen = !is_same_address(&to->listen, &from->listen);
  bool workers = to->num_workers != from->num_workers;
  bool state_dir = !is_same_text(to->state_dir, from->state_dir);
  if (listen || workers || state_dir) {
    log_error(&to->log,
              "changed, but not in force before echproxy is started "
              "again:%s%s%s",
              listen ? " listen" : "", workers ? " workers" : "",
              state_dir ? " state-dir" : "");
  }
  to->listen = from->listen;
  to->num_workers = from->num_workers;
  free(to->state_dir);
  to->state_dir = xstrdup(from->state_dir);
}

static void start(struct reload *r);

// `why_not` is NULL when the new configuration is in force.
static void finish(struct reload *r, const char *why_not) {
  struct waiting told = r->now;
  r->now = (struct waiting){NULL, NULL};
  r->is_busy = false;
  if (r->again) {
    start(r);
  }
  if (told.done != NULL) {
    told.done(told.owner, why_not);
  }
}

static void on_applied(void *owner) {
  struct reload *r = owner;
  log_answer(&crew_config(r->crew)->options.log,
             "the configuration was read again and is in force");
  finish(r, NULL);
}

static void apply(struct reload *r) {
  // Lines that repeat are counted whichever configuration is in force.
  r->config->options.log.sink = crew_config(r->crew)->options.log.sink;
  keep_fixed(&r->config->options, &crew_config(r->crew)->options);
  crew_apply(r->crew, r->config, on_applied, r);
  config_unref(r->config);
}

static void on_read(uv_work_t *work, int err) {
  struct reload *r = work->data;
  r->is_reading = false;
  if (r->closing) {
    config_unref(err == 0 ? r->config : NULL);
    free(r);
  } else if (r->config != NULL && has_users_it_needs(r)) {
    apply(r);
  } else {
    log_error(&crew_config(r->crew)->options.log,
              "%s; the configuration from before stays in force",
              r->error.text);
    struct options_error error = r->error;
    finish(r, error.text);
  }
}

static void start(struct reload *r) {
  r->is_busy = true;
  r->is_reading = true;
  r->again = false;
  r->now = r->later;
  r->later = (struct waiting){NULL, NULL};
  uv_queue_work(worker_loop(crew_worker(r->crew)), &r->work, read_config,
                on_read);
}

void reload_require_users(struct reload *r) { r->needs_users = true; }

void reload_start(struct reload *r, reload_done_cb *done, void *owner) {
  if (done != NULL) {
    assert(r->later.done == NULL);
    r->later = (struct waiting){done, owner};
  }
  if (r->is_busy) {
    r->again = true;
  } else {
    start(r);
  }
}

void reload_close(struct reload *r) {
  if (r == NULL) {
    return;
  }
  r->closing = true;
  if (!r->is_reading) {
    free(r);
    return;
  }
  // If it has begun, it is waited for when the loop is taken down.
  uv_cancel((uv_req_t *)&r->work);
}
