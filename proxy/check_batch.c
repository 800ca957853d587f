#include "proxy/check_batch.h"

#include <stdlib.h>

#include "ech/lookup.h"
#include "ech/origin.h"
#include "net/xalloc.h"
#include "proxy/policy.h"
#include "proxy/proxy.h"
#include "proxy/site_lookup.h"

struct batch;

// One check: start_lookup, start_dial unless the answer forbids it, and then
// check_end.
struct check {
  struct batch *batch;
  const struct authority *target;
  struct site_lookup *lookup;
  struct origin_dial *dial;
  enum origin_privacy privacy;
  bool done;
  struct check_report report;
};

struct batch {
  const struct options *options;
  const struct check_watcher *watcher;
  struct worker *worker;
  struct resolver *resolver;
  struct origin *origin;
  struct check *checks;
  size_t num;
  size_t num_started;  // the next one to start
  size_t num_done;
  size_t num_told;  // the next one to tell of
};

static void start_lookup(struct check *c);

static void start_some(struct batch *b) {
  while (b->num_started < b->num &&
         b->num_started - b->num_done < kCheckAtOnce) {
    start_lookup(&b->checks[b->num_started++]);
  }
}

// Those that are done and have none before them that is not.
static void tell(struct batch *b) {
  for (; b->num_told < b->num && b->checks[b->num_told].done; b->num_told++) {
    struct check_report *report = &b->checks[b->num_told].report;
    b->watcher->on_report(b->watcher->owner, report);
    check_report_cleanup(report);
  }
}

// The resolver keeps its connection for more questions. When there are none,
// nothing is left to wait for.
static void check_end(struct check *c) {
  struct batch *b = c->batch;
  c->done = true;
  b->num_done++;
  tell(b);
  b->watcher->on_progress(b->watcher->owner, b->num_done);
  start_some(b);
  if (b->num_done == b->num) {
    uv_stop(worker_loop(b->worker));
  }
}

static void on_dialed(void *owner, enum origin_status status, struct tls *tls,
                      const struct origin_report *origin) {
  struct check *c = owner;
  c->dial = NULL;
  check_report_set_handshake(&c->report, status, c->privacy, tls, origin);
  tls_close(tls);
  check_end(c);
}

static void start_dial(struct check *c) {
  static const uint8_t kAlpn[] = "\x02h2\x08http/1.1";
  const struct options *options = c->batch->options;
  const struct origin_request request = {
      .host = c->target->host,
      .port = c->target->port,
      .answer = c->report.answer,
      .privacy = c->privacy,
      .alpn = kAlpn,
      .alpn_len = sizeof(kAlpn) - 1,
      .via = proxy_via(site_rule_upstream(&c->report.rule, options->upstream),
                       c->report.answer),
      // In the clear the proxy would pass the browser's own through.
      .identity = c->privacy == ORIGIN_PRIVATE
                      ? site_rule_identity(&c->report.rule)
                      : NULL,
  };
  c->dial = origin_dial_start(c->batch->origin, c->batch->worker, &request,
                              on_dialed, c);
}

static void on_found(void *owner, struct lookup_answer *answer,
                     const struct site_rule *rule) {
  struct check *c = owner;
  c->lookup = NULL;
  c->report.answer = answer;  // taken
  c->report.rule = *rule;
  c->report.mode = site_rule_mode(rule, c->batch->options->mode);
  switch (policy_for_lookup(c->report.mode, answer).action) {
    case POLICY_INTERCEPT:
      c->privacy = ORIGIN_PRIVATE;
      start_dial(c);
      return;
    case POLICY_PASS:
      c->privacy = ORIGIN_CLEAR;
      start_dial(c);
      return;
    case POLICY_REFUSE:
      check_end(c);
      return;
  }
}

static void start_lookup(struct check *c) {
  c->lookup = site_lookup_start(c->batch->resolver, c->batch->options->sites,
                                c->target->host, c->target->port, on_found, c);
}

static void init_checks(struct batch *b) {
  b->num = b->options->targets.num;
  b->checks = xcalloc(b->num, sizeof(*b->checks));
  for (size_t i = 0; i < b->num; i++) {
    struct check *c = &b->checks[i];
    c->batch = b;
    c->target = &b->options->targets.items[i];
    c->report.host = c->target->host;
    c->report.port = c->target->port;
  }
}

// What still runs, which is something only when the loop failed.
static void cancel_all(struct batch *b) {
  for (size_t i = 0; i < b->num; i++) {
    site_lookup_cancel(b->checks[i].lookup);
    origin_dial_cancel(b->checks[i].dial);
    check_report_cleanup(&b->checks[i].report);
  }
}

bool check_batch_run(const struct options *options, const struct trust *trust,
                     const struct check_watcher *watcher) {
  struct batch b = {.options = options, .watcher = watcher};
  b.worker = worker_new();
  b.resolver = options_resolver_new(options, b.worker, trust->resolvers);
  b.origin = origin_new(trust->sites);
  init_checks(&b);
  watcher->on_progress(watcher->owner, 0);
  start_some(&b);
  worker_run(b.worker);
  cancel_all(&b);
  free(b.checks);
  resolver_free(b.resolver);
  origin_free(b.origin);
  return worker_free(b.worker) == 0 && b.num_told == b.num;
}
