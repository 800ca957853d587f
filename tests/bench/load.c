// bench_load puts load on a proxy, or on a site to compare with, and prints
// what it saw as one JSON object.
//
//   bench_load MODE --proxy|--direct|--forward ADDR:PORT [OPTION...]
//
// README.md beside this file describes the modes and the options. Any error is
// counted, the first is named on stderr, and the exit status is then 1.

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "load_client.h"
#include "load_modes.h"

struct arguments {
  const char *mode, *proxy, *direct, *forward, *name, *ca, *ech, *groups;
  bool resume, plain, tls12;
  uint64_t names, port, timeout, time_limit;
  struct mode_options numbers;
};

static void parse(struct arguments *a, char **argv) {
  struct mode_options *n = &a->numbers;
  const uint64_t much = 1ull << 40;
  const struct option options[] = {
      {.name = "proxy", .text = &a->proxy},
      {.name = "direct", .text = &a->direct},
      {.name = "forward", .text = &a->forward},
      {.name = "name", .text = &a->name},
      {.name = "ca", .text = &a->ca},
      {.name = "ech", .text = &a->ech},
      {.name = "groups", .text = &a->groups},
      {.name = "resume", .flag = &a->resume},
      {.name = "plain", .flag = &a->plain},
      {.name = "tls12", .flag = &a->tls12},
      {.name = "names", .number = &a->names, .min = 1, .max = 1000000},
      {.name = "port", .number = &a->port, .min = 1, .max = 65535},
      {.name = "timeout", .number = &a->timeout, .min = 1, .max = 3600},
      {.name = "time-limit", .number = &a->time_limit, .min = 1, .max = 36000},
      {.name = "count", .number = &n->count, .min = 1, .max = 10000000},
      {.name = "concurrency",
       .number = &n->concurrency,
       .min = 1,
       .max = 10000},
      {.name = "size", .number = &n->size, .max = much},
      {.name = "bytes", .number = &n->bytes, .min = 1, .max = much},
      {.name = "parallel", .number = &n->parallel, .min = 1, .max = 1000},
      {.name = "per-minute",
       .number = &n->per_minute,
       .min = 1,
       .max = 1000000},
      {.name = "seconds", .number = &n->seconds, .min = 1, .max = 36000},
      {.name = "hold", .number = &n->hold, .max = 100000},
      {.name = NULL}};
  options_parse(options, &a->mode, argv);
}

// target returns where to go, the one of the three options that was given.
static struct endpoint target(const struct arguments *a) {
  int given = (a->proxy != NULL) + (a->direct != NULL) + (a->forward != NULL);
  if (given != 1) {
    die("one of --proxy, --direct and --forward ADDR:PORT is needed");
  }
  return a->proxy != NULL    ? endpoint_parse("--proxy", a->proxy)
         : a->direct != NULL ? endpoint_parse("--direct", a->direct)
                             : endpoint_parse("--forward", a->forward);
}

int main(int argc, char **argv) {
  struct arguments a = {.name = "site-%d.bench.test",
                        .names = 1,
                        .port = 443,
                        .timeout = 30,
                        .time_limit = 1200};
  a.numbers = (struct mode_options){.count = 1000,
                                    .concurrency = 1,
                                    .size = 1024,
                                    .bytes = 1 << 30,
                                    .parallel = 1,
                                    .per_minute = 600,
                                    .seconds = 10};
  (void)argc;
  parse(&a, argv);
  mode_fn *run = a.mode == NULL ? NULL : mode_find(a.mode);
  if (run == NULL) {
    die("the mode is connect, request, download, upload, idle or churn");
  }
  uint64_t second = 1000000000;
  struct load load = {.to = target(&a),
                      .through_proxy = a.proxy != NULL,
                      .name = a.name,
                      .num_names = a.names,
                      .port = (uint16_t)a.port,
                      .step_timeout_ns = a.timeout * second,
                      .end_ns = now_ns() + a.time_limit * second};
  if (!a.plain) {
    load.tls = tls_client_new(a.ca, a.ech, "http/1.1", a.resume);
    tls_set_groups(tls_client_context(load.tls), a.groups);
    if (a.tls12) {
      tls_client_allow_tls12(load.tls);
    }
  }
  signal(SIGPIPE, SIG_IGN);
  load_init(&load);
  run(&load, &a.numbers);
  load_cleanup(&load);
  return load.errors == 0 ? 0 : 1;
}
