// bench_load puts load on a proxy, or on a site to compare with, and prints
// what it saw as one JSON object.
//
//   bench_load MODE --proxy|--direct|--forward ADDR:PORT [OPTION...]
//
// README.md beside this file describes the modes and the options. Any error is
// counted, the first is named on stderr, and the exit status is then 1.

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "load_client.h"
#include "load_modes.h"

struct arguments {
  const char *to_option, *to, *name, *ca, *ech, *groups;
  int resume, plain;
  uint64_t names, port, timeout, time_limit;
  struct mode_options mode;
};

// number_option is one that takes a number.
struct number_option {
  const char *name;
  uint64_t min, max;
  uint64_t *value;
};

static void set_number(const struct number_option *option, const char *text) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || text[0] == '-' ||
      value < option->min || value > option->max) {
    die("--%s wants a number from %llu to %llu, not '%s'", option->name,
        (unsigned long long)option->min, (unsigned long long)option->max, text);
  }
  *option->value = value;
}

enum { kNumNumbers = 12, kNumStrings = 7 };

static void parse(struct arguments *a, int argc, char **argv) {
  const struct number_option numbers[kNumNumbers] = {
      {"names", 1, 1000000, &a->names},
      {"port", 1, 65535, &a->port},
      {"timeout", 1, 3600, &a->timeout},
      {"time-limit", 1, 36000, &a->time_limit},
      {"count", 1, 10000000, &a->mode.count},
      {"concurrency", 1, 10000, &a->mode.concurrency},
      {"size", 0, 1ull << 40, &a->mode.size},
      {"bytes", 1, 1ull << 40, &a->mode.bytes},
      {"parallel", 1, 1000, &a->mode.parallel},
      {"per-minute", 1, 1000000, &a->mode.per_minute},
      {"seconds", 1, 36000, &a->mode.seconds},
      {"hold", 0, 100000, &a->mode.hold},
  };
  const struct {
    const char *name;
    const char **value;
  } strings[kNumStrings] = {{"proxy", &a->to},     {"direct", &a->to},
                            {"forward", &a->to},   {"name", &a->name},
                            {"ca", &a->ca},        {"ech", &a->ech},
                            {"groups", &a->groups}};
  struct option options[kNumNumbers + kNumStrings + 3] = {0};
  for (int i = 0; i < kNumNumbers; i++) {
    options[i] = (struct option){numbers[i].name, required_argument, NULL, 0};
  }
  for (int i = 0; i < kNumStrings; i++) {
    options[kNumNumbers + i] =
        (struct option){strings[i].name, required_argument, NULL, 0};
  }
  options[kNumNumbers + kNumStrings] =
      (struct option){"resume", no_argument, &a->resume, 1};
  options[kNumNumbers + kNumStrings + 1] =
      (struct option){"plain", no_argument, &a->plain, 1};
  int which, option;
  while ((option = getopt_long(argc, argv, "", options, &which)) == 0) {
    if (which < kNumNumbers) {
      set_number(&numbers[which], optarg);
    } else if (which < kNumNumbers + kNumStrings) {
      *strings[which - kNumNumbers].value = optarg;
      if (strings[which - kNumNumbers].value == &a->to) {
        a->to_option = options[which].name;
      }
    }
  }
  if (option != -1) {
    exit(64);
  }
}

int main(int argc, char **argv) {
  struct arguments a = {.name = "site-%d.bench.test",
                        .names = 1,
                        .port = 443,
                        .timeout = 30,
                        .time_limit = 1200};
  a.mode = (struct mode_options){.count = 1000,
                                 .concurrency = 1,
                                 .size = 1024,
                                 .bytes = 1 << 30,
                                 .parallel = 1,
                                 .per_minute = 600,
                                 .seconds = 10};
  parse(&a, argc, argv);
  mode_fn *run = optind + 1 == argc ? mode_find(argv[optind]) : NULL;
  if (run == NULL || a.to == NULL) {
    die("usage: bench_load connect|request|download|upload|idle|churn "
        "--proxy|--direct|--forward ADDR:PORT [OPTION...]");
  }
  uint64_t second = 1000000000;
  struct load load = {.to = endpoint_parse(a.to_option, a.to),
                      .through_proxy = strcmp(a.to_option, "proxy") == 0,
                      .name = a.name,
                      .num_names = a.names,
                      .port = (uint16_t)a.port,
                      .step_timeout_ns = a.timeout * second,
                      .end_ns = now_ns() + a.time_limit * second};
  if (!a.plain) {
    load.tls = tls_client_new(a.ca, a.ech, "http/1.1", a.resume);
    tls_set_groups(tls_client_context(load.tls), a.groups);
  }
  signal(SIGPIPE, SIG_IGN);
  load_init(&load);
  run(&load, &a.mode);
  load_cleanup(&load);
  return load.errors == 0 ? 0 : 1;
}
