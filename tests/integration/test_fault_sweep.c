#include <criterion/criterion.h>
#include <openssl/mem.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/faulty_link.h"
#include "support/scene.h"

// One private fetch, and every fault at every record of the site's server and
// of the resolver's, one at a time: each ends in the page, in a refusal that is
// stated, or, once the site's own answer is under way, in an error that nobody
// takes for the page; in time, and with the site's name on no wire.

enum {
  kMaxRuns = 512,
  kMaxAtOnce = 6,  // that end soon
  kGiveUpSeconds = 30,
  // The proxy's own deadlines of 6 and 15 seconds, and what a machine that is
  // busy adds.
  kResolverSeconds = 6 + 4,
  kSiteSeconds = 15 + 4,
  kLogMs = 5000,
  kPageLen = 1024,
};

enum place { AT_SITE, AT_RESOLVER, kNumPlaces };

#define OUTCOMES(X)                                        \
  X(REACHED, "reached")                                    \
  X(REFUSED_WITH_PAGE, "refused with a page")              \
  X(REFUSED_TUNNEL, "refused the tunnel")                  \
  X(BROKEN, "broken off after the handshake, and said so") \
  X(WRONG, "WRONG")

enum outcome {
#define X(name, text) name,
  OUTCOMES(X)
#undef X
      kNumOutcomes
};

static const char *const kOutcomes[] = {
#define X(name, text) [name] = text,
    OUTCOMES(X)
#undef X
};

struct run {
  enum place place;
  enum link_fault fault;
  size_t at;
  const char *host;
  const char *page;  // where curl writes what it gets
  struct faulty_link *link;
  struct tap *tap;           // before the site
  struct tap *resolver_tap;  // NULL: the sweep's
  struct proxy_process *proxy;
  struct peer *curl;
};

struct sweep {
  struct scene scene;
  uint16_t origin_port;
  struct tap *resolver_tap;
  struct proxy_process *proxy;  // of runs AT_SITE
  size_t num_records[kNumPlaces];
  char page[kPageLen];
  struct run runs[kMaxRuns];
  size_t num_runs;
  unsigned counts[kNumPlaces][kNumOutcomes];
};

static struct run *add_run(struct sweep *sweep, enum place place,
                           enum link_fault fault, size_t at) {
  cr_assert_lt(sweep->num_runs, (size_t)kMaxRuns);
  struct scratch *s = sweep->scene.scratch;
  struct run *run = &sweep->runs[sweep->num_runs];
  *run = (struct run){.place = place, .fault = fault, .at = at};
  run->host = scratch_format(s, "hidden-%zu.site.test", sweep->num_runs);
  run->page = scratch_path(s, scratch_format(s, "page-%zu", sweep->num_runs));
  run->tap = tap_new(sweep->origin_port);
  if (place == AT_SITE) {
    run->link = faulty_link_new(sweep->origin_port, fault, at);
    tap_set_origin(run->tap, faulty_link_port(run->link));
  }
  sweep->num_runs++;
  return run;
}

static void start_dns(struct sweep *sweep) {
  static const char *records[2 * kMaxRuns + 1];
  struct scratch *s = sweep->scene.scratch;
  size_t num = 0;
  const char *ech = strstr(sweep->scene.zone_line, "ech=");
  for (size_t i = 0; i < sweep->num_runs; i++) {
    const struct run *run = &sweep->runs[i];
    records[num++] =
        scratch_format(s, "_%u._https.%s. HTTPS 1 %s. alpn=\"h2,http/1.1\" %s",
                       tap_port(run->tap), run->host, run->host, ech);
    records[num++] = scratch_format(s, "%s. A 127.0.0.1", run->host);
  }
  records[num] = NULL;
  unbound_stop(sweep->scene.dns);
  scene_start_dns(&sweep->scene, records);
}

static struct proxy_process *start_proxy(struct sweep *sweep,
                                         const struct tap *resolver_tap) {
  sweep->scene.resolver_port = tap_port(resolver_tap);
  scene_start_proxy(&sweep->scene, (const char *const[]){"-v", NULL});
  struct proxy_process *proxy = sweep->scene.proxy;
  sweep->scene.proxy = NULL;
  return proxy;
}

// A run at the resolver has a proxy of its own, so that every one begins with a
// new connection to it.
static void start_run(struct sweep *sweep, struct run *run) {
  run->proxy = sweep->proxy;
  if (run->place == AT_RESOLVER) {
    run->link =
        faulty_link_new(unbound_port(sweep->scene.dns), run->fault, run->at);
    run->resolver_tap = tap_new(faulty_link_port(run->link));
    run->proxy = start_proxy(sweep, run->resolver_tap);
  }
  sweep->scene.proxy = run->proxy;
  run->curl = scene_start_fetch(
      &sweep->scene,
      &(struct scene_fetch){
          .host = run->host,
          .port = tap_port(run->tap),
          .path = "/bulk?1024",
          .args = (const char *const[]){"--output", run->page, NULL}},
      kGiveUpSeconds);
  sweep->scene.proxy = NULL;
}

// Whether the proxy's last word about the run is that its name was hidden.
static bool was_reached(struct sweep *sweep, const struct run *run) {
  const char *where = scratch_format(sweep->scene.scratch, " hidden %s:%u ",
                                     run->host, tap_port(run->tap));
  for (int waited_ms = 0; waited_ms < kLogMs; waited_ms += 50) {
    if (strstr(peer_output(proxy_process_peer(run->proxy)), where) != NULL) {
      return true;
    }
    poll(NULL, 0, 50);
  }
  return false;
}

static enum outcome outcome_of(struct sweep *sweep, const struct run *run,
                               int exit_code, const char *output) {
  size_t len = 0;
  const char *page = scratch_read(sweep->scene.scratch, run->page, &len);
  if (exit_code == 0 && strstr(output, "200 ") != NULL) {
    bool whole = len == kPageLen && memcmp(page, sweep->page, kPageLen) == 0;
    return whole ? REACHED : WRONG;
  }
  if (exit_code == 0) {
    bool stated = strstr(output, "502 ") != NULL && page != NULL &&
                  strstr(page, "<!-- echproxy: ") != NULL;
    return stated ? REFUSED_WITH_PAGE : WRONG;
  }
  if (strstr(output, "CONNECT tunnel failed, response 50") != NULL) {
    return REFUSED_TUNNEL;
  }
  bool may_break = run->place == AT_SITE && was_reached(sweep, run);
  return may_break ? BROKEN : WRONG;
}

static double seconds_of(const char *output) {
  const char *last = strrchr(output, ' ');
  return last == NULL ? kGiveUpSeconds : strtod(last, NULL);
}

static bool is_in_time(const struct run *run, enum outcome outcome,
                       const char *output) {
  int limit = run->place == AT_SITE ? kSiteSeconds : kResolverSeconds;
  return outcome == BROKEN || seconds_of(output) <= limit;
}

static bool is_hidden(struct sweep *sweep, const struct run *run) {
  struct tap *resolver_tap =
      run->resolver_tap != NULL ? run->resolver_tap : sweep->resolver_tap;
  return !tap_contains_text(run->tap, run->host) &&
         !tap_contains_text(run->tap, "site.test") &&
         !tap_contains_text(resolver_tap, run->host) &&
         !tap_contains_text(resolver_tap, "site.test");
}

static void finish_run(struct sweep *sweep, struct run *run) {
  int exit_code = peer_wait(run->curl, (kGiveUpSeconds + 5) * 1000);
  const char *output =
      scratch_format(sweep->scene.scratch, "%s", peer_output(run->curl));
  enum outcome outcome = outcome_of(sweep, run, exit_code, output);
  if (outcome == WRONG || !is_in_time(run, outcome, output) ||
      !is_hidden(sweep, run)) {
    fprintf(stderr, "FAILED %s at record %zu of the %s: %s, curl: %d %s\n%s\n",
            link_fault_str(run->fault), run->at,
            run->place == AT_SITE ? "site" : "resolver", kOutcomes[outcome],
            exit_code, output, peer_output(proxy_process_peer(run->proxy)));
    outcome = WRONG;
  }
  sweep->counts[run->place][outcome]++;
  peer_free(run->curl);
  if (run->place == AT_RESOLVER) {
    proxy_process_stop(run->proxy);
    tap_free(run->resolver_tap);
    faulty_link_free(run->link);
    run->link = NULL;
  }
}

// Fetches once through links without a fault and counts the records.
static void measure(struct sweep *sweep) {
  struct run *run = add_run(sweep, AT_SITE, LINK_SOUND, 0);
  start_dns(sweep);
  struct faulty_link *link =
      faulty_link_new(unbound_port(sweep->scene.dns), LINK_SOUND, 0);
  struct tap *tap = tap_new(faulty_link_port(link));
  sweep->proxy = start_proxy(sweep, tap);
  start_run(sweep, run);
  cr_assert_eq(peer_wait(run->curl, kGiveUpSeconds * 1000), 0, "%s",
               peer_output(run->curl));
  size_t len = 0;
  const char *page = scratch_read(sweep->scene.scratch, run->page, &len);
  cr_assert_eq(len, (size_t)kPageLen);
  memcpy(sweep->page, page, kPageLen);
  cr_assert(tap_contains_text(run->tap, kPublicName));
  proxy_process_stop(sweep->proxy);  // which ends the connections
  sweep->num_records[AT_SITE] = faulty_link_num_records(run->link);
  sweep->num_records[AT_RESOLVER] = faulty_link_num_records(link);
  peer_free(run->curl);
  tap_free(tap);
  faulty_link_free(link);
}

static void add_runs(struct sweep *sweep) {
  for (int place = 0; place < kNumPlaces; place++) {
    for (size_t at = 0; at < sweep->num_records[place]; at++) {
      for (int fault = LINK_CUT; fault <= LINK_STALL; fault++) {
        add_run(sweep, (enum place)place, (enum link_fault)fault, at);
      }
    }
  }
}

static void play_stalls(struct sweep *sweep, bool start) {
  for (size_t i = 1; i < sweep->num_runs; i++) {
    struct run *run = &sweep->runs[i];
    if (run->fault == LINK_STALL) {
      (start ? start_run : finish_run)(sweep, run);
    }
  }
}

static void play_others(struct sweep *sweep) {
  struct run *running[kMaxAtOnce] = {NULL};
  size_t num = 0;
  for (size_t i = 1; i < sweep->num_runs + kMaxAtOnce; i++) {
    struct run *run = i < sweep->num_runs ? &sweep->runs[i] : NULL;
    if (run != NULL && run->fault == LINK_STALL) {
      continue;
    }
    struct run **place = &running[num++ % kMaxAtOnce];
    if (*place != NULL) {
      finish_run(sweep, *place);
    }
    *place = run;
    if (run != NULL) {
      start_run(sweep, run);
    }
  }
}

static void report(const struct sweep *sweep) {
  for (int place = 0; place < kNumPlaces; place++) {
    printf("%zu records of the %s, 6 faults at each:\n",
           sweep->num_records[place], place == AT_SITE ? "site" : "resolver");
    for (int outcome = 0; outcome < kNumOutcomes; outcome++) {
      printf("  %3u %s\n", sweep->counts[place][outcome], kOutcomes[outcome]);
    }
  }
  fflush(stdout);
}

static void sweep_open(struct sweep *sweep) {
  struct scene *scene = &sweep->scene;
  scene_open(scene);
  test_cert_free(scene_cert(scene, "sites", "DNS:*.site.test"));
  scene_start_odd_site(scene, &(struct scene_origin){.site = "sites"});
  sweep->origin_port = scene->origin_port;
}

static void sweep_close(struct sweep *sweep) {
  proxy_process_stop(sweep->proxy);
  for (size_t i = 0; i < sweep->num_runs; i++) {
    tap_free(sweep->runs[i].tap);
    faulty_link_free(sweep->runs[i].link);
  }
  tap_free(sweep->resolver_tap);
  scene_close(&sweep->scene);
  free(sweep);
}

Test(fault_sweep, shows_no_name_and_ends_in_time, .timeout = 220) {
  struct sweep *sweep = calloc(1, sizeof(*sweep));
  cr_assert_not_null(sweep);
  sweep_open(sweep);
  measure(sweep);
  add_runs(sweep);
  start_dns(sweep);
  sweep->resolver_tap = tap_new(unbound_port(sweep->scene.dns));
  sweep->proxy = start_proxy(sweep, sweep->resolver_tap);
  play_stalls(sweep, true);
  play_others(sweep);
  play_stalls(sweep, false);
  report(sweep);
  for (int place = 0; place < kNumPlaces; place++) {
    cr_expect_eq(sweep->counts[place][WRONG], 0);
    cr_expect_gt(sweep->counts[place][REACHED], 0);
  }
  cr_expect_gt(sweep->counts[AT_SITE][REFUSED_WITH_PAGE], 0);
  cr_expect_gt(sweep->counts[AT_RESOLVER][REFUSED_TUNNEL], 0);
  sweep_close(sweep);
}
