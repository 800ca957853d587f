// load_modes are the ways in which bench_load puts load on a proxy. Each runs
// to its end and prints one JSON object.

#ifndef ECHPROXY_TESTS_BENCH_LOAD_MODES_H
#define ECHPROXY_TESTS_BENCH_LOAD_MODES_H

#include <stdbool.h>
#include <stdint.h>

#include "load_client.h"

// mode_options are the numbers that modes take; each uses its own.
struct mode_options {
  uint64_t count;
  uint64_t concurrency;
  uint64_t size;
  uint64_t bytes;
  uint64_t parallel;
  uint64_t per_minute;
  uint64_t seconds;
  uint64_t hold;
};

// mode_find returns whether there is a mode of that name, and the function that
// runs it. README.md says what each does and prints.
typedef void mode_fn(struct load *load, const struct mode_options *options);
mode_fn *mode_find(const char *name);

#endif
