#include "proxy/command_check.h"

#include <signal.h>
#include <stdio.h>
#include <sysexits.h>

#include "ech/lookup.h"
#include "ech/origin.h"
#include "proxy/check_json.h"
#include "proxy/check_report.h"
#include "proxy/check_text.h"
#include "proxy/options.h"
#include "proxy/policy.h"
#include "proxy/proxy.h"
#include "proxy/site_lookup.h"
#include "proxy/trust.h"
#include "proxy/usage.h"

// One check: start_lookup, start_dial unless the answer forbids it, and then
// the loop ends.
struct check {
  const struct options *options;
  struct worker *worker;
  struct resolver *resolver;
  struct origin *origin;
  struct site_lookup *lookup;
  struct origin_dial *dial;
  enum origin_privacy privacy;
  struct check_report report;
};

// The resolver keeps its connection for more questions. There are none, so
// nothing is left to wait for.
static void check_end(struct check *c) { uv_stop(worker_loop(c->worker)); }

static void on_dialed(void *owner, enum origin_status status, struct tls *tls,
                      const struct origin_report *origin) {
  struct check *c = owner;
  c->dial = NULL;
  check_report_set_handshake(&c->report, status, c->privacy, tls, origin);
  tls_close(tls);
  check_end(c);
}

static void start_dial(struct check *c) {
  static const uint8_t kAlpn[] = "\x02h2\x08http/1.1";
  const struct origin_request request = {
      .host = c->options->host,
      .port = c->options->port,
      .answer = c->report.answer,
      .privacy = c->privacy,
      .alpn = kAlpn,
      .alpn_len = sizeof(kAlpn) - 1,
      .via =
          proxy_via(site_rule_upstream(&c->report.rule, c->options->upstream),
                    c->report.answer),
      // In the clear the proxy would pass the browser's own through.
      .identity = c->privacy == ORIGIN_PRIVATE
                      ? site_rule_identity(&c->report.rule)
                      : NULL,
  };
  c->dial = origin_dial_start(c->origin, c->worker, &request, on_dialed, c);
}

static void on_found(void *owner, struct lookup_answer *answer,
                     const struct site_rule *rule) {
  struct check *c = owner;
  c->lookup = NULL;
  c->report.answer = answer;  // taken
  c->report.rule = *rule;
  c->report.mode = site_rule_mode(rule, c->options->mode);
  switch (policy_for_lookup(c->report.mode, answer).action) {
    case POLICY_INTERCEPT:
      c->privacy = ORIGIN_PRIVATE;
      start_dial(c);
      return;
    case POLICY_PASS:
      c->privacy = ORIGIN_CLEAR;
      start_dial(c);
      return;
    case POLICY_REFUSE:
      check_end(c);
      return;
  }
}

static void start_lookup(struct check *c) {
  c->lookup =
      site_lookup_start(c->resolver, c->options->sites, c->options->host,
                        c->options->port, on_found, c);
}

// Runs the check. False when the event loop was not empty at its end.
static bool run_check(struct check *c, const struct trust *trust) {
  const struct options *options = c->options;
  c->worker = worker_new();
  c->resolver = options_resolver_new(options, c->worker, trust->resolvers);
  c->origin = origin_new(trust->sites);
  start_lookup(c);
  worker_run(c->worker);
  site_lookup_cancel(c->lookup);
  origin_dial_cancel(c->dial);
  resolver_free(c->resolver);
  origin_free(c->origin);
  return worker_free(c->worker) == 0;
}

static int report_and_judge(const struct check_report *report, bool json) {
  const char *why;
  if (json) {
    check_json_print(report);
  } else {
    check_text_print(report);
  }
  if (fflush(stdout) != 0) {
    perror("echproxy: standard output");
    return EX_IOERR;
  }
  return (int)check_report_verdict(report, &why);
}

static int check(const struct options *options) {
  struct check c = {.options = options};
  struct trust trust = {NULL, NULL};
  struct key_error error;
  X509 *own_ca = NULL;
  int code = EX_CONFIG;
  if (!trust_read_own_ca(&own_ca, &error, options->state_dir) ||
      !trust_init(&trust, &error, options, own_ca)) {
    fprintf(stderr, "echproxy: %s\n", error.text);
    goto done;
  }
  c.report.host = options->host;
  c.report.port = options->port;
  if (!run_check(&c, &trust) || c.report.answer == NULL) {
    fputs("echproxy: the event loop failed\n", stderr);
    code = EX_SOFTWARE;
    goto done;
  }
  code = report_and_judge(&c.report, options->json);

done:
  check_report_cleanup(&c.report);
  trust_cleanup(&trust);
  X509_free(own_ca);
  return code;
}

int command_check(int argc, char **argv) {
  struct options options;
  struct options_error error;
  int code = EX_OK;
  signal(SIGPIPE, SIG_IGN);
  if (!options_parse(&options, &error, OPTIONS_CHECK, argc, argv)) {
    fprintf(stderr, "echproxy: %s\n", error.text);
    code = error.exit_code;
  } else if (options.help) {
    fputs(usage_check(), stdout);
  } else {
    code = check(&options);
  }
  options_cleanup(&options);
  return code;
}
