#include "ech/lookup.h"

#include <pthread.h>

#include "ech/dns_channel.h"
#include "ech/dns_message.h"
#include "ech/ech_test.h"
#include "support/leaks.h"
#include "support/loopback.h"
#include "support/scratch.h"
#include "support/unbound.h"

TestSuite(lookup, .timeout = 30);

// A resolver that asks a real unbound.
struct fixture {
  struct scratch *scratch;
  struct test_trust trust;
  struct unbound *unbound;
  struct worker *worker;
  struct resolver *resolver;
  char *ech;  // base64
};

// Starts unbound with `records`, in which %s stands for `ech`.
static void fixture_init(struct fixture *f, const char *const records[]) {
  *f = (struct fixture){.scratch = scratch_new(), .ech = test_ech_base64()};
  test_trust_init(&f->trust, "DNS:resolver.test,IP:127.0.0.1");
  scratch_cert(f->scratch, "resolver", f->trust.leaf);
  const char *lines[32] = {NULL};
  for (size_t i = 0; records[i] != NULL; i++) {
    const char *at = strstr(records[i], "$ECH");
    lines[i] = at == NULL ? records[i]
                          : scratch_format(f->scratch, "%.*s%s%s",
                                           (int)(at - records[i]), records[i],
                                           f->ech, at + 4);
  }
  f->unbound = unbound_start(f->scratch, "resolver", lines);
  f->worker = test_worker_new();
  struct dns_server server = test_server_at(NULL, unbound_port(f->unbound));
  f->resolver = resolver_new(f->worker, &server, 1, f->trust.store);
}

static void fixture_cleanup(struct fixture *f) {
  resolver_free(f->resolver);
  test_worker_free(f->worker);
  unbound_stop(f->unbound);
  test_trust_cleanup(&f->trust);
  scratch_free(f->scratch);
  free(f->ech);
}

static void on_answer(void *owner, struct lookup_answer *answer) {
  struct lookup_answer **out = owner;
  cr_assert_null(*out, "a second answer");
  *out = answer;
}

static struct lookup_answer *look(struct worker *worker,
                                  struct resolver *resolver, const char *host,
                                  uint16_t port) {
  struct lookup_answer *answer = NULL;
  lookup_start(resolver, host, port, on_answer, &answer);
  cr_assert_null(answer, "called back before it returned");
  RUN_UNTIL(worker, answer != NULL);
  return answer;
}

static const char *text_of(const struct address *address) {
  static char text[kAddressTextSize];
  return address_format(text, address);
}

// Looks `host` up and checks the status; the answer is released by the caller.
static struct lookup_answer *expect(struct fixture *f, const char *host,
                                    uint16_t port, enum lookup_status status) {
  struct lookup_answer *a = look(f->worker, f->resolver, host, port);
  cr_assert_eq(a->status, status, "%s: %s (%s)", host,
               lookup_status_str(a->status), a->detail);
  return a;
}

Test(lookup, finds_ech_and_the_addresses) {
  struct fixture f;
  fixture_init(&f,
               (const char *[]){"site.test. 300 IN HTTPS 1 . alpn=h2 ech=$ECH",
                                "site.test. 200 IN A 192.0.2.1",
                                "site.test. 250 IN AAAA 2001:db8::1", NULL});
  struct lookup_answer *a = expect(&f, "Site.Test.", 443, LOOKUP_ECH);
  cr_assert_eq(a->num_endpoints, 1);
  const struct endpoint *e = &a->endpoints[0];
  cr_assert_eq(e->priority, 1);
  cr_assert_str_eq(e->target, "site.test");
  cr_assert_eq(e->alpn_len, 3);
  cr_assert_arr_eq(e->alpn, "\x02h2", 3);
  char ech[1024] = {0};
  EVP_EncodeBlock((uint8_t *)ech, e->ech, e->ech_len);
  cr_assert_str_eq(ech, f.ech);
  cr_assert_eq(e->num_addresses, 2);
  cr_assert_str_eq(text_of(&e->addresses[0]), "[2001:db8::1]:443");
  cr_assert_str_eq(text_of(&e->addresses[1]), "192.0.2.1:443");
  cr_assert_eq(a->num_addresses, 2);
  cr_assert_str_eq(text_of(&a->addresses[1]), "192.0.2.1:443");
  cr_assert_eq(a->ttl, 200);
  lookup_answer_unref(a);
  fixture_cleanup(&f);
}

Test(lookup, says_what_a_name_without_ech_publishes) {
  struct fixture f;
  fixture_init(
      &f,
      (const char *[]){
          "plain.test. 300 IN A 192.0.2.1",
          "text.test. 300 IN TXT \"no address\"",
          "h3.test. 300 IN HTTPS 1 . alpn=h3", "h3.test. 300 IN A 192.0.2.2",
          // An ECHConfigList with one entry of an unknown version.
          "future.test. 300 IN HTTPS 1 . ech=AAb//wACAAA=",
          "future.test. 300 IN A 192.0.2.3",
          // `mandatory` names key 667, which is not known.
          "strange.test. 300 IN TYPE65 \\# 16 "
          "0001 00 0000 0002 029b 029b 0003 616263",
          "strange.test. 300 IN A 192.0.2.4",
          // A protocol without a name. (unbound puts keys in order.)
          "broken-record.test. 300 IN TYPE65 \\# 8 0001 00 0001 0001 00",
          "broken-record.test. 300 IN A 192.0.2.5", NULL});
  static const struct {
    const char *host;
    enum lookup_status status;
    size_t num_endpoints;
    size_t num_addresses;
  } kCases[] = {
      {"plain.test", LOOKUP_NO_RECORD, 0, 1},
      {"text.test", LOOKUP_NO_RECORD, 0, 0},
      {"h3.test", LOOKUP_NO_ECH, 1, 1},
      {"future.test", LOOKUP_NO_ECH, 1, 1},
      {"strange.test", LOOKUP_NO_ECH, 0, 1},
      {"broken-record.test", LOOKUP_FAILED, 0, 0},
      {"nothing.test", LOOKUP_NXDOMAIN, 0, 0},
      {"broken.test", LOOKUP_FAILED, 0, 0},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct lookup_answer *a = expect(&f, kCases[i].host, 443, kCases[i].status);
    if (strcmp(kCases[i].host, "broken.test") == 0) {
      cr_assert_str_eq(a->detail, dns_status_str(DNS_SERVFAIL));
    }
    cr_assert_eq(a->num_endpoints, kCases[i].num_endpoints, "%s",
                 kCases[i].host);
    cr_assert_eq(a->num_addresses, kCases[i].num_addresses, "%s",
                 kCases[i].host);
    lookup_answer_unref(a);
  }
  fixture_cleanup(&f);
}

Test(lookup, asks_for_other_ports_at_their_own_name) {
  struct fixture f;
  fixture_init(
      &f, (const char *[]){"_8443._https.site.test. 300 IN HTTPS 1 . ech=$ECH",
                           "site.test. 300 IN A 192.0.2.1",
                           "plain.test. 300 IN A 192.0.2.2", NULL});
  struct lookup_answer *a = expect(&f, "site.test", 8443, LOOKUP_ECH);
  cr_assert_eq(a->endpoints[0].num_addresses, 1);
  cr_assert_str_eq(text_of(&a->endpoints[0].addresses[0]), "192.0.2.1:8443");
  lookup_answer_unref(a);
  lookup_answer_unref(expect(&f, "site.test", 443, LOOKUP_NO_RECORD));
  // NXDOMAIN of _8443._https.plain.test does not mean that plain.test is none.
  a = expect(&f, "plain.test", 8443, LOOKUP_NO_RECORD);
  cr_assert_eq(a->num_addresses, 1);
  lookup_answer_unref(a);
  lookup_answer_unref(expect(&f, "nothing.test", 8443, LOOKUP_NXDOMAIN));
  fixture_cleanup(&f);
}

Test(lookup, follows_aliases_to_their_end) {
  struct fixture f;
  fixture_init(
      &f,
      (const char *[]){
          "site.test. 300 IN HTTPS 0 a1.test.", "site.test. 300 IN A 192.0.2.1",
          "a1.test. 100 IN HTTPS 0 a2.test.",
          "a2.test. 300 IN HTTPS 1 . ech=$ECH", "a2.test. 300 IN A 192.0.2.2",
          "bare.test. 300 IN HTTPS 0 cdn.test.",
          "bare.test. 300 IN A 192.0.2.3", "cdn.test. 300 IN A 192.0.2.4",
          "loop.test. 300 IN HTTPS 0 pool.test.",
          "pool.test. 300 IN HTTPS 0 loop.test.",
          "loop.test. 300 IN A 192.0.2.5", "gone.test. 300 IN HTTPS 0 .",
          "gone.test. 300 IN A 192.0.2.6", NULL});
  struct lookup_answer *a = expect(&f, "site.test", 443, LOOKUP_ECH);
  cr_assert_str_eq(a->endpoints[0].target, "a2.test");
  cr_assert_str_eq(text_of(&a->endpoints[0].addresses[0]), "192.0.2.2:443");
  cr_assert_str_eq(text_of(&a->addresses[0]), "192.0.2.1:443");
  cr_assert_eq(a->ttl, 100);
  lookup_answer_unref(a);

  a = expect(&f, "bare.test", 443, LOOKUP_NO_ECH);
  cr_assert_eq(a->num_endpoints, 1);
  cr_assert_str_eq(a->endpoints[0].target, "cdn.test");
  cr_assert_null(a->endpoints[0].ech);
  cr_assert_str_eq(text_of(&a->addresses[0]), "192.0.2.4:443");
  lookup_answer_unref(a);

  lookup_answer_unref(expect(&f, "loop.test", 443, LOOKUP_FAILED));

  a = expect(&f, "gone.test", 443, LOOKUP_NO_RECORD);
  cr_assert_str_eq(text_of(&a->addresses[0]), "192.0.2.6:443");
  lookup_answer_unref(a);
  fixture_cleanup(&f);
}

Test(lookup, finds_the_addresses_of_targets_and_uses_hints_without) {
  struct fixture f;
  fixture_init(
      &f,
      (const char *[]){
          "site.test. 300 IN HTTPS 3 far.test. port=8443 ipv4hint=192.0.2.9 "
          "ech=$ECH",
          "site.test. 300 IN HTTPS 2 hinted.test. ipv4hint=192.0.2.8 ech=$ECH",
          "site.test. 300 IN HTTPS 1 .", "site.test. 300 IN A 192.0.2.1",
          "far.test. 300 IN A 192.0.2.2", NULL});
  struct lookup_answer *a = expect(&f, "site.test", 443, LOOKUP_ECH);
  cr_assert_eq(a->num_endpoints, 3);
  static const struct {
    const char *target;
    const char *address;
    bool has_ech;
  } kExpected[] = {{"hinted.test", "192.0.2.8:443", true},
                   {"far.test", "192.0.2.2:8443", true},
                   {"site.test", "192.0.2.1:443", false}};
  for (size_t i = 0; i < 3; i++) {
    const struct endpoint *e = &a->endpoints[i];
    cr_assert_str_eq(e->target, kExpected[i].target);
    cr_assert_eq(e->num_addresses, 1);
    cr_assert_str_eq(text_of(&e->addresses[0]), kExpected[i].address);
    cr_assert_eq(e->ech != NULL, kExpected[i].has_ech);
  }
  lookup_answer_unref(a);
  fixture_cleanup(&f);
}

Test(lookup, keeps_answers_for_their_ttl) {
  struct fixture f;
  fixture_init(&f, (const char *[]){"site.test. 300 IN HTTPS 1 . ech=$ECH",
                                    "site.test. 300 IN A 192.0.2.1",
                                    "brief.test. 0 IN HTTPS 1 . ech=$ECH",
                                    "brief.test. 300 IN A 192.0.2.1", NULL});
  struct lookup_answer *first = expect(&f, "site.test", 443, LOOKUP_ECH);
  lookup_answer_unref(expect(&f, "brief.test", 443, LOOKUP_ECH));
  unbound_stop(f.unbound);
  f.unbound = NULL;
  struct lookup_answer *second = expect(&f, "SITE.test", 443, LOOKUP_ECH);
  cr_assert_eq(first, second);
  lookup_answer_unref(first);
  lookup_answer_unref(second);
  struct lookup_answer *a = expect(&f, "brief.test", 443, LOOKUP_FAILED);
  cr_assert_str_eq(a->detail, channel_status_str(CHANNEL_UNREACHABLE));
  lookup_answer_unref(a);
  fixture_cleanup(&f);
}

Test(lookup, tells_whether_an_answer_was_cached) {
  struct fixture f;
  fixture_init(&f, (const char *[]){"site.test. 300 IN HTTPS 1 . ech=$ECH",
                                    "site.test. 300 IN A 192.0.2.1", NULL});
  for (int i = 0; i < 2; i++) {
    struct lookup_answer *answer = NULL;
    struct lookup *l =
        lookup_start(f.resolver, "site.test", 443, on_answer, &answer);
    cr_assert_eq(lookup_is_cached(l), i == 1);
    RUN_UNTIL(f.worker, answer != NULL);
    lookup_answer_unref(answer);
  }
  struct lookup_answer *answer = NULL;
  struct lookup *l =
      lookup_start(f.resolver, "192.0.2.1", 443, on_answer, &answer);
  cr_assert_not(lookup_is_cached(l), "there is none to be had");
  lookup_cancel(l);
  fixture_cleanup(&f);
}

Test(lookup, shares_the_queries_of_one_name) {
  struct fixture f;
  fixture_init(&f, (const char *[]){"site.test. 0 IN HTTPS 1 . ech=$ECH",
                                    "site.test. 0 IN A 192.0.2.1", NULL});
  struct lookup_answer *a = NULL, *b = NULL, *c = NULL;
  lookup_start(f.resolver, "site.test", 443, on_answer, &a);
  struct lookup *dropped =
      lookup_start(f.resolver, "site.test", 443, on_answer, &b);
  lookup_start(f.resolver, "site.test", 443, on_answer, &c);
  lookup_cancel(dropped);
  RUN_UNTIL(f.worker, a != NULL && c != NULL);
  cr_assert_eq(a, c);
  cr_assert_null(b);
  lookup_answer_unref(a);
  lookup_answer_unref(c);
  fixture_cleanup(&f);
}

Test(lookup, is_dropped_with_its_resolver) {
  struct fixture f;
  fixture_init(&f, (const char *[]){"site.test. 0 IN A 192.0.2.1", NULL});
  struct lookup_answer *a = NULL;
  static const char *const kHosts[] = {"site.test", "localhost",
                                       "a-single-label"};
  for (size_t i = 0; i < 3; i++) {
    lookup_start(f.resolver, kHosts[i], 443, on_answer, &a);
  }
  fixture_cleanup(&f);
  cr_assert_null(a);
}

static void on_answer_free(void *owner, struct lookup_answer *answer) {
  struct fixture *f = owner;
  lookup_answer_unref(answer);
  resolver_free(f->resolver);
  f->resolver = NULL;
}

Test(lookup, may_free_its_resolver) {
  static const char *const kHosts[] = {"site.test", "localhost"};
  for (size_t i = 0; i < 2; i++) {
    struct fixture f;
    fixture_init(&f, (const char *[]){"site.test. 9 IN A 192.0.2.1", NULL});
    struct lookup_answer *other = NULL;
    lookup_start(f.resolver, kHosts[i], 443, on_answer_free, &f);
    lookup_start(f.resolver, kHosts[i], 443, on_answer, &other);
    RUN_UNTIL(f.worker, f.resolver == NULL);
    fixture_cleanup(&f);
    cr_assert_null(other);
  }
  cr_assert(leaks_none());
}

// What a worker of its own looks a name up with.
struct other_worker {
  struct worker *worker;
  struct resolver *resolver;
  struct lookup_answer *answer;
};

static void *look_and_free(void *arg) {
  struct other_worker *o = arg;
  o->answer = look(o->worker, o->resolver, "site.test", 443);
  resolver_free(o->resolver);
  return NULL;
}

Test(lookup, is_answered_from_what_another_workers_resolver_has_found) {
  struct fixture f;
  fixture_init(&f, (const char *[]){"site.test. 300 IN HTTPS 1 . ech=$ECH",
                                    "site.test. 300 IN A 192.0.2.1", NULL});
  struct dns_server server = test_server_at(NULL, unbound_port(f.unbound));
  struct other_worker other = {.worker = test_worker_new()};
  other.resolver = resolver_new(other.worker, &server, 1, f.trust.store);
  resolver_share(other.resolver, f.resolver);
  struct lookup_answer *a = expect(&f, "site.test", 443, LOOKUP_ECH);
  pthread_t thread;
  cr_assert_eq(pthread_create(&thread, NULL, look_and_free, &other), 0);
  pthread_join(thread, NULL);
  cr_assert_eq(other.answer, a, "it was asked for again");
  lookup_answer_unref(other.answer);
  lookup_answer_unref(a);
  test_worker_free(other.worker);
  lookup_answer_unref(expect(&f, "site.test", 443, LOOKUP_ECH));
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(lookup, asks_the_next_server_when_one_is_gone) {
  struct fixture f;
  fixture_init(&f, (const char *[]){"site.test. 0 IN HTTPS 1 . ech=$ECH",
                                    "site.test. 0 IN A 192.0.2.1", NULL});
  struct dns_server servers[] = {
      test_server_at(NULL, loopback_free_port()),
      test_server_at("resolver.test", unbound_port(f.unbound))};
  resolver_free(f.resolver);
  f.resolver = resolver_new(f.worker, servers, 2, f.trust.store);
  for (int i = 0; i < 2; i++) {
    lookup_answer_unref(expect(&f, "site.test", 443, LOOKUP_ECH));
  }
  fixture_cleanup(&f);
}

Test(lookup, believes_no_server_that_it_cannot_verify) {
  struct fixture f;
  fixture_init(&f,
               (const char *[]){"site.test. 0 IN HTTPS 1 . ech=$ECH", NULL});
  struct test_trust other;
  test_trust_init(&other, "IP:127.0.0.1");
  const struct {
    const char *host;
    X509_STORE *store;
  } cases[] = {{NULL, other.store},
               {"resolver.test", other.store},
               {"other.test", f.trust.store}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct dns_server server =
        test_server_at(cases[i].host, unbound_port(f.unbound));
    resolver_free(f.resolver);
    f.resolver = resolver_new(f.worker, &server, 1, cases[i].store);
    struct lookup_answer *a = expect(&f, "site.test", 443, LOOKUP_FAILED);
    cr_assert_str_eq(a->detail, channel_status_str(CHANNEL_UNTRUSTED));
    lookup_answer_unref(a);
  }
  test_trust_cleanup(&other);
  fixture_cleanup(&f);
}

Test(lookup, tells_how_its_servers_do) {
  struct fixture f;
  struct resolver_report report;
  struct resolver_health *health = resolver_health_new();
  fixture_init(&f, (const char *[]){"site.test. 0 IN A 192.0.2.1", NULL});
  resolver_use_health(f.resolver, health);
  lookup_answer_unref(expect(&f, "localhost", 443, LOOKUP_LOCAL));
  resolver_health_read(health, &report);
  cr_assert_eq(report.state, RESOLVER_UNUSED, "nobody was asked");
  lookup_answer_unref(expect(&f, "none.test", 443, LOOKUP_NXDOMAIN));
  resolver_health_read(health, &report);
  cr_assert_eq(report.state, RESOLVER_OK, "that is an answer");

  struct dns_server gone = test_server_at(NULL, loopback_free_port());
  resolver_free(f.resolver);
  f.resolver = resolver_new(f.worker, &gone, 1, f.trust.store);
  resolver_use_health(f.resolver, health);
  lookup_answer_unref(expect(&f, "site.test", 443, LOOKUP_FAILED));
  lookup_answer_unref(expect(&f, "other.test", 443, LOOKUP_FAILED));
  resolver_health_read(health, &report);
  cr_assert_eq(report.state, RESOLVER_FAILING);
  cr_assert_str_eq(report.last_error, channel_status_str(CHANNEL_UNREACHABLE));
  fixture_cleanup(&f);
  resolver_health_free(health);
}

// The server is one that nobody listens at: any question to it would fail.
Test(lookup, answers_special_names_without_asking) {
  struct test_trust trust;
  test_trust_init(&trust, "IP:127.0.0.1");
  struct worker *worker = test_worker_new();
  struct dns_server server = test_server_at(NULL, loopback_free_port());
  struct resolver *resolver = resolver_new(worker, &server, 1, trust.store);
  static const struct {
    const char *host;
    enum lookup_status status;
    const char *address;
  } kCases[] = {
      {"192.0.2.7", LOOKUP_LOCAL, "192.0.2.7:99"},
      {"2001:db8::7", LOOKUP_LOCAL, "[2001:db8::7]:99"},
      {"localhost", LOOKUP_LOCAL, "127.0.0.1:99"},
      {"LocalHost.", LOOKUP_LOCAL, "127.0.0.1:99"},
      {"a.localhost", LOOKUP_LOCAL, "127.0.0.1:99"},
      {"x.onion", LOOKUP_FORBIDDEN, NULL},
      {"x.onion.", LOOKUP_FORBIDDEN, NULL},
      {"x.invalid", LOOKUP_NXDOMAIN, NULL},
      {"ech.internal", LOOKUP_NXDOMAIN, NULL},
      {"", LOOKUP_FORBIDDEN, NULL},
      {".", LOOKUP_FORBIDDEN, NULL},
      {"a..test", LOOKUP_FORBIDDEN, NULL},
      {".a.test", LOOKUP_FORBIDDEN, NULL},
      {"a.test..", LOOKUP_FORBIDDEN, NULL},
      {"a b.test", LOOKUP_FORBIDDEN, NULL},
      {"a\xc3\xa9.test", LOOKUP_FORBIDDEN, NULL},
      {"127.1", LOOKUP_FORBIDDEN, NULL},
      {"0x7f.0.0.0x1", LOOKUP_FORBIDDEN, NULL},
      {"xlocalhost.test", LOOKUP_FAILED, NULL},  // not special: was asked for
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct lookup_answer *a = look(worker, resolver, kCases[i].host, 99);
    cr_assert_eq(a->status, kCases[i].status, "%s: %s (%s)", kCases[i].host,
                 lookup_status_str(a->status), a->detail);
    if (kCases[i].address != NULL) {
      cr_assert_str_eq(text_of(&a->addresses[0]), kCases[i].address);
    }
    lookup_answer_unref(a);
  }
  resolver_free(resolver);
  test_worker_free(worker);
  test_trust_cleanup(&trust);
}

// Finds a single label in /etc/hosts, which the system's resolver reads first.
static bool find_system_name(char out_name[64], char out_ip[64]) {
  FILE *file = fopen("/etc/hosts", "r");
  bool found = false;
  char line[512];
  while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
    found = sscanf(line, "%63[0-9.] %63[a-z0-9-]", out_ip, out_name) == 2 &&
            strcmp(out_name, "localhost") != 0 &&
            strchr(" \t\n", line[strlen(out_ip) + 1 + strlen(out_name)]);
  }
  if (file != NULL) {
    fclose(file);
  }
  return found;
}

Test(lookup, leaves_single_labels_to_the_system) {
  char name[64], ip[64], expected[80];
  if (!find_system_name(name, ip)) {
    cr_skip_test("/etc/hosts has no single label but localhost");
  }
  struct test_trust trust;
  test_trust_init(&trust, "IP:127.0.0.1");
  struct worker *worker = test_worker_new();
  struct dns_server server = test_server_at(NULL, loopback_free_port());
  struct resolver *resolver = resolver_new(worker, &server, 1, trust.store);
  struct lookup_answer *a = look(worker, resolver, name, 99);
  cr_assert_eq(a->status, LOOKUP_LOCAL, "%s", a->detail);
  snprintf(expected, sizeof(expected), "%s:99", ip);
  cr_assert_str_eq(text_of(&a->addresses[0]), expected);
  lookup_answer_unref(a);
  resolver_free(resolver);
  test_worker_free(worker);
  test_trust_cleanup(&trust);
}
