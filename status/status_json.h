// status_json puts the proxy's state and totals into JSON (UTF-8, one line,
// times in ISO 8601, null for what is not known), for the status page and for
// `echproxy status`. What single connections are is visit_json's.

#ifndef ECHPROXY_STATUS_STATUS_JSON_H
#define ECHPROXY_STATUS_STATUS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/resolver_health.h"
#include "status/advice.h"
#include "status/tally.h"

// What a running proxy knows of itself. Everything is borrowed; times are in
// milliseconds since 1970, 0 and NULL stand for what is not known.
struct status_facts {
  const char *version;
  const char *boringssl;
  int64_t pid;
  int64_t started_ms;
  const char *const *listen;  // "127.0.0.1:8450"
  size_t num_listen;
  uint64_t workers;
  const char *mode;
  const char *config_file;
  const char *state_dir;
  const char *ca_path;
  const char *probe_key;
  const char *const *resolvers;  // their URLs
  size_t num_resolvers;
  bool resolvers_encrypted;  // all of them
  struct resolver_report resolver;
  const struct advice *advice;
  size_t num_advice;
  uint64_t open;  // tunnels and requests that are under way
};

// status_json_status returns the object of GET /api/status and its length. It
// is released with `free`.
char *status_json_status(const struct status_facts *facts,
                         const struct tally_counts *counts, size_t *out_len);

#endif
