#include "status/metrics_text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct metrics_facts kFacts = {
    .version = "0.1.0",
    .boringssl = "BoringSSL (upstream)",
    .started_ms = 1764323000120,
    .open = 3,
};

static char *text_of(const struct metrics_facts *facts,
                     const struct tally_counts *counts) {
  size_t len;
  char *text = metrics_text(facts, counts, &len);
  cr_assert_eq(strlen(text), len);
  cr_assert_eq(text[len - 1], '\n');
  return text;
}

// expect_lines says that `lines` are in `text`, one after the other, whole.
static void expect_lines(const char *text, const char *lines) {
  const char *at = strstr(text, lines);
  cr_expect(at != NULL && (at == text || at[-1] == '\n'), "not there: %s",
            lines);
}

Test(metrics_text, says_what_runs) {
  struct tally_counts counts = {0};
  char *text = text_of(&kFacts, &counts);
  expect_lines(text,
               "# HELP echproxy_build_info What this program is; always 1.\n"
               "# TYPE echproxy_build_info gauge\n"
               "echproxy_build_info{version=\"0.1.0\",boringssl=\"BoringSSL "
               "(upstream)\"} 1\n");
  expect_lines(text,
               "# TYPE echproxy_start_time_seconds gauge\n"
               "echproxy_start_time_seconds 1764323000.12\n");
  expect_lines(text,
               "# TYPE echproxy_open_connections gauge\n"
               "echproxy_open_connections 3\n");
  free(text);
}

Test(metrics_text, escapes_labels) {
  struct metrics_facts facts = kFacts;
  struct tally_counts counts = {0};
  facts.boringssl = "a\\b\"c\nd";
  char *text = text_of(&facts, &counts);
  expect_lines(text,
               "echproxy_build_info{version=\"0.1.0\",boringssl=\""
               "a\\\\b\\\"c\\nd\"} 1\n");
  free(text);
}

Test(metrics_text, counts_verdicts_and_refusals) {
  struct tally_counts counts = {
      .verdicts = {[VISIT_HIDDEN] = 10, [VISIT_UPGRADED] = UINT64_MAX},
      .refusals = {[TALLY_REFUSED_LOOKUP] = 4, [TALLY_REFUSED_OTHER] = 5},
  };
  char *text = text_of(&kFacts, &counts);
  expect_lines(text,
               "# TYPE echproxy_tunnels_total counter\n"
               "echproxy_tunnels_total{verdict=\"hidden\"} 10\n"
               "echproxy_tunnels_total{verdict=\"passed\"} 0\n"
               "echproxy_tunnels_total{verdict=\"refused\"} 0\n"
               "echproxy_tunnels_total{verdict=\"abandoned\"} 0\n"
               "echproxy_tunnels_total{verdict=\"upgraded\"} "
               "18446744073709551615\n"
               "# HELP echproxy_refusals_total ");
  expect_lines(text,
               "# TYPE echproxy_refusals_total counter\n"
               "echproxy_refusals_total{reason=\"lookup_failed\"} 4\n"
               "echproxy_refusals_total{reason=\"no_such_name\"} 0\n");
  expect_lines(text,
               "echproxy_refusals_total{reason=\"other\"} 5\n"
               "# HELP ");
  free(text);
}

static void expect_count(const char *text, const char *metric, int count) {
  char line[128];
  snprintf(line, sizeof(line), "echproxy_%s_total %d\n", metric, count);
  expect_lines(text, line);
}

Test(metrics_text, has_every_counter) {
  struct tally_counts counts;
  memset(&counts, 0, sizeof(counts));
  for (size_t i = 0; i <= TALLY_BYTES_DOWN; i++) {
    counts.counters[i] = 100 + i;
  }
  char *text = text_of(&kFacts, &counts);
  expect_lines(text,
               "# HELP echproxy_lookups_total Lookups of sites' names.\n"
               "# TYPE echproxy_lookups_total counter\n"
               "echproxy_lookups_total 100\n");
#define X(name, metric, help) expect_count(text, metric, 100 + (int)name);
  TALLY_COUNTERS(X)
#undef X
  free(text);
}

Test(metrics_text, adds_up_histograms) {
  struct tally *tally = tally_new();
  struct tally_counts counts;
  tally_took(tally, TALLY_LOOKUP_TIME, 400);
  tally_took(tally, TALLY_LOOKUP_TIME, 500);
  tally_took(tally, TALLY_LOOKUP_TIME, 40000);
  tally_took(tally, TALLY_LOOKUP_TIME, 20000000);
  tally_read(tally, &counts);
  char *text = text_of(&kFacts, &counts);
  expect_lines(text,
               "# TYPE echproxy_lookup_seconds histogram\n"
               "echproxy_lookup_seconds_bucket{le=\"0.0005\"} 2\n"
               "echproxy_lookup_seconds_bucket{le=\"0.001\"} 2\n"
               "echproxy_lookup_seconds_bucket{le=\"0.0025\"} 2\n"
               "echproxy_lookup_seconds_bucket{le=\"0.005\"} 2\n"
               "echproxy_lookup_seconds_bucket{le=\"0.01\"} 2\n"
               "echproxy_lookup_seconds_bucket{le=\"0.025\"} 2\n"
               "echproxy_lookup_seconds_bucket{le=\"0.05\"} 3\n"
               "echproxy_lookup_seconds_bucket{le=\"0.1\"} 3\n"
               "echproxy_lookup_seconds_bucket{le=\"0.25\"} 3\n"
               "echproxy_lookup_seconds_bucket{le=\"0.5\"} 3\n"
               "echproxy_lookup_seconds_bucket{le=\"1\"} 3\n"
               "echproxy_lookup_seconds_bucket{le=\"2.5\"} 3\n"
               "echproxy_lookup_seconds_bucket{le=\"10\"} 3\n"
               "echproxy_lookup_seconds_bucket{le=\"+Inf\"} 4\n"
               "echproxy_lookup_seconds_sum 20.0409\n"
               "echproxy_lookup_seconds_count 4\n");
  expect_lines(text,
               "# TYPE echproxy_handshake_seconds histogram\n"
               "echproxy_handshake_seconds_bucket{le=\"0.0005\"} 0\n");
  expect_lines(text,
               "echproxy_handshake_seconds_sum 0\n"
               "echproxy_handshake_seconds_count 0\n");
  free(text);
  tally_free(tally);
}

// What was added while the others were read is in the buckets alone.
Test(metrics_text, counts_what_the_buckets_hold) {
  struct tally_counts counts = {
      .times = {[TALLY_LOOKUP_TIME] = {.buckets = {2}, .count = 1}}};
  char *text = text_of(&kFacts, &counts);
  expect_lines(text, "echproxy_lookup_seconds_count 2\n");
  free(text);
}
