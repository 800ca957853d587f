// Resolvers that are slow, silent or wrong, and what a lookup makes of them.

#include "ech/resolution.h"

#include "ech/lookup.h"
#include "ech/scripted_server.h"

TestSuite(resolution, .timeout = 30);

enum { kCname = 5, kNever = 1000 };

// A record of a scripted zone. A type of kNever + t leaves questions for type t
// without an answer.
struct record {
  const char *name;
  int type;
  const char *rdata;  // of a CNAME, a name
  size_t rdata_len;
};

#define RDATA(literal) literal, sizeof(literal) - 1

struct zone {
  const struct record *records;
  size_t num_records;
  uint8_t rcode;
  size_t num_asked;
};

static void put_u16(struct bytes *out, unsigned v) {
  bytes_append(out, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static void put_name(struct bytes *out, const char *name) {
  while (*name != '\0') {
    uint8_t len = (uint8_t)strcspn(name, ".");
    bytes_append(out, &len, 1);
    bytes_append(out, name, len);
    name += len + (name[len] == '.');
  }
  bytes_append(out, "", 1);
}

// TTLs of the records, for the test's own process.
static unsigned address_ttl = 300;
static unsigned https_ttl = 300;

static void put_record(struct bytes *out, const struct record *r) {
  bool is_address = r->type == DNS_A || r->type == DNS_AAAA;
  put_name(out, r->name);
  put_u16(out, (unsigned)r->type);
  put_u16(out, 1);
  put_u16(out, 0);
  put_u16(out, is_address ? address_ttl : https_ttl);
  struct bytes rdata = {0};
  if (r->type == kCname) {
    put_name(&rdata, r->rdata);
  } else {
    bytes_append(&rdata, r->rdata, r->rdata_len);
  }
  put_u16(out, (unsigned)rdata.len);
  bytes_append(out, rdata.data, rdata.len);
  free(rdata.data);
}

// Reads the question's name as text and returns its type; the question ends at
// `*out_end`.
static int read_question(const struct bytes *query, char *name,
                         size_t *out_end) {
  size_t at = 12;
  while (query->data[at] != 0) {
    uint8_t len = query->data[at];
    memcpy(name, query->data + at + 1, len);
    name[len] = '.';
    name += len + 1;
    at += len + 1u;
  }
  name[-1] = '\0';
  *out_end = at + 5;
  return query->data[at + 1] << 8 | query->data[at + 2];
}

static bool respond(void *owner, const struct bytes *query, struct bytes *out) {
  struct zone *zone = owner;
  zone->num_asked++;
  char name[256];
  size_t end;
  int type = read_question(query, name, &end);
  struct bytes answers = {0};
  unsigned num = 0;
  for (size_t i = 0; i < zone->num_records; i++) {
    const struct record *r = &zone->records[i];
    if (strcmp(r->name, name) != 0) {
      continue;
    }
    if (r->type == kNever + type) {
      free(answers.data);
      return false;
    }
    if (r->type == type || r->type == kCname) {
      put_record(&answers, r);
      num++;
    }
    if (r->type == kCname) {
      strcpy(name, r->rdata);
    }
  }
  put_u16(out, 0);
  put_u16(out, 0x8180u | zone->rcode);
  put_u16(out, 1);
  put_u16(out, num);
  put_u16(out, 0);
  put_u16(out, 0);
  bytes_append(out, query->data + 12, end - 12);
  if (num > 0) {
    bytes_append(out, answers.data, answers.len);
  }
  free(answers.data);
  return true;
}

struct fixture {
  struct worker *worker;
  struct test_trust trust;
  struct scripted_server servers[2];
  struct resolver *resolver;
};

static const enum deed kAnswer[] = {DO_ANSWER};

// Two servers, each with a zone; without one a server answers with junk.
static void fixture_init(struct fixture *f, struct zone *first,
                         struct zone *second) {
  test_trust_init(&f->trust, "IP:127.0.0.1");
  f->worker = test_worker_new();
  struct zone *zones[] = {first, second};
  struct dns_server at[2];
  for (size_t i = 0; i < 2; i++) {
    scripted_server_open(&f->servers[i], f->worker, f->trust.leaf, "h2",
                         kAnswer, 1);
    f->servers[i].respond = zones[i] == NULL ? NULL : respond;
    f->servers[i].respond_owner = zones[i];
    at[i] = test_server_at(NULL, f->servers[i].port);
  }
  f->resolver = resolver_new(f->worker, at, 2, f->trust.store);
}

static void fixture_cleanup(struct fixture *f) {
  resolver_free(f->resolver);
  scripted_server_close(&f->servers[0]);
  scripted_server_close(&f->servers[1]);
  test_worker_free(f->worker);
  test_trust_cleanup(&f->trust);
}

static void on_answer(void *owner, struct lookup_answer *answer) {
  *(struct lookup_answer **)owner = answer;
}

static struct lookup_answer *look(struct fixture *f, const char *host) {
  struct lookup_answer *answer = NULL;
  lookup_start(f->resolver, host, 443, on_answer, &answer);
  RUN_UNTIL(f->worker, answer != NULL);
  return answer;
}

static void expect(struct fixture *f, const char *host,
                   enum lookup_status status) {
  struct lookup_answer *a = look(f, host);
  cr_assert_eq(a->status, status, "%s (%s)", lookup_status_str(a->status),
               a->detail);
  lookup_answer_unref(a);
}

// Makes the RDATA of "1 TARGET ech=... ipv4hint=192.0.2.9".
static struct bytes https_to(const char *target) {
  char *base64 = test_ech_base64();
  uint8_t list[512];
  int len = EVP_DecodeBlock(list, (uint8_t *)base64, strlen(base64));
  size_t text_len = strlen(base64);
  len -= (base64[text_len - 1] == '=') + (base64[text_len - 2] == '=');
  struct bytes out = {0};
  bytes_append(&out, RDATA("\0\1"));
  put_name(&out, target);
  bytes_append(&out, RDATA("\0\4\0\4\300\0\2\11\0\5"));
  put_u16(&out, (unsigned)len);
  bytes_append(&out, list, (size_t)len);
  free(base64);
  return out;
}

static struct bytes https_with_ech(void) { return https_to(""); }

Test(resolution, follows_cnames_with_one_set_of_questions) {
  struct bytes ech = https_with_ech();
  const struct record records[] = {
      {"site.test", kCname, "cdn.test", 0},
      {"cdn.test", DNS_HTTPS, (char *)ech.data, ech.len},
      {"cdn.test", DNS_A, RDATA("\300\0\2\1")},
  };
  struct zone zone = {records, 3, 0, 0};
  struct fixture f;
  fixture_init(&f, &zone, NULL);
  struct lookup_answer *a = look(&f, "site.test");
  cr_assert_eq(a->status, LOOKUP_ECH);
  cr_assert_str_eq(a->endpoints[0].target, "cdn.test");
  cr_assert_eq(a->endpoints[0].num_addresses, 1);
  cr_assert_eq(a->endpoints[0].addresses[0].ip[3], 1, "the hint was used");
  cr_assert_eq(zone.num_asked, 3);
  lookup_answer_unref(a);
  fixture_cleanup(&f);
  free(ech.data);
}

Test(resolution, turns_from_a_server_that_answers_with_junk) {
  const struct record records[] = {{"site.test", DNS_A, RDATA("\300\0\2\1")},
                                   {"b.test", DNS_A, RDATA("\300\0\2\1")}};
  struct zone zone = {records, 2, 0, 0};
  struct zone refusing = {NULL, 0, 5, 0};
  struct zone *firsts[] = {NULL, &refusing};
  for (size_t i = 0; i < 2; i++) {
    struct fixture f;
    zone.num_asked = 0;
    fixture_init(&f, firsts[i], &zone);
    expect(&f, "site.test", LOOKUP_NO_RECORD);
    size_t asked_in_vain = f.servers[0].num_requests;
    cr_assert_eq(zone.num_asked, 3);
    expect(&f, "b.test", LOOKUP_NO_RECORD);
    cr_assert_eq(f.servers[0].num_requests, asked_in_vain, "asked again");
    fixture_cleanup(&f);
  }
}

Test(resolution, takes_servfail_as_the_answer) {
  const struct record records[] = {{"site.test", DNS_A, RDATA("\300\0\2\1")}};
  struct zone failing = {NULL, 0, 2, 0};
  struct zone zone = {records, 1, 0, 0};
  struct fixture f;
  fixture_init(&f, &failing, &zone);
  struct lookup_answer *a = look(&f, "site.test");
  cr_assert_eq(a->status, LOOKUP_FAILED);
  cr_assert_str_eq(a->detail, dns_status_str(DNS_SERVFAIL));
  cr_assert_eq(zone.num_asked, 0);
  lookup_answer_unref(a);
  fixture_cleanup(&f);
}

Test(resolution, fails_when_all_servers_answer_with_junk) {
  struct fixture f;
  fixture_init(&f, NULL, NULL);
  expect(&f, "site.test", LOOKUP_FAILED);
  fixture_cleanup(&f);
}

Test(resolution, does_not_wait_long_for_addresses_that_it_can_do_without) {
  struct bytes ech = https_with_ech();
  const struct record records[] = {
      {"site.test", DNS_HTTPS, (char *)ech.data, ech.len},
      {"site.test", kNever + DNS_A, "", 0},
      {"site.test", kNever + DNS_AAAA, "", 0},
  };
  struct zone zone = {records, 3, 0, 0};
  struct fixture f;
  fixture_init(&f, &zone, &zone);
  uint64_t start = uv_hrtime();
  struct lookup_answer *a = look(&f, "site.test");
  cr_assert_lt((uv_hrtime() - start) / 1000000, 2000);
  cr_assert_eq(a->status, LOOKUP_ECH);
  cr_assert_eq(a->endpoints[0].num_addresses, 1);
  cr_assert_eq(a->endpoints[0].addresses[0].ip[3], 9, "the hint");
  cr_assert_eq(a->endpoints[0].addresses[0].port, 443);
  cr_assert_eq(a->num_addresses, 0);
  cr_assert_leq(a->ttl, 30);
  lookup_answer_unref(a);
  fixture_cleanup(&f);
  free(ech.data);
}

// The promise: addresses without an answer about ECH are worth nothing.
Test(resolution, fails_in_time_without_an_answer_about_ech) {
  const struct record records[] = {
      {"site.test", DNS_A, RDATA("\300\0\2\1")},
      {"site.test", kNever + DNS_HTTPS, "", 0},
  };
  struct zone zone = {records, 2, 0, 0};
  struct fixture f;
  fixture_init(&f, &zone, &zone);
  uint64_t start = uv_hrtime();
  struct lookup_answer *a = look(&f, "site.test");
  cr_assert_leq((uv_hrtime() - start) / 1000000, kLookupTimeoutMs + 200);
  cr_assert_eq(a->status, LOOKUP_FAILED);
  cr_assert_eq(a->num_addresses, 0);
  lookup_answer_unref(a);
  fixture_cleanup(&f);
}

// The addresses of a name change sooner than its ECH configuration, and each
// time it is looked up anew. The promise holds for the record's own TTL.
Test(resolution, lets_no_later_answer_take_ech_away) {
  struct bytes ech = https_with_ech();
  const struct record records[] = {
      {"site.test", DNS_HTTPS, (char *)ech.data, ech.len},
      {"site.test", DNS_A, RDATA("\300\0\2\1")},
  };
  const struct record malformed[] = {{"site.test", DNS_HTTPS, RDATA("\0")}};
  const struct zone laters[] = {
      {&records[1], 1, 0, 0},  // no HTTPS record
      {NULL, 0, 3, 0},         // NXDOMAIN
      {NULL, 0, 2, 0},         // SERVFAIL
      {NULL, 0, 5, 0},         // REFUSED
      {malformed, 1, 0, 0},
  };
  address_ttl = 0;
  for (size_t i = 0; i < sizeof(laters) / sizeof(laters[0]); i++) {
    struct zone zone = {records, 2, 0, 0};
    struct fixture f;
    fixture_init(&f, &zone, &zone);
    expect(&f, "site.test", LOOKUP_ECH);
    zone = laters[i];
    expect(&f, "site.test", LOOKUP_ECH);
    cr_assert_gt(zone.num_asked, 0, "case %zu was not asked", i);
    fixture_cleanup(&f);
  }
  free(ech.data);
}

static void wait_until(struct fixture *f, uint64_t at_ms) {
  uv_update_time(worker_loop(f->worker));
  while (uv_now(worker_loop(f->worker)) < at_ms) {
    uv_run(worker_loop(f->worker), UV_RUN_NOWAIT);
  }
}

Test(resolution, refreshes_what_is_in_use_before_its_end) {
  struct bytes ech = https_with_ech();
  const struct record records[] = {
      {"site.test", DNS_HTTPS, (char *)ech.data, ech.len},
      {"site.test", DNS_A, RDATA("\300\0\2\1")},
      {"site.test", DNS_AAAA, RDATA("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1")},
  };
  struct zone zone = {records, 3, 0, 0};
  struct fixture f;
  address_ttl = https_ttl = 1;
  fixture_init(&f, &zone, &zone);
  struct lookup_answer *first = look(&f, "site.test");
  uint64_t start = uv_now(worker_loop(f.worker));
  cr_assert_eq(zone.num_asked, 3);
  struct lookup_answer *again = look(&f, "site.test");
  cr_assert_eq(again, first);
  cr_assert_eq(zone.num_asked, 3, "too early");
  lookup_answer_unref(again);
  // The resolver fails at first: the old answer stays.
  zone.rcode = 2;
  zone.num_records = 0;
  wait_until(&f, start + 820);
  again = look(&f, "site.test");
  cr_assert_eq(again, first, "it waited for the refresh");
  lookup_answer_unref(again);
  RUN_UNTIL(f.worker, zone.num_asked == 6);
  wait_until(&f, uv_now(worker_loop(f.worker)) + 20);
  again = look(&f, "site.test");
  cr_assert_eq(again, first, "the failure took its place");
  cr_assert_eq(zone.num_asked, 6, "asked again at once");
  lookup_answer_unref(again);
  lookup_answer_unref(first);
  fixture_cleanup(&f);
  free(ech.data);
}

Test(resolution, asks_for_no_name_that_is_not_for_public_dns) {
  static const char *const kTargets[] = {"a.onion", "printer", "b.local",
                                         "files.corp.test", "corp.test"};
  for (size_t i = 0; i < sizeof(kTargets) / sizeof(kTargets[0]); i++) {
    struct bytes ech = https_to(kTargets[i]);
    const struct record records[] = {
        {"site.test", DNS_HTTPS, (char *)ech.data, ech.len},
        {"site.test", DNS_A, RDATA("\300\0\2\1")},
    };
    struct zone zone = {records, 2, 0, 0};
    struct fixture f;
    fixture_init(&f, &zone, &zone);
    cr_assert(resolver_use_system_for(f.resolver, "*.Corp.test"));
    struct lookup_answer *a = look(&f, "site.test");
    cr_assert_eq(a->status, LOOKUP_ECH);
    cr_assert_str_eq(a->endpoints[0].target, kTargets[i]);
    cr_assert_eq(a->endpoints[0].addresses[0].ip[3], 9, "the hint");
    cr_assert_eq(zone.num_asked, 3, "%s was asked for", kTargets[i]);
    lookup_answer_unref(a);
    fixture_cleanup(&f);
    free(ech.data);
  }
}

Test(resolution, leaves_the_users_domains_to_the_system) {
  struct zone zone = {NULL, 0, 0, 0};
  struct fixture f;
  fixture_init(&f, &zone, &zone);
  cr_assert(resolver_use_system_for(f.resolver, "corp.test"));
  cr_assert_not(resolver_use_system_for(f.resolver, "a b"));
  static const char *const kHosts[] = {"corp.test", "a.CORP.test.",
                                       "x.y.corp.test"};
  for (size_t i = 0; i < 3; i++) {
    struct lookup_answer *a = look(&f, kHosts[i]);
    cr_assert_neq(a->status, LOOKUP_NO_RECORD);
    lookup_answer_unref(a);
  }
  cr_assert_eq(zone.num_asked, 0);
  cr_assert_eq(f.servers[0].num_connections, 0);
  expect(&f, "xcorp.test", LOOKUP_NO_RECORD);
  cr_assert_eq(zone.num_asked, 3);
  fixture_cleanup(&f);
}
