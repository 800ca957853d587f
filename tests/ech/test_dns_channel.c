#include "ech/doh.h"

#include "ech/scripted_server.h"
#include "support/leaks.h"
#include "support/loopback.h"

TestSuite(doh, .timeout = 30);

#define DEEDS(...)                  \
  (const enum deed[]){__VA_ARGS__}, \
      sizeof((const enum deed[]){__VA_ARGS__}) / sizeof(enum deed)

// A client and a server that does as it is told.
struct fixture {
  struct worker *worker;
  struct test_trust trust;
  struct scripted_server server;
  struct doh *doh;
};

static void fixture_init(struct fixture *f, const enum deed *deeds,
                         size_t num_deeds) {
  test_trust_init(&f->trust, "DNS:resolver.test");
  f->worker = test_worker_new();
  scripted_server_open(&f->server, f->worker, f->trust.leaf, "h2", deeds,
                       num_deeds);
  struct doh_server at = test_server_at("resolver.test", f->server.port);
  f->doh = doh_new(f->worker, &at, f->trust.store);
}

static void fixture_cleanup(struct fixture *f) {
  doh_free(f->doh);
  scripted_server_close(&f->server);
  test_worker_free(f->worker);
  test_trust_cleanup(&f->trust);
}

struct outcome {
  int num;
  enum doh_status status;
  uint8_t message[64];
  size_t len;
  struct doh *to_free;  // by the callback
};

static void on_done(void *owner, enum doh_status status, const uint8_t *message,
                    size_t len) {
  struct outcome *o = owner;
  o->num++;
  o->status = status;
  o->len = len;
  cr_assert_eq(message != NULL, status == DOH_OK);
  cr_assert_leq(len, sizeof(o->message));
  memcpy(o->message, message == NULL ? (const uint8_t *)"" : message, len);
  doh_free(o->to_free);
}

static const uint8_t kQuery[] = {'q', 'u', 'e', 'r', 'y'};

static struct doh_query *ask(struct fixture *f, struct outcome *o,
                             uint64_t timeout_ms) {
  struct doh_query *q =
      doh_query_start(f->doh, kQuery, sizeof(kQuery), timeout_ms, on_done, o);
  cr_assert_eq(o->num, 0, "called back before it returned");
  return q;
}

static void expect(struct fixture *f, enum doh_status status) {
  struct outcome o = {.num = 0};
  ask(f, &o, 5000);
  RUN_UNTIL(f->worker, o.num > 0);
  cr_assert_eq(o.status, status, "%s", doh_status_str(o.status));
  if (status == DOH_OK) {
    cr_assert_eq(o.len, sizeof(kQuery));
    cr_assert_arr_eq(o.message, "yreuq", 5);
  }
}

Test(doh, posts_nothing_but_the_query) {
  struct fixture f;
  fixture_init(&f, DEEDS(DO_ANSWER));
  expect(&f, DOH_OK);
  char expected[512];
  snprintf(expected, sizeof(expected),
           ":method: POST\n:scheme: https\n:authority: resolver.test:%u\n"
           ":path: /dns-query\naccept: application/dns-message\n"
           "content-type: application/dns-message\ncontent-length: 5\n",
           (unsigned)f.server.port);
  cr_assert_str_eq(f.server.header, expected);
  expect(&f, DOH_OK);
  cr_assert_eq(f.server.num_connections, 1, "the connection was not kept");
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(doh, takes_no_answer_that_is_not_one) {
  static const struct {
    enum deed deed;
    enum doh_status status;
  } kCases[] = {
      {DO_STATUS_500, DOH_HTTP_ERROR}, {DO_WRONG_TYPE, DOH_NOT_DNS},
      {DO_EMPTY, DOH_NOT_DNS},         {DO_OVERSIZED, DOH_NOT_DNS},
      {DO_TRUNCATED, DOH_BROKEN},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct fixture f;
    fixture_init(&f, DEEDS(kCases[i].deed, DO_ANSWER));
    expect(&f, kCases[i].status);
    expect(&f, DOH_OK);
    cr_assert_eq(f.server.num_requests, 2, "case %zu was sent again", i);
    fixture_cleanup(&f);
  }
  cr_assert(leaks_none());
}

Test(doh, sends_once_more_on_a_new_connection) {
  static const enum deed kCases[] = {DO_RESET, DO_GOAWAY, DO_CLOSE, DO_JUNK};
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct fixture f;
    fixture_init(&f, DEEDS(kCases[i], DO_ANSWER));
    expect(&f, DOH_OK);
    cr_assert_eq(f.server.num_connections, 2, "case %zu", i);
    fixture_cleanup(&f);

    fixture_init(&f, DEEDS(kCases[i]));
    expect(&f, DOH_BROKEN);
    cr_assert_eq(f.server.num_requests, 2, "case %zu", i);
    fixture_cleanup(&f);
  }
  cr_assert(leaks_none());
}

Test(doh, goes_on_after_goaway) {
  struct fixture f;
  fixture_init(&f, DEEDS(DO_ANSWER_GOAWAY));
  expect(&f, DOH_OK);
  expect(&f, DOH_OK);
  cr_assert_eq(f.server.num_connections, 2);
  fixture_cleanup(&f);
}

Test(doh, connects_again_when_the_server_has_hung_up) {
  struct fixture f;
  fixture_init(&f, DEEDS(DO_ANSWER));
  expect(&f, DOH_OK);
  scripted_close(&f.server.connections[0]);
  for (int i = 0; i < 10; i++) {
    uv_run(worker_loop(f.worker), UV_RUN_NOWAIT);
  }
  expect(&f, DOH_OK);
  cr_assert_eq(f.server.num_connections, 2);
  cr_assert_eq(f.server.num_requests, 2);
  fixture_cleanup(&f);
}

Test(doh, tells_a_slow_server_from_a_dead_one) {
  struct fixture f;
  fixture_init(&f, DEEDS(DO_SILENCE, DO_ANSWER, DO_DEAFNESS, DO_ANSWER));
  struct outcome o = {.num = 0};
  ask(&f, &o, 200);
  RUN_UNTIL(f.worker, o.num > 0);
  cr_assert_eq(o.status, DOH_TIMEOUT);
  expect(&f, DOH_OK);
  cr_assert_eq(f.server.num_connections, 1, "a slow server's connection went");

  o = (struct outcome){.num = 0};
  ask(&f, &o, 200);
  RUN_UNTIL(f.worker, o.num > 0);
  cr_assert_eq(o.status, DOH_BROKEN);
  expect(&f, DOH_OK);
  cr_assert_eq(f.server.num_connections, 2, "a dead server's one was kept");
  fixture_cleanup(&f);
}

Test(doh, keeps_to_the_servers_number_of_streams) {
  struct fixture f;
  fixture_init(&f, DEEDS(DO_ANSWER));
  f.server.max_streams = 3;
  expect(&f, DOH_OK);  // the server has said how many
  struct outcome outcomes[40] = {{.num = 0}};
  for (size_t i = 0; i < 40; i++) {
    ask(&f, &outcomes[i], 5000);
  }
  for (size_t i = 0; i < 40; i++) {
    RUN_UNTIL(f.worker, outcomes[i].num > 0);
    cr_assert_eq(outcomes[i].status, DOH_OK);
  }
  cr_assert_leq(f.server.most_open, 3);
  cr_assert_eq(f.server.num_connections, 1);
  fixture_cleanup(&f);
}

Test(doh, bounds_what_waits) {
  struct fixture f;
  fixture_init(&f, DEEDS(DO_ANSWER));
  enum { kNum = 1001 };
  struct outcome *outcomes = calloc(kNum, sizeof(*outcomes));
  for (size_t i = 0; i < kNum; i++) {
    ask(&f, &outcomes[i], 20000);
  }
  for (size_t i = 0; i < kNum; i++) {
    RUN_UNTIL(f.worker, outcomes[i].num > 0);
    cr_assert_eq(outcomes[i].status, i < 1000 ? DOH_OK : DOH_BUSY, "%zu: %s", i,
                 doh_status_str(outcomes[i].status));
  }
  free(outcomes);
  fixture_cleanup(&f);
}

Test(doh, drops_cancelled_queries_at_any_time) {
  // After 0, 1, 2... turns of the loop: before the dial, during the handshake,
  // sent, answered.
  for (int turns = 0; turns < 24; turns++) {
    struct fixture f;
    fixture_init(&f, DEEDS(DO_ANSWER));
    struct outcome dropped = {.num = 0}, kept = {.num = 0};
    struct doh_query *q = ask(&f, &dropped, 5000);
    for (int i = 0; i < turns && dropped.num == 0; i++) {
      uv_run(worker_loop(f.worker), UV_RUN_NOWAIT);
    }
    if (dropped.num == 0) {
      doh_query_cancel(q);
      ask(&f, &kept, 5000);
      RUN_UNTIL(f.worker, kept.num > 0);
      cr_assert_eq(kept.status, DOH_OK);
      cr_assert_eq(dropped.num, 0);
    }
    fixture_cleanup(&f);
  }
  cr_assert(leaks_none());
}

Test(doh, may_be_freed_at_any_time) {
  for (int turns = 0; turns < 24; turns++) {
    struct fixture f;
    fixture_init(&f, DEEDS(DO_ANSWER));
    struct outcome o[3] = {{.num = 0}};
    for (int i = 0; i < 3; i++) {
      ask(&f, &o[i], 5000);
    }
    for (int i = 0; i < turns; i++) {
      uv_run(worker_loop(f.worker), UV_RUN_NOWAIT);
    }
    fixture_cleanup(&f);
  }
  cr_assert(leaks_none());
}

Test(doh, may_be_freed_by_a_querys_callback) {
  struct fixture f;
  fixture_init(&f, DEEDS(DO_ANSWER));
  struct outcome o = {.to_free = f.doh}, other = {.num = 0};
  ask(&f, &o, 5000);
  ask(&f, &other, 5000);
  RUN_UNTIL(f.worker, o.num > 0);
  f.doh = NULL;
  fixture_cleanup(&f);
  cr_assert_eq(other.num, 0, "called back after doh_free");
  cr_assert(leaks_none());
}

Test(doh, says_why_it_has_no_connection) {
  struct test_trust trust;
  test_trust_init(&trust, "DNS:resolver.test");
  struct test_cert *stranger = test_cert_new(
      &(struct test_cert_spec){.names = "DNS:resolver.test", .is_ca = false});
  struct test_cert *expired = test_cert_new(&(struct test_cert_spec){
      .names = "DNS:resolver.test", .issuer = trust.ca, .is_expired = true});
  const struct {
    const char *host;
    const struct test_cert *cert;
    const char *alpn;
    enum doh_status status;
  } cases[] = {
      {"resolver.test", trust.leaf, "h2", DOH_OK},
      {"other.test", trust.leaf, "h2", DOH_UNTRUSTED},
      {NULL, trust.leaf, "h2", DOH_UNTRUSTED},
      {"resolver.test", stranger, "h2", DOH_UNTRUSTED},
      {"resolver.test", expired, "h2", DOH_UNTRUSTED},
      {"resolver.test", trust.leaf, NULL, DOH_TLS_FAILED},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct fixture f = {.trust = trust, .worker = test_worker_new()};
    scripted_server_open(&f.server, f.worker, cases[i].cert, cases[i].alpn,
                         DEEDS(DO_ANSWER));
    struct doh_server at = test_server_at(cases[i].host, f.server.port);
    f.doh = doh_new(f.worker, &at, trust.store);
    expect(&f, cases[i].status);
    cr_assert_eq(f.server.num_requests, cases[i].status == DOH_OK ? 1 : 0);
    doh_free(f.doh);
    scripted_server_close(&f.server);
    test_worker_free(f.worker);
  }
  test_cert_free(expired);
  test_cert_free(stranger);
  test_trust_cleanup(&trust);
  cr_assert(leaks_none());
}

Test(doh, says_that_nobody_is_there) {
  struct test_trust trust;
  test_trust_init(&trust, "DNS:resolver.test");
  struct doh_server servers[] = {
      test_server_at("resolver.test", loopback_free_port()),
      test_server_at("resolver.test", 443)};
  servers[1].num_addresses = 0;  // no bootstrap address
  for (size_t i = 0; i < 2; i++) {
    struct fixture f = {.worker = test_worker_new()};
    f.doh = doh_new(f.worker, &servers[i], trust.store);
    expect(&f, DOH_UNREACHABLE);
    doh_free(f.doh);
    test_worker_free(f.worker);
  }
  test_trust_cleanup(&trust);
}
