#include "proxy/site_lookup.h"

#include <criterion/criterion.h>
#include <string.h>
#include <uv.h>

#include "net/worker.h"
#include "net/xalloc.h"
#include "support/leaks.h"

TestSuite(site_lookup, .timeout = 20);

// A resolver that knows what the test tells it, in the place of ech/lookup.c.

struct known {
  const char *host;
  enum lookup_status status;
  const char *ip;           // of the host; NULL: none
  const char *ech;          // one endpoint with this list; NULL: none
  const char *endpoint_ip;  // one without ECH at this address; NULL: none
};

struct lookup {
  const struct known *known;
  uint16_t port;
  struct task task;
  lookup_cb *done;
  void *owner;
};

static struct {
  struct worker *worker;
  const struct known *known;  // ends with a NULL host
  char asked[256];            // " host:port" of each lookup
  int num_open;
  const char *cached;  // the names that are; NULL: none
} fake;

static struct lookup_answer *fake_answer(const struct known *k, uint16_t port) {
  struct address own, other;
  size_t num_own = k->ip != NULL && address_from_ip(&own, k->ip, port) ? 1 : 0;
  struct endpoint endpoint = {.priority = 1,
                              .target = "target.test",
                              .ech = (const uint8_t *)k->ech,
                              .ech_len = k->ech == NULL ? 0 : strlen(k->ech),
                              .addresses = &own,
                              .num_addresses = num_own};
  if (k->endpoint_ip != NULL) {
    cr_assert(address_from_ip(&other, k->endpoint_ip, 8443));
    endpoint.addresses = &other;
    endpoint.num_addresses = 1;
  }
  return lookup_answer_new(k->status, "as DNS says", 60, &endpoint,
                           k->ech != NULL || k->endpoint_ip != NULL ? 1 : 0,
                           &own, num_own);
}

static void fake_on_lookup(void *owner) {
  struct lookup l = *(struct lookup *)owner;
  free(owner);
  fake.num_open--;
  l.done(l.owner, fake_answer(l.known, l.port));
}

struct lookup *lookup_start(struct resolver *resolver, const char *host,
                            uint16_t port, lookup_cb *done, void *owner) {
  (void)resolver;
  struct lookup *l = xcalloc(1, sizeof(*l));
  for (l->known = fake.known; strcmp(l->known->host, host) != 0; l->known++) {
    cr_assert_not_null(l->known[1].host, "asked for %s", host);
  }
  size_t used = strlen(fake.asked);
  snprintf(fake.asked + used, sizeof(fake.asked) - used, " %s:%u", host,
           (unsigned)port);
  l->port = port;
  l->done = done;
  l->owner = owner;
  fake.num_open++;
  worker_defer(fake.worker, &l->task, fake_on_lookup, l);
  return l;
}

bool lookup_is_cached(const struct lookup *l) {
  return fake.cached != NULL && strstr(fake.cached, l->known->host) != NULL;
}

void lookup_cancel(struct lookup *l) {
  if (l != NULL) {
    worker_undefer(fake.worker, &l->task);
    fake.num_open--;
    free(l);
  }
}

// What the site lookup came to.
struct outcome {
  int num_calls;
  struct lookup_answer *answer;
  struct site_rule rule;
};

static void on_done(void *owner, struct lookup_answer *answer,
                    const struct site_rule *rule) {
  struct outcome *o = owner;
  o->num_calls++;
  o->answer = answer;
  o->rule = *rule;
}

static struct site_section *add(struct site_rules *rules, const char *text) {
  struct site_pattern pattern;
  const char *why;
  cr_assert(site_pattern_parse(&pattern, text, &why), "%s", text);
  return site_rules_add(rules, &pattern);
}

// The rules that a case has, as far as they are not NULL.
struct rule_text {
  const char *pattern;
  const char *ech;
  const char *ech_from;
  const char *address;
  const char *mode;
};

static struct site_rules *make_rules(const struct rule_text *texts,
                                     size_t num) {
  struct site_rules *rules = site_rules_new();
  for (size_t i = 0; i < num && texts[i].pattern != NULL; i++) {
    struct site_section *s = add(rules, texts[i].pattern);
    if (texts[i].ech != NULL) {
      s->ech_len = strlen(texts[i].ech);
      s->ech = xmemdup(texts[i].ech, s->ech_len);
    }
    s->ech_from = xstrdup(texts[i].ech_from);
    s->sets[SITE_ECH] = s->ech != NULL || s->ech_from != NULL;
    if (texts[i].address != NULL) {
      cr_assert(address_from_ip(&s->addresses[0], texts[i].address, 0));
      s->num_addresses = 1;
      s->sets[SITE_ADDRESS] = true;
    }
    s->sets[SITE_MODE] = texts[i].mode != NULL;
    s->mode = MODE_PASS;
  }
  return rules;
}

static const struct known kDns[] = {
    {"ech.test", LOOKUP_ECH, "192.0.2.1", "own", NULL},
    {"far.test", LOOKUP_ECH, "192.0.2.1", "own", "198.51.100.9"},
    {"records.test", LOOKUP_NO_ECH, "192.0.2.1", NULL, "198.51.100.9"},
    {"plain.test", LOOKUP_NO_RECORD, "192.0.2.1", NULL, NULL},
    {"empty.test", LOOKUP_NO_RECORD, NULL, NULL, NULL},
    {"none.test", LOOKUP_NXDOMAIN, NULL, NULL, NULL},
    {"broken.test", LOOKUP_FAILED, NULL, NULL, NULL},
    {"x.onion", LOOKUP_FORBIDDEN, NULL, NULL, NULL},
    {"nas.local", LOOKUP_LOCAL, "192.0.2.1", NULL, NULL},
    {"192.0.2.1", LOOKUP_LOCAL, "192.0.2.1", NULL, NULL},
    {"lender.test", LOOKUP_ECH, "203.0.113.1", "lent", NULL},
    {NULL, LOOKUP_FAILED, NULL, NULL, NULL},
};

static void bed_open(void) {
  memset(&fake, 0, sizeof(fake));
  fake.worker = worker_new();
  fake.known = kDns;
}

static void bed_close(void) {
  cr_assert_eq(fake.num_open, 0, "a lookup was left behind");
  worker_run(fake.worker);
  cr_assert_eq(worker_free(fake.worker), 0);
}

static struct outcome look_up(const struct site_rules *rules,
                              const char *host) {
  struct outcome o = {.num_calls = 0};
  fake.asked[0] = '\0';
  site_lookup_start(NULL, rules, host, 443, on_done, &o);
  cr_assert_eq(o.num_calls, 0, "never before it returns");
  for (int i = 0; i < 10; i++) {
    uv_run(worker_loop(fake.worker), UV_RUN_NOWAIT);
  }
  cr_assert_eq(o.num_calls, 1, "%s", host);
  return o;
}

// Everything of an answer that a connection depends on.
static void describe(char out[256], const struct lookup_answer *a) {
  char text[kAddressTextSize];
  size_t used = 0;
  out[0] = '\0';
  for (size_t i = 0; i < a->num_endpoints; i++) {
    const struct endpoint *e = &a->endpoints[i];
    used += (size_t)snprintf(out + used, 256 - used, "[%.*s", (int)e->ech_len,
                             e->ech == NULL ? "" : (const char *)e->ech);
    for (size_t k = 0; k < e->num_addresses; k++) {
      used += (size_t)snprintf(out + used, 256 - used, " %s",
                               address_format(text, &e->addresses[k]));
    }
    used += (size_t)snprintf(out + used, 256 - used, "] ");
  }
  for (size_t k = 0; k < a->num_addresses; k++) {
    used += (size_t)snprintf(out + used, 256 - used, "%s ",
                             address_format(text, &a->addresses[k]));
  }
  cr_assert_lt(used, 256);
}

Test(site_lookup, applies_what_the_rules_say) {
  static const struct {
    struct rule_text rules[3];
    const char *host;
    enum lookup_status status;
    const char *reached;
    const char *asked;
  } kCases[] = {
      // No rule: as DNS says.
      {{{"other.test", "fix", NULL, NULL, NULL}},
       "ech.test",
       LOOKUP_ECH,
       "[own 192.0.2.1:443] 192.0.2.1:443 ",
       " ech.test:443"},
      // A fixed list goes before all that DNS says of ECH.
      {{{"ech.test", "fix", NULL, NULL, NULL}},
       "ech.test",
       LOOKUP_ECH,
       "[fix 192.0.2.1:443] 192.0.2.1:443 ",
       " ech.test:443"},
      {{{"far.test", "fix", NULL, NULL, NULL}},
       "far.test",
       LOOKUP_ECH,
       "[fix 198.51.100.9:8443] 192.0.2.1:443 ",
       " far.test:443"},
      {{{"records.test", "fix", NULL, NULL, NULL}},
       "records.test",
       LOOKUP_ECH,
       "[fix 198.51.100.9:8443] 192.0.2.1:443 ",
       " records.test:443"},
      {{{"plain.test", "fix", NULL, NULL, NULL}},
       "plain.test",
       LOOKUP_ECH,
       "[fix 192.0.2.1:443] 192.0.2.1:443 ",
       " plain.test:443"},
      {{{"empty.test", "fix", NULL, NULL, NULL}},
       "empty.test",
       LOOKUP_ECH,
       "[fix] ",
       " empty.test:443"},
      {{{"nas.local", "fix", NULL, NULL, NULL}},
       "nas.local",
       LOOKUP_ECH,
       "[fix 192.0.2.1:443] 192.0.2.1:443 ",
       " nas.local:443"},
      // Nowhere to connect to, so it stays as it is.
      {{{"none.test", "fix", NULL, NULL, NULL}},
       "none.test",
       LOOKUP_NXDOMAIN,
       "",
       " none.test:443"},
      {{{"broken.test", "fix", NULL, NULL, NULL}},
       "broken.test",
       LOOKUP_FAILED,
       "",
       " broken.test:443"},
      {{{"x.onion", "fix", NULL, "192.0.2.7", NULL}},
       "x.onion",
       LOOKUP_FORBIDDEN,
       "",
       " x.onion:443"},
      // With an address it is private whatever DNS says.
      {{{"none.test", "fix", NULL, "192.0.2.7", NULL}},
       "none.test",
       LOOKUP_ECH,
       "[fix 192.0.2.7:443] 192.0.2.7:443 ",
       " none.test:443"},
      {{{"broken.test", "fix", NULL, "192.0.2.7", NULL}},
       "broken.test",
       LOOKUP_ECH,
       "[fix 192.0.2.7:443] 192.0.2.7:443 ",
       " broken.test:443"},
      // An address alone says nothing of ECH.
      {{{"ech.test", NULL, NULL, "192.0.2.7", NULL}},
       "ech.test",
       LOOKUP_ECH,
       "[own 192.0.2.7:443] 192.0.2.7:443 ",
       " ech.test:443"},
      {{{"far.test", NULL, NULL, "2001:db8::7", NULL}},
       "far.test",
       LOOKUP_ECH,
       "[own [2001:db8::7]:443] [2001:db8::7]:443 ",
       " far.test:443"},
      {{{"records.test", NULL, NULL, "192.0.2.7", NULL}},
       "records.test",
       LOOKUP_NO_ECH,
       "[ 192.0.2.7:443] 192.0.2.7:443 ",
       " records.test:443"},
      {{{"none.test", NULL, NULL, "192.0.2.7", NULL}},
       "none.test",
       LOOKUP_NO_RECORD,
       "192.0.2.7:443 ",
       " none.test:443"},
      {{{"broken.test", NULL, NULL, "192.0.2.7", NULL}},
       "broken.test",
       LOOKUP_FAILED,
       "192.0.2.7:443 ",
       " broken.test:443"},
      // Another name's list, at the site's own addresses.
      {{{"plain.test", NULL, "lender.test", NULL, NULL}},
       "plain.test",
       LOOKUP_ECH,
       "[lent 192.0.2.1:443] 192.0.2.1:443 ",
       " plain.test:443 lender.test:443"},
      {{{"records.test", NULL, "lender.test", NULL, NULL}},
       "records.test",
       LOOKUP_ECH,
       "[lent 198.51.100.9:8443] 192.0.2.1:443 ",
       " records.test:443 lender.test:443"},
      {{{"broken.test", NULL, "lender.test", "192.0.2.7", NULL}},
       "broken.test",
       LOOKUP_ECH,
       "[lent 192.0.2.7:443] 192.0.2.7:443 ",
       " broken.test:443 lender.test:443"},
      {{{"broken.test", NULL, "lender.test", NULL, NULL}},
       "broken.test",
       LOOKUP_FAILED,
       "",
       " broken.test:443 lender.test:443"},
      // The site's own goes first.
      {{{"ech.test", NULL, "lender.test", NULL, NULL}},
       "ech.test",
       LOOKUP_ECH,
       "[own 192.0.2.1:443] 192.0.2.1:443 ",
       " ech.test:443 lender.test:443"},
      // Never in the clear because the other name fails.
      {{{"plain.test", NULL, "broken.test", NULL, NULL}},
       "plain.test",
       LOOKUP_FAILED,
       "",
       " plain.test:443 broken.test:443"},
      {{{"plain.test", NULL, "records.test", NULL, NULL}},
       "plain.test",
       LOOKUP_FAILED,
       "",
       " plain.test:443 records.test:443"},
      {{{"plain.test", NULL, "none.test", NULL, NULL}},
       "plain.test",
       LOOKUP_FAILED,
       "",
       " plain.test:443 none.test:443"},
      {{{"plain.test", NULL, "plain.test", NULL, NULL}},
       "plain.test",
       LOOKUP_FAILED,
       "",
       " plain.test:443 plain.test:443"},
      // By range, after the addresses are known.
      {{{"192.0.2.0/24", NULL, "lender.test", NULL, NULL}},
       "plain.test",
       LOOKUP_ECH,
       "[lent 192.0.2.1:443] 192.0.2.1:443 ",
       " plain.test:443 lender.test:443"},
      {{{"198.51.100.0/24", NULL, "lender.test", NULL, NULL}},
       "records.test",
       LOOKUP_ECH,
       "[lent 198.51.100.9:8443] 192.0.2.1:443 ",
       " records.test:443 lender.test:443"},
      {{{"198.51.100.0/24", NULL, "lender.test", NULL, NULL}},
       "plain.test",
       LOOKUP_NO_RECORD,
       "192.0.2.1:443 ",
       " plain.test:443"},
      {{{"192.0.2.0/24", NULL, "lender.test", NULL, NULL}},
       "ech.test",
       LOOKUP_ECH,
       "[own 192.0.2.1:443] 192.0.2.1:443 ",
       " ech.test:443"},
      {{{"192.0.2.0/24", NULL, "broken.test", NULL, NULL}},
       "plain.test",
       LOOKUP_FAILED,
       "",
       " plain.test:443 broken.test:443"},
      {{{"192.0.2.0/24", NULL, "broken.test", NULL, NULL},
        {"192.0.2.1/32", NULL, "lender.test", NULL, NULL}},
       "plain.test",
       LOOKUP_ECH,
       "[lent 192.0.2.1:443] 192.0.2.1:443 ",
       " plain.test:443 lender.test:443"},
      {{{"192.0.2.0/24", NULL, "broken.test", NULL, NULL},
        {"*.test", "fix", NULL, NULL, NULL}},
       "plain.test",
       LOOKUP_ECH,
       "[fix 192.0.2.1:443] 192.0.2.1:443 ",
       " plain.test:443"},
      // There is no name to hide, or the user does not want to hide it.
      {{{"*", "fix", NULL, NULL, NULL}},
       "192.0.2.1",
       LOOKUP_LOCAL,
       "192.0.2.1:443 ",
       " 192.0.2.1:443"},
      {{{"192.0.2.0/24", NULL, "lender.test", NULL, NULL}},
       "192.0.2.1",
       LOOKUP_LOCAL,
       "192.0.2.1:443 ",
       " 192.0.2.1:443"},
      {{{"plain.test", NULL, NULL, NULL, "pass"},
        {"*", NULL, "lender.test", NULL, NULL}},
       "plain.test",
       LOOKUP_NO_RECORD,
       "192.0.2.1:443 ",
       " plain.test:443"},
      {{{"plain.test", NULL, NULL, NULL, "pass"},
        {"192.0.2.0/24", NULL, "lender.test", NULL, NULL}},
       "plain.test",
       LOOKUP_NO_RECORD,
       "192.0.2.1:443 ",
       " plain.test:443"},
  };
  bed_open();
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    char reached[256];
    struct site_rules *rules = make_rules(kCases[i].rules, 3);
    struct outcome o = look_up(rules, kCases[i].host);
    describe(reached, o.answer);
    cr_expect_eq(o.answer->status, kCases[i].status, "case %zu: %s", i,
                 lookup_status_str(o.answer->status));
    cr_expect_str_eq(reached, kCases[i].reached, "case %zu: %s, not %s", i,
                     reached, kCases[i].reached);
    cr_expect_str_eq(fake.asked, kCases[i].asked, "case %zu: %s", i,
                     fake.asked);
    lookup_answer_unref(o.answer);
    site_rules_free(rules);
  }
  bed_close();
  cr_assert(leaks_none());
}

Test(site_lookup, tells_which_sections_are_in_force) {
  static const struct rule_text kRules[] = {
      {"192.0.2.0/24", NULL, "lender.test", NULL, NULL},
      {"*.test", NULL, NULL, "192.0.2.9", NULL},
  };
  bed_open();
  struct site_rules *rules = make_rules(kRules, 2);
  struct outcome o = look_up(rules, "plain.test");
  cr_assert_not_null(o.rule.from[SITE_ECH]);
  cr_expect_str_eq(o.rule.from[SITE_ECH]->pattern.text, "192.0.2.0/24");
  cr_expect_str_eq(o.rule.from[SITE_ADDRESS]->pattern.text, "*.test");
  lookup_answer_unref(o.answer);
  site_rules_free(rules);
  bed_close();
}

Test(site_lookup, works_without_any_rules) {
  bed_open();
  struct outcome o = look_up(NULL, "plain.test");
  cr_expect_eq(o.answer->status, LOOKUP_NO_RECORD);
  lookup_answer_unref(o.answer);
  bed_close();
  cr_assert(leaks_none());
}

Test(site_lookup, tells_whether_all_that_it_asks_for_was_cached) {
  static const struct rule_text kRules[] = {
      {"plain.test", NULL, "lender.test", NULL, NULL},
  };
  static const char *const kCached[] = {"", "plain.test", "lender.test",
                                        "plain.test lender.test"};
  bed_open();
  for (int i = 0; i < 4; i++) {
    struct outcome o = {.num_calls = 0};
    struct site_rules *rules = make_rules(kRules, 1);
    fake.cached = kCached[i];
    struct site_lookup *l =
        site_lookup_start(NULL, rules, "plain.test", 443, on_done, &o);
    cr_expect_eq(site_lookup_is_cached(l), i == 3);
    site_lookup_cancel(l);
    site_rules_free(rules);
  }
  bed_close();
}

Test(site_lookup, can_be_cancelled_at_any_time) {
  static const struct rule_text kRules[] = {
      {"plain.test", NULL, "lender.test", NULL, NULL},
      {"192.0.2.0/24", NULL, "lender.test", NULL, NULL},
  };
  bed_open();
  for (int i = 0; i < 8; i++) {
    struct outcome o = {.num_calls = 0};
    struct site_rules *rules = make_rules(kRules, 2);
    struct site_lookup *l = site_lookup_start(
        NULL, rules, i % 2 == 0 ? "plain.test" : "nas.local", 443, on_done, &o);
    for (int turn = 0; turn < i / 2; turn++) {
      uv_run(worker_loop(fake.worker), UV_RUN_NOWAIT);
    }
    if (o.num_calls == 0) {
      site_lookup_cancel(l);
      cr_expect_eq(fake.num_open, 0);
      uv_run(worker_loop(fake.worker), UV_RUN_NOWAIT);
      cr_expect_eq(o.num_calls, 0);
    }
    lookup_answer_unref(o.answer);
    site_rules_free(rules);
  }
  site_lookup_cancel(NULL);
  bed_close();
  cr_assert(leaks_none());
}
