// metrics_text writes what the proxy has done in Prometheus' text format,
// version 0.0.4, without a word about which sites. docs/STATUS.md describes the
// metrics.

#ifndef ECHPROXY_STATUS_METRICS_TEXT_H
#define ECHPROXY_STATUS_METRICS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "status/tally.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

// What the tally does not count. Texts are borrowed.
struct metrics_facts {
  const char *version;
  const char *boringssl;
  int64_t started_ms;  // since 1970
  uint64_t open;       // tunnels and requests that are under way
};

// metrics_text returns the answer to GET /metrics and its length. It is
// released with `free`.
char *metrics_text(const struct metrics_facts *facts,
                   const struct tally_counts *counts, size_t *out_len);

#endif
