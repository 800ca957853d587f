// ECH on the connection to a DNS server of ours: what is learned from its own
// record, and what later connections do with that.

#include "ech/server_ech.h"

#include "ech/channel_bed.h"
#include "ech/ech_keys.h"
#include "ech/lookup.h"
#include "ech/scripted_server.h"
#include "ech/server_ech_book.h"
#include "support/tap.h"

TestSuite(server_ech, .timeout = 30);

enum { kTtl = 300 };

static void put_u16(struct bytes *out, size_t v) {
  bytes_append(out, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

// What a server publishes about itself.
struct record {
  const char *target;  // wire form
  size_t target_len;
  const char *alpn;  // wire form; NULL: none
  uint16_t port;     // 0: none
  const struct ech_keys *ech;
  uint32_t ttl;
};

static void put_param(struct bytes *out, unsigned key, const void *value,
                      size_t len) {
  put_u16(out, key);
  put_u16(out, len);
  bytes_append(out, value, len);
}

// Makes the answer to `query` that holds `r`, or, when that is NULL, none.
static void make_answer(struct bytes *out, const uint8_t *query,
                        const struct record *r) {
  framed_answer(out, query, 0x8180);
  if (r == NULL) {
    return;
  }
  out->data[7] = 1;
  size_t end = framed_question_end(query);
  put_u16(out, 0xc00c);  // the question's name
  bytes_append(out, query + end - 4, 4);
  put_u16(out, 0);
  put_u16(out, r->ttl);
  struct bytes rdata = {0};
  put_u16(&rdata, 1);
  bytes_append(&rdata, r->target, r->target_len);
  if (r->alpn != NULL) {
    put_param(&rdata, 1, r->alpn, strlen(r->alpn));
  }
  if (r->port != 0) {
    uint8_t port[] = {(uint8_t)(r->port >> 8), (uint8_t)r->port};
    put_param(&rdata, 3, port, 2);
  }
  if (r->ech != NULL) {
    put_param(&rdata, 5, r->ech->list, r->ech->list_len);
  }
  put_u16(out, rdata.len);
  bytes_append(out, rdata.data, rdata.len);
  free(rdata.data);
}

static struct dns_server server_at(enum dns_server_scheme scheme,
                                   uint16_t port) {
  struct dns_server server = test_server_at("resolver.test", port);
  server.scheme = scheme;
  return server;
}

// Lets `e` learn from a record at `now_ms`.
static void learn(struct server_ech *e, const struct dns_server *server,
                  const struct record *r, uint64_t now_ms) {
  char name[kDnsNameSize];
  enum dns_type type;
  uint8_t query[kDnsQueryMaxLen];
  size_t len;
  struct bytes message = {0};
  struct dns_answer answer;
  cr_assert(server_ech_question(name, &type, server));
  cr_assert(dns_query_write(query, &len, name, type));
  make_answer(&message, query, r);
  dns_answer_parse(&answer, message.data, message.len, name, type);
  cr_assert_eq(answer.status, r == NULL ? DNS_NODATA : DNS_OK);
  server_ech_learn(e, server, &answer, now_ms);
  free(message.data);
}

static bool has_list(struct server_ech *e) {
  size_t len;
  uint8_t *list = server_ech_list(e, &len);
  free(list);
  return list != NULL;
}

Test(server_ech, asks_at_the_name_that_the_protocol_has) {
  static const struct {
    const char *url;
    const char *name;  // NULL: there is nothing to ask
    enum dns_type type;
  } kCases[] = {
      {"https://dns.test", "dns.test", DNS_HTTPS},
      {"https://dns.test:8443", "_8443._https.dns.test", DNS_HTTPS},
      {"tls://dns.test", "_dns.dns.test", DNS_SVCB},
      {"tls://dns.test:8853", "_dns.dns.test", DNS_SVCB},
      {"https://192.0.2.1", NULL, DNS_A},
      {"tls://[2001:db8::1]", NULL, DNS_A},
      {"udp://127.0.0.1", NULL, DNS_A},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct dns_server server;
    const char *why;
    char name[kDnsNameSize];
    enum dns_type type;
    cr_assert(dns_server_parse(&server, kCases[i].url, &why));
    bool asks = server_ech_question(name, &type, &server);
    cr_assert_eq(asks, kCases[i].name != NULL, "%s", kCases[i].url);
    if (asks) {
      cr_assert_str_eq(name, kCases[i].name);
      cr_assert_eq(type, kCases[i].type);
    }
  }
}

Test(server_ech, takes_only_what_is_said_of_its_own_endpoint) {
  struct ech_keys keys = ech_keys_new(1, "public.test");
  static const char kSelf[] = "\x08resolver\x04test";
  static const char kOther[] = "\x05other\x04test";
  const struct {
    enum dns_server_scheme scheme;
    uint16_t port;
    struct record record;
    bool is_taken;
  } cases[] = {
      {DNS_SERVER_TLS, 853, {"", 1, "\3dot", 0, &keys, kTtl}, true},
      {DNS_SERVER_TLS, 853, {kSelf, 15, "\3dot", 0, &keys, kTtl}, true},
      {DNS_SERVER_TLS, 853, {kSelf, 15, "\2h2\3dot", 853, &keys, kTtl}, true},
      {DNS_SERVER_TLS, 853, {kOther, 12, "\3dot", 0, &keys, kTtl}, false},
      {DNS_SERVER_TLS, 853, {"", 1, "\2h2", 0, &keys, kTtl}, false},
      {DNS_SERVER_TLS, 853, {"", 1, NULL, 0, &keys, kTtl}, false},
      {DNS_SERVER_TLS, 853, {"", 1, "\3dot", 8853, &keys, kTtl}, false},
      {DNS_SERVER_TLS, 8853, {"", 1, "\3dot", 0, &keys, kTtl}, false},
      {DNS_SERVER_TLS, 8853, {"", 1, "\3dot", 8853, &keys, kTtl}, true},
      {DNS_SERVER_TLS, 853, {"", 1, "\3dot", 0, NULL, kTtl}, false},
      {DNS_SERVER_HTTPS, 443, {"", 1, NULL, 0, &keys, kTtl}, true},
      {DNS_SERVER_HTTPS, 443, {"", 1, "\2h3\2h2", 0, &keys, kTtl}, true},
      {DNS_SERVER_HTTPS, 443, {"", 1, "\2h3", 0, &keys, kTtl}, false},
      {DNS_SERVER_HTTPS, 8443, {"", 1, NULL, 0, &keys, kTtl}, true},
      {DNS_SERVER_HTTPS, 443, {"", 1, NULL, 8443, &keys, kTtl}, false},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct dns_server server = server_at(cases[i].scheme, cases[i].port);
    struct server_ech *e = server_ech_new();
    learn(e, &server, &cases[i].record, 1000);
    cr_assert_eq(has_list(e), cases[i].is_taken, "case %zu", i);
    server_ech_unref(e);
  }
  ech_keys_free(&keys);
  cr_assert(leaks_none());
}

Test(server_ech, keeps_what_it_has_for_the_ttl) {
  struct ech_keys keys = ech_keys_new(1, "public.test");
  const struct record with = {"", 1, "\3dot", 0, &keys, kTtl};
  struct dns_server server = server_at(DNS_SERVER_TLS, 853);
  struct server_ech *e = server_ech_new();
  cr_assert(server_ech_is_due(e, 1000));
  cr_assert_not(server_ech_is_due(e, 1000), "asked twice at once");
  learn(e, &server, &with, 1000);
  cr_assert_not(server_ech_is_due(e, 1000 + kTtl * 1000 - 1));
  cr_assert(server_ech_is_due(e, 1000 + kTtl * 1000));
  // No record and no connection undo it within its time.
  learn(e, &server, NULL, 1000 + kTtl * 1000 - 1);
  server_ech_fail(e, 1000 + kTtl * 1000 - 1);
  cr_assert(has_list(e));
  // Afterwards it goes on until something is known better.
  struct dns_answer failed = {.status = DNS_SERVFAIL};
  server_ech_learn(e, &server, &failed, 1000 + kTtl * 1000);
  cr_assert(has_list(e));
  learn(e, &server, NULL, 1000 + kTtl * 1000);
  cr_assert_not(has_list(e));

  learn(e, &server, &with, 1000);
  server_ech_fail(e, 1000 + kTtl * 1000);
  cr_assert_not(has_list(e));
  learn(e, &server, &with, 1000);
  server_ech_disable(e);
  cr_assert_not(has_list(e));
  server_ech_unref(e);
  ech_keys_free(&keys);
  cr_assert(leaks_none());
}

// A DoT server with a name, behind a tap, that answers questions about itself
// with `record`.
struct bed {
  struct channel_bed b;
  struct tap *tap;
  struct ech_keys keys;       // of the server
  struct ech_keys published;  // in the record
  struct record record;
  size_t num_asked;  // about itself
};

static void respond(void *owner, const uint8_t *query, size_t len,
                    struct bytes *out) {
  struct bed *bed = owner;
  (void)len;
  size_t end = framed_question_end(query);
  bool is_svcb = query[end - 3] == DNS_SVCB || query[end - 3] == DNS_HTTPS;
  bed->num_asked += is_svcb;
  make_answer(out, query, is_svcb ? &bed->record : NULL);
}

static void bed_init(struct bed *bed, const char *names, bool is_stale) {
  static const enum framed_deed kDeeds[] = {FRAMED_ANSWER};
  *bed = (struct bed){.keys = ech_keys_new(1, "public.test"),
                      .published = ech_keys_new(2, "public.test")};
  test_trust_init(&bed->b.trust, names);
  bed->b.worker = test_worker_new();
  framed_server_open(&bed->b.server, bed->b.worker, bed->b.trust.leaf, "dot",
                     kDeeds, 1);
  bed->b.server.respond = respond;
  bed->b.server.respond_owner = bed;
  cr_assert(SSL_CTX_set1_ech_keys(bed->b.server.ctx, bed->keys.keys));
  bed->tap = tap_new(bed->b.server.port);
  struct dns_server at = server_at(DNS_SERVER_TLS, tap_port(bed->tap));
  bed->record = (struct record){
      "",
      1,
      "\3dot",
      tap_port(bed->tap),
      is_stale ? &bed->published : &bed->keys,
      kTtl,
  };
  bed->b.channel = dns_channel_new(bed->b.worker, &at, bed->b.trust.store);
}

static void bed_cleanup(struct bed *bed) {
  channel_bed_cleanup(&bed->b);
  tap_free(bed->tap);
  ech_keys_free(&bed->keys);
  ech_keys_free(&bed->published);
}

static bool accepted_ech(const struct bed *bed) {
  const struct framed_server *s = &bed->b.server;
  const struct framed_connection *c = &s->connections[s->num_connections - 1];
  return SSL_ech_accepted(tls_ssl(c->tls));
}

// Asks once, lets the server tell of its ECH, and hangs up.
static void learn_and_hang_up(struct bed *bed) {
  channel_expect(&bed->b, 5000, CHANNEL_OK, DNS_NODATA);
  RUN_UNTIL(bed->b.worker, bed->num_asked > 0);
  cr_assert_not(accepted_ech(bed));
  cr_assert(tap_contains_text(bed->tap, "resolver.test"));
  // One more answer comes after that about its ECH.
  channel_expect(&bed->b, 5000, CHANNEL_OK, DNS_NODATA);
  framed_close(&bed->b.server.connections[0]);
  uint64_t start = uv_hrtime();
  while (uv_hrtime() - start < 20 * 1000000ull) {
    uv_run(worker_loop(bed->b.worker), UV_RUN_NOWAIT);
  }
  tap_clear(bed->tap);
}

Test(server_ech, hides_the_name_once_the_record_is_known) {
  struct bed bed;
  bed_init(&bed, "DNS:resolver.test,DNS:public.test", false);
  learn_and_hang_up(&bed);
  channel_expect(&bed.b, 5000, CHANNEL_OK, DNS_NODATA);
  cr_assert(accepted_ech(&bed));
  cr_assert_not(tap_contains_text(bed.tap, "resolver.test"));
  cr_assert(tap_contains_text(bed.tap, "public.test"));
  cr_assert_eq(bed.num_asked, 1, "asked again within the TTL");
  bed_cleanup(&bed);
  cr_assert(leaks_none());
}

// The channel of another worker, which has made no connection yet.
Test(server_ech, hides_the_name_from_a_channel_that_shares_it) {
  struct bed bed;
  bed_init(&bed, "DNS:resolver.test,DNS:public.test", false);
  struct server_ech_book *book = server_ech_book_new();
  dns_channel_use_book(bed.b.channel, book);
  learn_and_hang_up(&bed);
  struct dns_server at = server_at(DNS_SERVER_TLS, tap_port(bed.tap));
  struct dns_channel *other =
      dns_channel_new(bed.b.worker, &at, bed.b.trust.store);
  dns_channel_use_book(other, book);
  server_ech_book_unref(book);
  dns_channel_free(bed.b.channel);
  bed.b.channel = other;
  channel_expect(&bed.b, 5000, CHANNEL_OK, DNS_NODATA);
  cr_assert(accepted_ech(&bed));
  cr_assert_not(tap_contains_text(bed.tap, "resolver.test"));
  cr_assert_eq(bed.num_asked, 1, "asked again within the TTL");
  bed_cleanup(&bed);
  cr_assert(leaks_none());
}

static void on_looked_up(void *owner, struct lookup_answer *answer) {
  *(bool *)owner = true;
  lookup_answer_unref(answer);
}

static void look(struct bed *bed, struct resolver *resolver, const char *host) {
  bool found = false;
  lookup_start(resolver, host, 443, on_looked_up, &found);
  RUN_UNTIL(bed->b.worker, found);
}

static struct resolver *resolver_at(struct bed *bed, uint16_t port) {
  struct dns_server at = server_at(DNS_SERVER_TLS, port);
  return resolver_new(bed->b.worker, &at, 1, bed->b.trust.store);
}

// Makes `after` take the place of `before`.
static struct resolver *succeed(struct resolver *after,
                                struct resolver *before) {
  resolver_succeed(after, before);
  resolver_free(before);
  return after;
}

// A resolver of another worker, one that takes the other's place, and one that
// does after the user has tried another server.
Test(server_ech, hides_the_name_from_a_resolver_that_shares_it) {
  for (int way = 0; way < 3; way++) {
    struct bed bed;
    bed_init(&bed, "DNS:resolver.test,DNS:public.test", false);
    uint16_t port = tap_port(bed.tap);
    struct resolver *first = resolver_at(&bed, port);
    struct resolver *second = resolver_at(&bed, port);
    look(&bed, first, "a.test");
    RUN_UNTIL(bed.b.worker, bed.num_asked > 0);
    look(&bed, first, "b.test");  // answered after that
    tap_clear(bed.tap);
    if (way == 0) {
      resolver_share(second, first);
      resolver_free(first);
    } else if (way == 1) {
      second = succeed(second, first);
    } else {
      second = succeed(second, succeed(resolver_at(&bed, 9), first));
    }
    look(&bed, second, "c.test");
    cr_expect(accepted_ech(&bed), "way %d", way);
    cr_expect(tap_contains_text(bed.tap, "public.test"));
    cr_expect_not(tap_contains_text(bed.tap, "resolver.test"), "way %d", way);
    resolver_free(second);
    bed_cleanup(&bed);
  }
  cr_assert(leaks_none());
}

Test(server_ech, takes_verified_retry_configurations) {
  struct bed bed;
  bed_init(&bed, "DNS:resolver.test,DNS:public.test", true);
  learn_and_hang_up(&bed);
  channel_expect(&bed.b, 5000, CHANNEL_OK, DNS_NODATA);
  cr_assert(accepted_ech(&bed));
  cr_assert_eq(bed.b.server.num_connections, 3, "no retry");
  // They are kept: no retry the next time.
  framed_close(&bed.b.server.connections[2]);
  channel_expect(&bed.b, 5000, CHANNEL_OK, DNS_NODATA);
  cr_assert(accepted_ech(&bed));
  cr_assert_eq(bed.b.server.num_connections, 4);
  cr_assert_not(tap_contains_text(bed.tap, "resolver.test"));
  bed_cleanup(&bed);
  cr_assert(leaks_none());
}

static void disable_ech(struct bed *bed) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  test_cert_use(ctx, bed->b.trust.leaf);
  SSL_CTX_set_alpn_select_cb(ctx, framed_select_dot, (void *)"dot");
  SSL_CTX_free(bed->b.server.ctx);
  bed->b.server.ctx = ctx;
}

Test(server_ech, goes_without_when_the_server_has_switched_it_off) {
  struct bed bed;
  bed_init(&bed, "DNS:resolver.test,DNS:public.test", false);
  learn_and_hang_up(&bed);
  disable_ech(&bed);
  channel_expect(&bed.b, 5000, CHANNEL_OK, DNS_NODATA);
  cr_assert_not(accepted_ech(&bed));
  cr_assert_eq(bed.b.server.num_connections, 3);
  bed_cleanup(&bed);
  cr_assert(leaks_none());
}

// Whoever stands in for the server cannot prove to be its public name, and so
// gets no hello with the name.
Test(server_ech, never_goes_without_for_one_who_proves_nothing) {
  struct bed bed;
  bed_init(&bed, "DNS:resolver.test", false);
  learn_and_hang_up(&bed);
  disable_ech(&bed);
  for (int i = 0; i < 3; i++) {
    channel_expect(&bed.b, 5000, CHANNEL_UNTRUSTED, DNS_OK);
  }
  cr_assert_not(tap_contains_text(bed.tap, "resolver.test"));
  bed_cleanup(&bed);
  cr_assert(leaks_none());
}

Test(server_ech, fails_when_it_is_rejected_twice) {
  struct bed bed;
  bed_init(&bed, "DNS:resolver.test,DNS:public.test", true);
  learn_and_hang_up(&bed);
  // The second handshake meets a server with yet another key.
  struct channel_outcome o;
  struct ech_keys other = ech_keys_new(3, "public.test");
  channel_ask(&bed.b, &o, "site.test", 5000);
  RUN_UNTIL(bed.b.worker, bed.b.server.num_connections == 3);
  cr_assert(SSL_CTX_set1_ech_keys(bed.b.server.ctx, other.keys));
  RUN_UNTIL(bed.b.worker, o.num > 0);
  cr_assert_eq(o.status, CHANNEL_ECH_REJECTED, "%s",
               channel_status_str(o.status));
  cr_assert_not(tap_contains_text(bed.tap, "resolver.test"));
  ech_keys_free(&other);
  bed_cleanup(&bed);
  cr_assert(leaks_none());
}

static bool respond_doh(void *owner, const struct bytes *query,
                        struct bytes *out) {
  respond(owner, query->data, query->len, out);
  return true;
}

static bool doh_accepted_ech(const struct scripted_server *s) {
  return SSL_ech_accepted(tls_ssl(s->connections[s->num_connections - 1].tls));
}

Test(server_ech, hides_the_name_of_a_doh_server_too) {
  static const enum deed kAnswer[] = {DO_ANSWER};
  struct scripted_server server;
  struct bed bed = {.keys = ech_keys_new(1, "public.test")};
  bed.record = (struct record){"", 1, "\2h2", 0, &bed.keys, kTtl};
  struct channel_bed *b = &bed.b;
  test_trust_init(&b->trust, "DNS:resolver.test,DNS:public.test");
  b->worker = test_worker_new();
  scripted_server_open(&server, b->worker, b->trust.leaf, "h2", kAnswer, 1);
  server.respond = respond_doh;
  server.respond_owner = &bed;
  cr_assert(SSL_CTX_set1_ech_keys(server.ctx, bed.keys.keys));
  struct dns_server at = server_at(DNS_SERVER_HTTPS, server.port);
  b->channel = dns_channel_new(b->worker, &at, b->trust.store);
  channel_expect(b, 5000, CHANNEL_OK, DNS_NODATA);
  cr_assert_not(doh_accepted_ech(&server));
  RUN_UNTIL(b->worker, bed.num_asked > 0);
  channel_expect(b, 5000, CHANNEL_OK, DNS_NODATA);
  scripted_close(&server.connections[0]);
  channel_expect(b, 5000, CHANNEL_OK, DNS_NODATA);
  cr_assert_eq(server.num_connections, 2);
  cr_assert(doh_accepted_ech(&server));
  dns_channel_free(b->channel);
  scripted_server_close(&server);
  test_worker_free(b->worker);
  test_trust_cleanup(&b->trust);
  ech_keys_free(&bed.keys);
  cr_assert(leaks_none());
}
