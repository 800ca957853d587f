#include "status/status_json.h"

#include <criterion/criterion.h>

#include "status/parsed.h"

static const char *const kListen[] = {"127.0.0.1:8450", "[::1]:8450"};
static const char *const kResolvers[] = {"https://dns.example/dns-query"};

static struct status_facts some_facts(void) {
  return (struct status_facts){
      .version = "0.1.0",
      .boringssl = "BoringSSL (upstream)",
      .pid = 4711,
      .started_ms = 1764323000123,
      .listen = kListen,
      .num_listen = 2,
      .workers = 2,
      .mode = "prefer",
      .config_file = "/home/u/.config/echproxy/echproxy.conf",
      .state_dir = "/home/u/.local/state/echproxy",
      .ca_path = "/home/u/.local/state/echproxy/ca.pem",
      .probe_key = "00112233445566778899aabbccddeeff",
      .resolvers = kResolvers,
      .num_resolvers = 1,
      .resolvers_encrypted = true,
      .resolver = {.state = RESOLVER_OK, .last_ok_ms = 1764323010000},
      .open = 3,
  };
}

static json_t *status_of(const struct status_facts *facts,
                         const struct tally_counts *counts) {
  size_t len;
  char *text = status_json_status(facts, counts, &len);
  return parsed_new(text, len);
}

Test(status_json, says_what_runs) {
  struct status_facts facts = some_facts();
  struct tally_counts counts = {.age_s = 12};
  json_t *root = status_of(&facts, &counts);
  parsed_expect_text(root, "version", "0.1.0");
  parsed_expect_text(root, "boringssl", "BoringSSL (upstream)");
  parsed_expect_number(root, "pid", 4711);
  parsed_expect_text(root, "started", "2025-11-28T09:43:20.123Z");
  parsed_expect_number(root, "uptime_s", 12);
  parsed_expect_number(root, "workers", 2);
  parsed_expect_text(root, "mode", "prefer");
  parsed_expect_text(root, "config_file", facts.config_file);
  parsed_expect_text(root, "state_dir", facts.state_dir);
  parsed_expect_text(root, "ca_path", facts.ca_path);
  parsed_expect_text(root, "probe_key", facts.probe_key);
  const json_t *listen = parsed_at(root, "listen");
  cr_assert_eq(json_array_size(listen), 2);
  cr_expect_str_eq(json_string_value(json_array_get(listen, 1)), "[::1]:8450");
  json_decref(root);
}

Test(status_json, says_how_the_resolver_does) {
  struct status_facts facts = some_facts();
  struct tally_counts counts = {0};
  json_t *root = status_of(&facts, &counts);
  const json_t *servers = parsed_at(root, "resolver.servers");
  cr_assert_eq(json_array_size(servers), 1);
  cr_expect_str_eq(json_string_value(json_array_get(servers, 0)),
                   kResolvers[0]);
  parsed_expect_text(root, "resolver.state", "ok");
  cr_expect(json_is_true(parsed_at(root, "resolver.encrypted")));
  parsed_expect_null(root, "resolver.last_error");
  parsed_expect_text(root, "resolver.last_ok", "2025-11-28T09:43:30.000Z");
  cr_expect_eq(json_array_size(parsed_at(root, "advice")), 0);
  json_decref(root);

  facts.resolver = (struct resolver_report){
      .state = RESOLVER_FAILING, .last_error = "the connection was refused"};
  root = status_of(&facts, &counts);
  parsed_expect_text(root, "resolver.state", "failing");
  parsed_expect_text(root, "resolver.last_error", "the connection was refused");
  parsed_expect_null(root, "resolver.last_ok");
  const json_t *advice = json_array_get(parsed_at(root, "advice"), 0);
  parsed_expect_text(advice, "kind", "resolver_failing");
  cr_expect(strstr(json_string_value(parsed_at(advice, "text")),
                   "(the connection was refused)") != NULL);
  parsed_expect_null(advice, "fix");
  json_decref(root);

  facts.resolver = (struct resolver_report){.state = RESOLVER_UNUSED};
  root = status_of(&facts, &counts);
  parsed_expect_text(root, "resolver.state", "unused");
  json_decref(root);
}

Test(status_json, gives_the_totals) {
  struct status_facts facts = some_facts();
  struct tally_counts counts = {
      .verdicts = {[VISIT_HIDDEN] = 10,
                   [VISIT_PASSED] = 4,
                   [VISIT_REFUSED] = 1,
                   [VISIT_ABANDONED] = 6,
                   [VISIT_UPGRADED] = 2},
      .counters = {[TALLY_BYTES_UP] = 5000000000,
                   [TALLY_BYTES_DOWN] = 7,
                   [TALLY_LEAVES_ACCEPTED] = 9,
                   [TALLY_LEAVES_REJECTED] = 8},
  };
  json_t *root = status_of(&facts, &counts);
  parsed_expect_number(root, "totals.open", 3);
  parsed_expect_number(root, "totals.hidden", 10);
  parsed_expect_number(root, "totals.passed", 4);
  parsed_expect_number(root, "totals.refused", 1);
  parsed_expect_number(root, "totals.abandoned", 6);
  parsed_expect_number(root, "totals.upgraded", 2);
  parsed_expect_number(root, "totals.bytes_up", 5e9);
  parsed_expect_number(root, "totals.bytes_down", 7);
  parsed_expect_number(root, "leaves.accepted", 9);
  parsed_expect_number(root, "leaves.rejected", 8);
  json_decref(root);
}

Test(status_json, gives_latencies_and_none_of_nothing) {
  struct status_facts facts = some_facts();
  struct tally *tally = tally_new();
  struct tally_counts counts;
  for (int i = 0; i < 10; i++) {
    tally_took(tally, TALLY_LOOKUP_TIME, 1700);
  }
  tally_read(tally, &counts);
  json_t *root = status_of(&facts, &counts);
  parsed_expect_number(root, "latency.lookup.count", 10);
  // Interpolated between 1 and 2.5 ms.
  parsed_expect_number(root, "latency.lookup.p50_ms", 1.75);
  parsed_expect_number(root, "latency.lookup.p90_ms", 2.35);
  parsed_expect_number(root, "latency.lookup.p99_ms", 2.485);
  parsed_expect_number(root, "latency.handshake.count", 0);
  parsed_expect_null(root, "latency.handshake.p50_ms");
  parsed_expect_null(root, "latency.handshake.p99_ms");
  json_decref(root);
  tally_free(tally);
}

Test(status_json, writes_times_without_digits_that_mean_nothing) {
  struct status_facts facts = some_facts();
  struct tally_counts counts = {
      .times = {[TALLY_LOOKUP_TIME] = {.buckets = {0, 0, 3}, .count = 3}}};
  size_t len;
  char *text = status_json_status(&facts, &counts, &len);
  cr_expect(strstr(text, "\"p50_ms\":1.75,\"p90_ms\":2.35,") != NULL, "%s",
            text);
  free(text);
}

Test(status_json, gives_the_last_hour_by_the_minute) {
  struct status_facts facts = some_facts();
  struct tally_counts counts = {0};
  counts.history[0][VISIT_HIDDEN] = 5;
  counts.history[kTallyMinutes - 1][VISIT_REFUSED] = 6;
  json_t *root = status_of(&facts, &counts);
  parsed_expect_number(root, "history.step_s", 60);
  const json_t *hidden = parsed_at(root, "history.hidden");
  const json_t *refused = parsed_at(root, "history.refused");
  cr_assert_eq(json_array_size(hidden), 60);
  cr_assert_eq(json_array_size(refused), 60);
  cr_assert_eq(json_array_size(parsed_at(root, "history.passed")), 60);
  cr_expect_eq(json_integer_value(json_array_get(hidden, 0)), 5);
  cr_expect_eq(json_integer_value(json_array_get(refused, 59)), 6);
  cr_expect_eq(json_integer_value(json_array_get(refused, 0)), 0);
  json_decref(root);
}

Test(status_json, passes_advice_on) {
  const struct advice kAdvice[] = {
      {.kind = ADVICE_UNTRUSTED_CA},
      {.kind = ADVICE_PINNED_APP, .site = "api.app.example"},
  };
  struct status_facts facts = some_facts();
  struct tally_counts counts = {0};
  facts.advice = kAdvice;
  facts.num_advice = 2;
  json_t *root = status_of(&facts, &counts);
  const json_t *advice = parsed_at(root, "advice");
  cr_assert_eq(json_array_size(advice), 2);
  const json_t *untrusted = json_array_get(advice, 0);
  const json_t *pinned = json_array_get(advice, 1);
  parsed_expect_text(untrusted, "kind", "untrusted_ca");
  parsed_expect_null(untrusted, "site");
  parsed_expect_text(untrusted, "fix", advice_fix(ADVICE_UNTRUSTED_CA));
  cr_expect(json_is_string(parsed_at(untrusted, "text")));
  parsed_expect_text(pinned, "kind", "pinned_app");
  parsed_expect_text(pinned, "site", "api.app.example");
  parsed_expect_null(pinned, "fix");
  json_decref(root);
}

// A path may have any octets but NUL.
Test(status_json, stays_json_whatever_a_path_is) {
  struct status_facts facts = some_facts();
  struct tally_counts counts = {0};
  facts.config_file = "/home/\xff\xfe\"\\\n\x1b/echproxy.conf";
  facts.state_dir = "/home/j\xc3\xb6rg/state";
  facts.ca_path = NULL;
  json_t *root = status_of(&facts, &counts);
  parsed_expect_text(root, "config_file", "/home/??\"\\\n\x1b/echproxy.conf");
  parsed_expect_text(root, "state_dir", "/home/j\xc3\xb6rg/state");
  parsed_expect_null(root, "ca_path");
  json_decref(root);
}
