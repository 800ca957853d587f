#include "status/status_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "status/json_value.h"

static const char *const kResolverStates[] = {
    [RESOLVER_UNUSED] = "unused",
    [RESOLVER_OK] = "ok",
    [RESOLVER_FAILING] = "failing",
};

static json_t *text_array(const char *const *texts, size_t num) {
  json_t *array = json_array();
  for (size_t i = 0; i < num; i++) {
    json_array_append_new(array, json_value_text(texts[i]));
  }
  return array;
}

static json_t *resolver_object(const struct status_facts *facts) {
  const struct resolver_report *resolver = &facts->resolver;
  return json_pack("{s:o, s:s, s:b, s:o, s:o}", "servers",
                   text_array(facts->resolvers, facts->num_resolvers), "state",
                   kResolverStates[resolver->state], "encrypted",
                   facts->resolvers_encrypted, "last_error",
                   json_value_text(resolver->last_error), "last_ok",
                   json_value_time(resolver->last_ok_ms));
}

static json_t *totals_object(const struct status_facts *facts,
                             const struct tally_counts *counts) {
  json_t *object = json_object();
  json_object_set_new(object, "open", json_value_count(facts->open));
  for (int i = VISIT_OPEN + 1; i <= VISIT_UPGRADED; i++) {
    json_object_set_new(object, visit_verdict_json((enum visit_verdict)i),
                        json_value_count(counts->verdicts[i]));
  }
  json_object_set_new(object, "bytes_up",
                      json_value_count(counts->counters[TALLY_BYTES_UP]));
  json_object_set_new(object, "bytes_down",
                      json_value_count(counts->counters[TALLY_BYTES_DOWN]));
  return object;
}

static json_t *leaves_object(const struct tally_counts *counts) {
  return json_pack("{s:o, s:o}", "accepted",
                   json_value_count(counts->counters[TALLY_LEAVES_ACCEPTED]),
                   "rejected",
                   json_value_count(counts->counters[TALLY_LEAVES_REJECTED]));
}

// Of nothing there is no quantile.
static json_t *quantile(const struct tally_histogram *times, double q) {
  return times->count == 0
             ? json_null()
             : json_real((double)tally_quantile(times, q) / 1000.0);
}

static json_t *times_object(const struct tally_histogram *times) {
  return json_pack("{s:o, s:o, s:o, s:o}", "count",
                   json_value_count(times->count), "p50_ms",
                   quantile(times, 0.5), "p90_ms", quantile(times, 0.9),
                   "p99_ms", quantile(times, 0.99));
}

static json_t *latency_object(const struct tally_counts *counts) {
  return json_pack("{s:o, s:o}", "lookup",
                   times_object(&counts->times[TALLY_LOOKUP_TIME]), "handshake",
                   times_object(&counts->times[TALLY_HANDSHAKE_TIME]));
}

static json_t *history_array(const struct tally_counts *counts,
                             enum visit_verdict verdict) {
  json_t *array = json_array();
  for (int i = 0; i < kTallyMinutes; i++) {
    json_array_append_new(array, json_value_count(counts->history[i][verdict]));
  }
  return array;
}

static json_t *history_object(const struct tally_counts *counts) {
  return json_pack("{s:i, s:o, s:o, s:o}", "step_s", 60, "hidden",
                   history_array(counts, VISIT_HIDDEN), "passed",
                   history_array(counts, VISIT_PASSED), "refused",
                   history_array(counts, VISIT_REFUSED));
}

static json_t *advice_object(const char *kind, const char *site,
                             const char *text, const char *fix) {
  return json_pack("{s:s, s:o, s:o, s:o}", "kind", kind, "site",
                   json_value_text(site), "text", json_value_text(text), "fix",
                   json_value_text(fix));
}

static json_t *resolver_advice(const struct resolver_report *resolver) {
  char text[kAdviceTextSize];
  const char *why = resolver->last_error;
  snprintf(
      text, sizeof(text),
      "The DNS servers do not answer%s%s%s, and without them no site can be "
      "reached privately: see whether the network is up, or set other ones "
      "as `resolver` in the configuration.",
      why != NULL ? " (" : "", why != NULL ? why : "", why != NULL ? ")" : "");
  return advice_object("resolver_failing", NULL, text, NULL);
}

static json_t *advice_array(const struct status_facts *facts) {
  char text[kAdviceTextSize];
  json_t *array = json_array();
  if (facts->resolver.state == RESOLVER_FAILING) {
    json_array_append_new(array, resolver_advice(&facts->resolver));
  }
  for (size_t i = 0; i < facts->num_advice; i++) {
    const struct advice *advice = &facts->advice[i];
    json_array_append_new(
        array,
        advice_object(advice_kind_json(advice->kind), advice->site,
                      advice_text(text, advice), advice_fix(advice->kind)));
  }
  return array;
}

static void set_facts(json_t *object, const struct status_facts *facts,
                      uint64_t age_s) {
  json_object_set_new(object, "version", json_value_text(facts->version));
  json_object_set_new(object, "boringssl", json_value_text(facts->boringssl));
  json_object_set_new(object, "pid", json_integer(facts->pid));
  json_object_set_new(object, "started", json_value_time(facts->started_ms));
  json_object_set_new(object, "uptime_s", json_value_count(age_s));
  json_object_set_new(object, "listen",
                      text_array(facts->listen, facts->num_listen));
  json_object_set_new(object, "workers", json_value_count(facts->workers));
  json_object_set_new(object, "mode", json_value_text(facts->mode));
  json_object_set_new(object, "config_file",
                      json_value_text(facts->config_file));
  json_object_set_new(object, "state_dir", json_value_text(facts->state_dir));
  json_object_set_new(object, "ca_path", json_value_text(facts->ca_path));
  json_object_set_new(object, "probe_key", json_value_text(facts->probe_key));
  json_object_set_new(object, "resolver", resolver_object(facts));
}

char *status_json_status(const struct status_facts *facts,
                         const struct tally_counts *counts, size_t *out_len) {
  json_t *object = json_object();
  set_facts(object, facts, counts->age_s);
  json_object_set_new(object, "totals", totals_object(facts, counts));
  json_object_set_new(object, "leaves", leaves_object(counts));
  json_object_set_new(object, "latency", latency_object(counts));
  json_object_set_new(object, "history", history_object(counts));
  json_object_set_new(object, "advice", advice_array(facts));
  return json_value_dump(object, out_len);
}
