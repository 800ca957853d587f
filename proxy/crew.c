#include "proxy/crew.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include "ech/lookup.h"
#include "net/xalloc.h"
#include "proxy/config_terms.h"
#include "proxy/listener.h"

// One worker with what is its own. But for `thread` and `has_thread`, which are
// the main thread's, only its own thread uses it once it has one.
struct member {
  struct crew *crew;
  struct proxy proxy;
  struct listener *listeners[kServiceManagerMaxSockets];
  size_t num_listeners;  // 0 before it listens, and once it drains
  uv_check_t turn;       // while it drains: after each turn of the loop
  bool finishing;
  pthread_t thread;
  bool has_thread;
};

struct crew {
  struct member *members;
  size_t num_members;
  // For the main thread.
  size_t num_drained;     // that have no connections left
  struct config *config;  // in force
  size_t num_to_apply;    // workers that do not have it yet
  void (*applied)(void *owner);
  void *applied_owner;
};

// A configuration on its way to a worker.
struct order {
  struct member *member;
  struct config *config;
};

static struct member *first_of(const struct crew *crew) {
  return &crew->members[0];
}

struct worker *crew_worker(const struct crew *crew) {
  return first_of(crew)->proxy.worker;
}

// Takes `terms`, for what begins from now on.
static void member_take(struct member *m, struct terms *terms) {
  terms_unref(m->proxy.terms);
  m->proxy.terms = terms;
  m->proxy.log = &terms->config->options.log;
  resolver_use_health(terms->resolver, m->proxy.resolver_health);
}

static void member_init(struct member *m, struct crew *crew,
                        const struct proxy *common) {
  m->crew = crew;
  m->proxy = *common;
  m->proxy.worker = worker_new();
  worker_pipes(m->proxy.worker)->max_pipes = common->limit->max_pipes;
  member_take(m, config_terms_new(crew->config, m->proxy.worker, NULL));
  uv_check_init(worker_loop(m->proxy.worker), &m->turn);
  m->turn.data = m;
}

struct crew *crew_new(size_t num_workers, const struct proxy *common,
                      struct config *config) {
  struct crew *crew = xcalloc(1, sizeof(*crew));
  crew->members = xcalloc(num_workers, sizeof(*crew->members));
  crew->num_members = num_workers;
  crew->config = config_ref(config);
  for (size_t i = 0; i < num_workers; i++) {
    struct member *m = &crew->members[i];
    member_init(m, crew, common);
    if (i > 0) {
      resolver_share(m->proxy.terms->resolver,
                     first_of(crew)->proxy.terms->resolver);
    }
  }
  return crew;
}

struct config *crew_config(const struct crew *crew) { return crew->config; }

// Runs on the main thread.
static void on_member_applied(void *owner) {
  struct crew *crew = owner;
  if (--crew->num_to_apply == 0 && !first_of(crew)->finishing) {
    crew->applied(crew->applied_owner);
  }
}

// Runs on the worker's thread, or, when that has ended, on the main thread.
static void member_apply(void *owner) {
  struct order *order = owner;
  struct member *m = order->member;
  if (!m->finishing) {
    member_take(
        m, config_terms_new(order->config, m->proxy.worker, m->proxy.terms));
    worker_post(crew_worker(m->crew), on_member_applied, m->crew);
  }
  config_unref(order->config);
  free(order);
}

void crew_apply(struct crew *crew, struct config *config,
                void (*done)(void *owner), void *owner) {
  assert(crew->num_to_apply == 0);
  config_ref(config);
  config_unref(crew->config);
  crew->config = config;
  crew->num_to_apply = crew->num_members;
  crew->applied = done;
  crew->applied_owner = owner;
  for (size_t i = 0; i < crew->num_members; i++) {
    struct member *m = &crew->members[i];
    struct order *order = xcalloc(1, sizeof(*order));
    *order = (struct order){m, config_ref(config)};
    worker_post(m->proxy.worker, member_apply, order);
  }
}

// Keeps `listener`, which is NULL where it could not be opened.
static bool add_listener(struct member *m, struct listener *listener) {
  if (listener == NULL) {
    return false;
  }
  m->listeners[m->num_listeners++] = listener;
  return true;
}

bool crew_listen(struct crew *crew, struct address *out_bound, int *out_err,
                 const struct address *address) {
  struct member *first = first_of(crew);
  bool ok = add_listener(
      first, listener_open(&first->proxy, out_bound, out_err, address));
  for (size_t i = 1; ok && i < crew->num_members; i++) {
    struct member *m = &crew->members[i];
    ok = add_listener(
        m, listener_open_beside(&m->proxy, out_err, first->listeners[0]));
  }
  return ok;
}

bool crew_listen_on(struct crew *crew, int *out_err,
                    const struct service_sockets *sockets) {
  bool ok = true;
  for (size_t i = 0; i < sockets->num; i++) {
    for (size_t k = 0; ok && k < crew->num_members; k++) {
      struct member *m = &crew->members[k];
      ok = add_listener(
          m, listener_open_passed(&m->proxy, out_err, sockets->fds[i]));
    }
    close(sockets->fds[i]);  // each worker has a copy
  }
  return ok;
}

static void close_listeners(struct member *m) {
  for (size_t i = 0; i < m->num_listeners; i++) {
    listener_close(m->listeners[i]);
  }
  m->num_listeners = 0;
}

// Takes down what is open on the worker's own thread. Last words to browsers
// may still be on their way, within a time limit.
static void member_finish(struct member *m) {
  m->finishing = true;
  close_listeners(m);
  proxy_close_all(&m->proxy);
  terms_unref(m->proxy.terms);
  m->proxy.terms = NULL;
  uv_close((uv_handle_t *)&m->turn, NULL);
  worker_run(m->proxy.worker);
}

static void *on_thread(void *arg) {
  struct member *m = arg;
  worker_run(m->proxy.worker);
  member_finish(m);
  return NULL;
}

// Signals are for the main thread, so threads are made with none let in.
static int start_thread(struct member *m) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int err = pthread_create(&m->thread, NULL, on_thread, m);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  m->has_thread = err == 0;
  return err == 0 ? 0 : uv_translate_sys_error(err);
}

bool crew_start(struct crew *crew, int *out_err) {
  for (size_t i = 1; i < crew->num_members; i++) {
    struct member *m = &crew->members[i];
    char name[16];  // the kernel's limit
    *out_err = start_thread(m);
    if (*out_err != 0) {
      return false;
    }
    snprintf(name, sizeof(name), "worker %u", (unsigned)i + 1);
    pthread_setname_np(m->thread, name);
  }
  return true;
}

void crew_run(struct crew *crew) { worker_run(crew_worker(crew)); }

// Runs on the main thread.
static void on_member_drained(void *owner) {
  struct crew *crew = owner;
  if (++crew->num_drained == crew->num_members && !first_of(crew)->finishing) {
    crew_stop(crew);
  }
}

static void on_turn(uv_check_t *turn) {
  struct member *m = turn->data;
  if (m->proxy.num_connections == 0) {
    uv_check_stop(turn);
    worker_post(crew_worker(m->crew), on_member_drained, m->crew);
  }
}

static void member_drain(void *owner) {
  struct member *m = owner;
  if (m->num_listeners == 0) {
    return;
  }
  close_listeners(m);
  proxy_close_watchers(&m->proxy);
  uv_check_start(&m->turn, on_turn);
}

// It may be told so more than once.
static void member_stop(void *owner) {
  struct member *m = owner;
  if (!m->finishing) {
    uv_stop(worker_loop(m->proxy.worker));
  }
}

static void tell_all(struct crew *crew, void (*what)(void *owner)) {
  for (size_t i = 0; i < crew->num_members; i++) {
    worker_post(crew->members[i].proxy.worker, what, &crew->members[i]);
  }
}

void crew_drain(struct crew *crew) { tell_all(crew, member_drain); }

void crew_stop(struct crew *crew) { tell_all(crew, member_stop); }

size_t crew_num_open(const struct crew *crew) {
  size_t num = 0;
  for (size_t i = 0; i < crew->num_members; i++) {
    num += crew->members[i].proxy.num_connections;
  }
  return num;
}

int crew_free(struct crew *crew) {
  if (crew == NULL) {
    return 0;
  }
  int err = 0;
  crew_stop(crew);
  for (size_t i = 0; i < crew->num_members; i++) {
    struct member *m = &crew->members[i];
    if (!m->has_thread) {
      member_finish(m);
    }
  }
  for (size_t i = 0; i < crew->num_members; i++) {
    struct member *m = &crew->members[i];
    if (m->has_thread) {
      pthread_join(m->thread, NULL);
    }
  }
  for (size_t i = 0; i < crew->num_members; i++) {
    int member_err = worker_free(crew->members[i].proxy.worker);
    err = member_err != 0 ? member_err : err;
  }
  config_unref(crew->config);
  free(crew->members);
  free(crew);
  return err;
}
