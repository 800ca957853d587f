#include "status/metrics_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "net/bytes.h"

enum { kSecondsSize = 32 };

struct metric {
  const char *name;
  const char *help;
};

static const struct metric kCounters[] = {
#define X(name, metric, help) [name] = {metric, help},
    TALLY_COUNTERS(X)
#undef X
};

static const struct metric kTimes[] = {
#define X(name, metric, help) [name] = {metric, help},
    TALLY_TIMES(X)
#undef X
};

static const char *const kRefusals[] = {
#define X(name, label) [name] = label,
    TALLY_REFUSALS(X)
#undef X
};

// At most 511 octets.
__attribute__((format(printf, 2, 3))) static void add(struct bytes *out,
                                                      const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  bytes_append(out, text, strlen(text));
}

static void add_head(struct bytes *out, const char *name, const char *suffix,
                     const char *type, const char *help) {
  add(out, "# HELP echproxy_%s%s %s\n", name, suffix, help);
  add(out, "# TYPE echproxy_%s%s %s\n", name, suffix, type);
}

// Seconds without the digits that a double would bring along.
static const char *seconds(char out[kSecondsSize], uint64_t us) {
  int len = snprintf(out, kSecondsSize, "%" PRIu64 ".%06" PRIu64, us / 1000000,
                     us % 1000000);
  while (out[len - 1] == '0') {
    out[--len] = '\0';
  }
  if (out[len - 1] == '.') {
    out[len - 1] = '\0';
  }
  return out;
}

// Of a label: backslash, quote and newline are escaped, and nothing else.
static void add_label(struct bytes *out, const char *name, const char *value) {
  add(out, "%s=\"", name);
  for (; *value != '\0'; value++) {
    if (*value == '\n') {
      add(out, "\\n");
    } else if (*value == '\\' || *value == '"') {
      add(out, "\\%c", *value);
    } else {
      bytes_append(out, value, 1);
    }
  }
  add(out, "\"");
}

static void add_build(struct bytes *out, const struct metrics_facts *facts) {
  char start[kSecondsSize];
  add_head(out, "build_info", "", "gauge", "What this program is; always 1.");
  add(out, "echproxy_build_info{");
  add_label(out, "version", facts->version);
  add(out, ",");
  add_label(out, "boringssl", facts->boringssl);
  add(out, "} 1\n");
  add_head(out, "start_time_seconds", "", "gauge",
           "When it was started, since 1970.");
  add(out, "echproxy_start_time_seconds %s\n",
      seconds(start, (uint64_t)facts->started_ms * 1000));
}

static void add_open(struct bytes *out, const struct metrics_facts *facts) {
  add_head(out, "open_connections", "", "gauge",
           "Tunnels and requests that are under way.");
  add(out, "echproxy_open_connections %" PRIu64 "\n", facts->open);
}

static void add_verdicts(struct bytes *out, const struct tally_counts *counts) {
  add_head(out, "tunnels", "_total", "counter",
           "Tunnels and requests by what became of them.");
  for (int i = VISIT_OPEN + 1; i <= VISIT_UPGRADED; i++) {
    add(out, "echproxy_tunnels_total{verdict=\"%s\"} %" PRIu64 "\n",
        visit_verdict_json((enum visit_verdict)i), counts->verdicts[i]);
  }
}

static void add_refusals(struct bytes *out, const struct tally_counts *counts) {
  add_head(out, "refusals", "_total", "counter",
           "Why tunnels and requests were refused.");
  for (int i = 0; i <= TALLY_REFUSED_OTHER; i++) {
    add(out, "echproxy_refusals_total{reason=\"%s\"} %" PRIu64 "\n",
        kRefusals[i], counts->refusals[i]);
  }
}

static void add_counters(struct bytes *out, const struct tally_counts *counts) {
  for (int i = 0; i <= TALLY_BYTES_DOWN; i++) {
    add_head(out, kCounters[i].name, "_total", "counter", kCounters[i].help);
    add(out, "echproxy_%s_total %" PRIu64 "\n", kCounters[i].name,
        counts->counters[i]);
  }
}

// The count is that of the last bucket, whatever was added meanwhile.
static void add_histogram(struct bytes *out, const char *name, const char *help,
                          const struct tally_histogram *histogram) {
  char text[kSecondsSize];
  uint64_t below = 0;
  add_head(out, name, "", "histogram", help);
  for (int i = 0; i < kTallyBuckets; i++) {
    below += histogram->buckets[i];
    add(out, "echproxy_%s_bucket{le=\"%s\"} %" PRIu64 "\n", name,
        i == kTallyBuckets - 1 ? "+Inf" : seconds(text, kTallyBounds[i]),
        below);
  }
  add(out, "echproxy_%s_sum %s\n", name, seconds(text, histogram->sum_us));
  add(out, "echproxy_%s_count %" PRIu64 "\n", name, below);
}

char *metrics_text(const struct metrics_facts *facts,
                   const struct tally_counts *counts, size_t *out_len) {
  struct bytes out = {0};
  add_build(&out, facts);
  add_open(&out, facts);
  add_verdicts(&out, counts);
  add_refusals(&out, counts);
  add_counters(&out, counts);
  for (int i = 0; i <= TALLY_HANDSHAKE_TIME; i++) {
    add_histogram(&out, kTimes[i].name, kTimes[i].help, &counts->times[i]);
  }
  *out_len = out.len;
  bytes_append(&out, "", 1);
  return (char *)out.data;
}
