// channel_bed asks a framed_server through a dns_channel.

#ifndef ECHPROXY_TESTS_ECH_CHANNEL_BED_H
#define ECHPROXY_TESTS_ECH_CHANNEL_BED_H

#include "ech/dns_channel.h"
#include "ech/framed_server.h"
#include "support/leaks.h"

struct channel_bed {
  struct worker *worker;
  struct test_trust trust;
  struct framed_server server;
  struct dns_channel *channel;
};

struct channel_outcome {
  int num;
  const char *name;  // asked for
  enum channel_status status;
  enum dns_status answer;  // what it parses as
};

// channel_bed_init starts a server of `scheme`, which has an address and no
// name, unless `host` is given.
static inline void channel_bed_init(struct channel_bed *b,
                                    enum dns_server_scheme scheme,
                                    const char *host,
                                    const enum framed_deed *deeds,
                                    size_t num_deeds) {
  test_trust_init(&b->trust, "DNS:resolver.test,IP:127.0.0.1");
  b->worker = test_worker_new();
  framed_server_open(&b->server, b->worker,
                     scheme == DNS_SERVER_TLS ? b->trust.leaf : NULL, "dot",
                     deeds, num_deeds);
  struct dns_server at = test_server_at(host, b->server.port);
  at.scheme = scheme;
  b->channel = dns_channel_new(b->worker, &at, b->trust.store);
}

static inline void channel_bed_cleanup(struct channel_bed *b) {
  dns_channel_free(b->channel);
  framed_server_close(&b->server);
  test_worker_free(b->worker);
  test_trust_cleanup(&b->trust);
}

static inline void channel_on_done(void *owner, enum channel_status status,
                                   const uint8_t *message, size_t len) {
  struct channel_outcome *o = owner;
  o->num++;
  o->status = status;
  cr_assert_eq(message != NULL, status == CHANNEL_OK);
  if (message != NULL) {
    struct dns_answer answer;
    dns_answer_parse(&answer, message, len, o->name, DNS_A);
    o->answer = answer.status;
  }
}

static inline struct dns_channel_query *channel_ask(struct channel_bed *b,
                                                    struct channel_outcome *o,
                                                    const char *name,
                                                    uint64_t timeout_ms) {
  uint8_t query[kDnsQueryMaxLen];
  size_t len;
  *o = (struct channel_outcome){.name = name};
  cr_assert(dns_query_write(query, &len, name, DNS_A));
  struct dns_channel_query *q = dns_channel_query_start(
      b->channel, query, len, timeout_ms, channel_on_done, o);
  cr_assert_eq(o->num, 0, "called back before it returned");
  return q;
}

// channel_expect asks for site.test and checks the outcome; with CHANNEL_OK
// `answer` is what it parses as.
static inline void channel_expect(struct channel_bed *b, uint64_t timeout_ms,
                                  enum channel_status status,
                                  enum dns_status answer) {
  struct channel_outcome o;
  channel_ask(b, &o, "site.test", timeout_ms);
  RUN_UNTIL(b->worker, o.num > 0);
  cr_assert_eq(o.status, status, "%s", channel_status_str(o.status));
  if (status == CHANNEL_OK) {
    cr_assert_eq(o.answer, answer, "%s", dns_status_str(o.answer));
  }
}

// channel_survives_freeing frees the channel after any number of turns.
static inline void channel_survives_freeing(enum dns_server_scheme scheme,
                                            const enum framed_deed *deeds,
                                            size_t num_deeds) {
  for (int turns = 0; turns < 20; turns++) {
    struct channel_bed b;
    channel_bed_init(&b, scheme, NULL, deeds, num_deeds);
    struct channel_outcome o[3];
    struct dns_channel_query *q = channel_ask(&b, &o[0], "a.test", 5000);
    channel_ask(&b, &o[1], "b.test", 5000);
    for (int i = 0; i < turns; i++) {
      uv_run(worker_loop(b.worker), UV_RUN_NOWAIT);
    }
    if (o[0].num == 0) {
      dns_channel_query_cancel(q);
    }
    channel_ask(&b, &o[2], "c.test", 5000);
    channel_bed_cleanup(&b);
  }
  cr_assert(leaks_none());
}

#endif
