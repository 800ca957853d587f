#include "ech/dns_channel.h"

#include "ech/scripted_server.h"
#include "support/leaks.h"
#include "support/loopback.h"

TestSuite(dns_channel, .timeout = 30);

#define DEEDS(...)                  \
  (const enum deed[]){__VA_ARGS__}, \
      sizeof((const enum deed[]){__VA_ARGS__}) / sizeof(enum deed)

// A client and a server that does as it is told.
struct fixture {
  struct worker *worker;
  struct test_trust trust;
  struct scripted_server server;
  struct dns_channel *channel;
};

static void fixture_init(struct fixture *f, const enum deed *deeds,
                         size_t num_deeds) {
  test_trust_init(&f->trust, "DNS:resolver.test,IP:127.0.0.1");
  f->worker = test_worker_new();
  scripted_server_open(&f->server, f->worker, f->trust.leaf, "h2", deeds,
                       num_deeds);
  // A server with a name would be asked about its own ECH as well.
  struct dns_server at = test_server_at(NULL, f->server.port);
  f->channel = dns_channel_new(f->worker, &at, f->trust.store);
}

static void fixture_cleanup(struct fixture *f) {
  dns_channel_free(f->channel);
  scripted_server_close(&f->server);
  test_worker_free(f->worker);
  test_trust_cleanup(&f->trust);
}

struct outcome {
  int num;
  enum channel_status status;
  uint8_t message[64];
  size_t len;
  struct dns_channel *to_free;  // by the callback
};

static void on_done(void *owner, enum channel_status status,
                    const uint8_t *message, size_t len) {
  struct outcome *o = owner;
  o->num++;
  o->status = status;
  o->len = len;
  cr_assert_eq(message != NULL, status == CHANNEL_OK);
  cr_assert_leq(len, sizeof(o->message));
  memcpy(o->message, message == NULL ? (const uint8_t *)"" : message, len);
  dns_channel_free(o->to_free);
}

static const uint8_t kQuery[] = {'q', 'u', 'e', 'r', 'y'};

static struct dns_channel_query *ask(struct fixture *f, struct outcome *o,
                                     uint64_t timeout_ms) {
  struct dns_channel_query *q = dns_channel_query_start(
      f->channel, kQuery, sizeof(kQuery), timeout_ms, on_done, o);
  cr_assert_eq(o->num, 0, "called back before it returned");
  return q;
}

static void expect(struct fixture *f, enum channel_status status) {
  struct outcome o = {.num = 0};
  ask(f, &o, 5000);
  RUN_UNTIL(f->worker, o.num > 0);
  cr_assert_eq(o.status, status, "%s", channel_status_str(o.status));
  if (status == CHANNEL_OK) {
    cr_assert_eq(o.len, sizeof(kQuery));
    cr_assert_arr_eq(o.message, "yreuq", 5);
  }
}

Test(dns_channel, posts_nothing_but_the_query) {
  struct fixture f;
  fixture_init(&f, DEEDS(DO_ANSWER));
  expect(&f, CHANNEL_OK);
  char expected[512];
  snprintf(expected, sizeof(expected),
           ":method: POST\n:scheme: https\n:authority: 127.0.0.1:%u\n"
           ":path: /dns-query\naccept: application/dns-message\n"
           "content-type: application/dns-message\ncontent-length: 5\n",
           (unsigned)f.server.port);
  cr_assert_str_eq(f.server.header, expected);
  expect(&f, CHANNEL_OK);
  cr_assert_eq(f.server.num_connections, 1, "the connection was not kept");
  fixture_cleanup(&f);
  cr_assert(leaks_none());
}

Test(dns_channel, takes_no_answer_that_is_not_one) {
  static const struct {
    enum deed deed;
    enum channel_status status;
  } kCases[] = {
      {DO_STATUS_500, CHANNEL_HTTP_ERROR}, {DO_WRONG_TYPE, CHANNEL_NOT_DNS},
      {DO_EMPTY, CHANNEL_NOT_DNS},         {DO_OVERSIZED, CHANNEL_NOT_DNS},
      {DO_TRUNCATED, CHANNEL_BROKEN},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct fixture f;
    fixture_init(&f, DEEDS(kCases[i].deed, DO_ANSWER));
    expect(&f, kCases[i].status);
    expect(&f, CHANNEL_OK);
    cr_assert_eq(f.server.num_requests, 2, "case %zu was sent again", i);
    fixture_cleanup(&f);
  }
  cr_assert(leaks_none());
}

Test(dns_channel, sends_once_more_on_a_new_connection) {
  static const enum deed kCases[] = {DO_RESET, DO_GOAWAY, DO_CLOSE, DO_JUNK};
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct fixture f;
    fixture_init(&f, DEEDS(kCases[i], DO_ANSWER));
    expect(&f, CHANNEL_OK);
    cr_assert_eq(f.server.num_connections, 2, "case %zu", i);
    fixture_cleanup(&f);

    fixture_init(&f, DEEDS(kCases[i]));
    expect(&f, CHANNEL_BROKEN);
    cr_assert_eq(f.server.num_requests, 2, "case %zu", i);
    fixture_cleanup(&f);
  }
  cr_assert(leaks_none());
}

Test(dns_channel, goes_on_after_goaway) {
  struct fixture f;
  fixture_init(&f, DEEDS(DO_ANSWER_GOAWAY));
  expect(&f, CHANNEL_OK);
  expect(&f, CHANNEL_OK);
  cr_assert_eq(f.server.num_connections, 2);
  fixture_cleanup(&f);
}

Test(dns_channel, connects_again_when_the_server_has_hung_up) {
  struct fixture f;
  fixture_init(&f, DEEDS(DO_ANSWER));
  expect(&f, CHANNEL_OK);
  scripted_close(&f.server.connections[0]);
  for (int i = 0; i < 10; i++) {
    uv_run(worker_loop(f.worker), UV_RUN_NOWAIT);
  }
  expect(&f, CHANNEL_OK);
  cr_assert_eq(f.server.num_connections, 2);
  cr_assert_eq(f.server.num_requests, 2);
  fixture_cleanup(&f);
}

Test(dns_channel, tells_a_slow_server_from_a_dead_one) {
  struct fixture f;
  fixture_init(&f, DEEDS(DO_SILENCE, DO_ANSWER, DO_DEAFNESS, DO_ANSWER));
  struct outcome o = {.num = 0};
  ask(&f, &o, 200);
  RUN_UNTIL(f.worker, o.num > 0);
  cr_assert_eq(o.status, CHANNEL_TIMEOUT);
  expect(&f, CHANNEL_OK);
  cr_assert_eq(f.server.num_connections, 1, "a slow server's connection went");

  o = (struct outcome){.num = 0};
  ask(&f, &o, 200);
  RUN_UNTIL(f.worker, o.num > 0);
  cr_assert_eq(o.status, CHANNEL_BROKEN);
  expect(&f, CHANNEL_OK);
  cr_assert_eq(f.server.num_connections, 2, "a dead server's one was kept");
  fixture_cleanup(&f);
}

Test(dns_channel, keeps_to_the_servers_number_of_streams) {
  struct fixture f;
  fixture_init(&f, DEEDS(DO_ANSWER));
  f.server.max_streams = 3;
  expect(&f, CHANNEL_OK);  // the server has said how many
  struct outcome outcomes[40] = {{.num = 0}};
  for (size_t i = 0; i < 40; i++) {
    ask(&f, &outcomes[i], 5000);
  }
  for (size_t i = 0; i < 40; i++) {
    RUN_UNTIL(f.worker, outcomes[i].num > 0);
    cr_assert_eq(outcomes[i].status, CHANNEL_OK);
  }
  cr_assert_leq(f.server.most_open, 3);
  cr_assert_eq(f.server.num_connections, 1);
  fixture_cleanup(&f);
}

Test(dns_channel, bounds_what_waits) {
  struct fixture f;
  fixture_init(&f, DEEDS(DO_ANSWER));
  enum { kNum = 1001 };
  struct outcome *outcomes = calloc(kNum, sizeof(*outcomes));
  for (size_t i = 0; i < kNum; i++) {
    ask(&f, &outcomes[i], 20000);
  }
  for (size_t i = 0; i < kNum; i++) {
    RUN_UNTIL(f.worker, outcomes[i].num > 0);
    cr_assert_eq(outcomes[i].status, i < 1000 ? CHANNEL_OK : CHANNEL_BUSY,
                 "%zu: %s", i, channel_status_str(outcomes[i].status));
  }
  free(outcomes);
  fixture_cleanup(&f);
}

Test(dns_channel, drops_cancelled_queries_at_any_time) {
  // After 0, 1, 2... turns of the loop: before the dial, during the handshake,
  // sent, answered.
  for (int turns = 0; turns < 24; turns++) {
    struct fixture f;
    fixture_init(&f, DEEDS(DO_ANSWER));
    struct outcome dropped = {.num = 0}, kept = {.num = 0};
    struct dns_channel_query *q = ask(&f, &dropped, 5000);
    for (int i = 0; i < turns && dropped.num == 0; i++) {
      uv_run(worker_loop(f.worker), UV_RUN_NOWAIT);
    }
    if (dropped.num == 0) {
      dns_channel_query_cancel(q);
      ask(&f, &kept, 5000);
      RUN_UNTIL(f.worker, kept.num > 0);
      cr_assert_eq(kept.status, CHANNEL_OK);
      cr_assert_eq(dropped.num, 0);
    }
    fixture_cleanup(&f);
  }
  cr_assert(leaks_none());
}

Test(dns_channel, may_be_freed_at_any_time) {
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

Test(dns_channel, may_be_freed_by_a_querys_callback) {
  struct fixture f;
  fixture_init(&f, DEEDS(DO_ANSWER));
  struct outcome o = {.to_free = f.channel}, other = {.num = 0};
  ask(&f, &o, 5000);
  ask(&f, &other, 5000);
  RUN_UNTIL(f.worker, o.num > 0);
  f.channel = NULL;
  fixture_cleanup(&f);
  cr_assert_eq(other.num, 0, "called back after dns_channel_free");
  cr_assert(leaks_none());
}

Test(dns_channel, says_why_it_has_no_connection) {
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
    enum channel_status status;
  } cases[] = {
      {"resolver.test", trust.leaf, "h2", CHANNEL_OK},
      {"other.test", trust.leaf, "h2", CHANNEL_UNTRUSTED},
      {NULL, trust.leaf, "h2", CHANNEL_UNTRUSTED},
      {"resolver.test", stranger, "h2", CHANNEL_UNTRUSTED},
      {"resolver.test", expired, "h2", CHANNEL_UNTRUSTED},
      {"resolver.test", trust.leaf, NULL, CHANNEL_TLS_FAILED},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct fixture f = {.trust = trust, .worker = test_worker_new()};
    scripted_server_open(&f.server, f.worker, cases[i].cert, cases[i].alpn,
                         DEEDS(DO_ANSWER));
    struct dns_server at = test_server_at(cases[i].host, f.server.port);
    f.channel = dns_channel_new(f.worker, &at, trust.store);
    expect(&f, cases[i].status);
    cr_assert_eq(f.server.num_requests > 0, cases[i].status == CHANNEL_OK);
    dns_channel_free(f.channel);
    scripted_server_close(&f.server);
    test_worker_free(f.worker);
  }
  test_cert_free(expired);
  test_cert_free(stranger);
  test_trust_cleanup(&trust);
  cr_assert(leaks_none());
}

Test(dns_channel, says_that_nobody_is_there) {
  struct test_trust trust;
  test_trust_init(&trust, "DNS:resolver.test");
  struct dns_server servers[] = {
      test_server_at("resolver.test", loopback_free_port()),
      test_server_at("resolver.test", 443)};
  servers[1].num_addresses = 0;  // no bootstrap address
  for (size_t i = 0; i < 2; i++) {
    struct fixture f = {.worker = test_worker_new()};
    f.channel = dns_channel_new(f.worker, &servers[i], trust.store);
    expect(&f, CHANNEL_UNREACHABLE);
    dns_channel_free(f.channel);
    test_worker_free(f.worker);
  }
  test_trust_cleanup(&trust);
}
