// What is noted of tunnels, whose browser and site are TLS sessions of the
// test's own.

#include "proxy/tunnel.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "ech/lookup.h"
#include "ech/origin_bed.h"
#include "keys/ca.h"
#include "proxy/greeter.h"
#include "proxy/log.h"
#include "proxy/terms.h"
#include "status/advice.h"
#include "status/journal.h"
#include "status/tally.h"
#include "support/leaks.h"
#include "support/scratch.h"

TestSuite(tunnel, .timeout = 30);

// The stand-ins' memory; a test runs in a process of its own.
static struct {
  struct fixture *fixture;
  enum lookup_status status;        // what lookups of kHost find
  enum lookup_status other_status;  // and of all else
  bool other_is_elsewhere;          // on no machine here
  bool is_cached;
  bool has_no_address;  // whatever they find
  char line[1024];      // the log's last
} fake;

struct lookup {
  enum lookup_status status;
  bool is_elsewhere;
  struct task task;
  lookup_cb *done;
  void *owner;
};

static void fake_on_lookup(void *owner) {
  struct lookup l = *(struct lookup *)owner;
  free(owner);
  const struct fixture *f = fake.fixture;
  struct address address = f->site.address;
  if (l.is_elsewhere) {
    address_from_ip(&address, "192.0.2.1", address.port);
  }
  struct endpoint endpoint = endpoint_at(1, &address, 1, &f->keys);
  struct lookup_answer *answer = lookup_answer_new(
      l.status, "as the test says", 60, &endpoint,
      l.status == LOOKUP_ECH ? 1 : 0, &address, fake.has_no_address ? 0 : 1);
  answer->expires_at = UINT64_MAX;
  l.done(l.owner, answer);
}

struct lookup *lookup_start(struct resolver *resolver, const char *host,
                            uint16_t port, lookup_cb *done, void *owner) {
  (void)resolver;
  (void)port;
  struct lookup *l = xcalloc(1, sizeof *l);
  l->status = strcmp(host, kHost) == 0 ? fake.status : fake.other_status;
  l->is_elsewhere = strcmp(host, kHost) != 0 && fake.other_is_elsewhere;
  l->done = done;
  l->owner = owner;
  worker_defer(fake.fixture->worker, &l->task, fake_on_lookup, l);
  return l;
}

bool lookup_is_cached(const struct lookup *l) {
  (void)l;
  return fake.is_cached;
}

void lookup_cancel(struct lookup *l) {
  if (l != NULL) {
    worker_undefer(fake.fixture->worker, &l->task);
    free(l);
  }
}

void log_tunnel_end(const struct log *log, const struct log_tunnel *tunnel) {
  (void)log;
  snprintf(fake.line, sizeof fake.line, "%s:%u %s at %s seen %s cause %s",
           tunnel->host, (unsigned)tunnel->port, tunnel->verdict, tunnel->step,
           tunnel->seen, tunnel->cause);
}

struct bed {
  struct fixture f;  // the site, and what reaches it
  struct scratch *scratch;
  struct ca *ca;
  struct leaf_cache *leaves;
  struct proxy proxy;
  struct terms terms;
  struct proxy_limit limit;
  struct log log;
  bool is_afar;  // the browser is on another machine
  SSL_CTX *browser_ctx;
  X509_STORE *trust;    // the browser's
  struct peer browser;  // before its handshake
  struct tls *session;  // then
  enum tls_status status;
  int num_handshakes;  // that are over
  struct visit_row row;
  struct visit_hellos hellos;
  struct tally_counts counts;
};

static void bed_init(struct bed *b) {
  struct key_error error;
  memset(b, 0, sizeof *b);
  fixture_init(&b->f);
  fake.fixture = &b->f;
  b->scratch = scratch_new();
  b->ca = ca_open(scratch_path(b->scratch, "state"), &error);
  cr_assert_not_null(b->ca, "%s", error.text);
  b->leaves = leaf_cache_new(b->ca, 4);
  b->terms = (struct terms){
      .worker = b->f.worker, .origin = b->f.origin, .num_refs = 1};
  b->proxy.worker = b->f.worker;
  b->proxy.terms = &b->terms;
  b->proxy.log = &b->log;
  b->proxy.limit = &b->limit;
  b->proxy.greeter = greeter_new(b->leaves);
  b->proxy.journal = journal_new(4);
  b->proxy.tally = tally_new();
  b->proxy.advice = advice_book_new();
  b->browser_ctx = SSL_CTX_new(TLS_method());
  b->trust = SSL_CTX_get_cert_store(b->browser_ctx);
  SSL_CTX_set_verify(b->browser_ctx, SSL_VERIFY_PEER, NULL);
}

static void bed_cleanup(struct bed *b) {
  peer_cleanup(&b->browser);
  tls_close(b->session);
  proxy_close_all(&b->proxy);
  turn_loop(b->f.worker, 20);
  visit_hellos_cleanup(&b->hellos);
  advice_book_free(b->proxy.advice);
  tally_free(b->proxy.tally);
  journal_free(b->proxy.journal);
  greeter_free(b->proxy.greeter);
  leaf_cache_free(b->leaves);
  ca_free(b->ca);
  SSL_CTX_free(b->browser_ctx);
  fixture_cleanup(&b->f);
  scratch_free(b->scratch);
  cr_assert(leaks_none());
}

static void on_browser_handshake(void *owner, enum tls_status status,
                                 const struct tls_error *error) {
  (void)error;
  struct bed *b = owner;
  b->status = status;
  b->num_handshakes++;
}

static bool is_accepted(const struct bed *b) {
  return b->browser.got.len > 4 &&
         memmem(b->browser.got.data, b->browser.got.len, "\r\n\r\n", 4) != NULL;
}

static void ask(struct bed *b, const char *host) {
  struct stream *ours, *theirs;
  test_tcp_pair(b->f.worker, &theirs, &ours);
  peer_open(&b->browser, theirs);
  tunnel_open(&b->proxy, ours, FRONT_HTTP_CONNECT, host, kPort, !b->is_afar);
}

// begin makes a tunnel to `host` and begins, in it, a handshake for `name`.
static void begin(struct bed *b, const char *host, const char *name) {
  ask(b, host);
  RUN_UNTIL(b->f.worker, is_accepted(b));
  SSL *ssl = SSL_new(b->browser_ctx);
  SSL_set_tlsext_host_name(ssl, name);
  SSL_set1_host(ssl, kHost);
  SSL_set_alpn_protos(ssl, (const uint8_t *)"\x02h2\x08http/1.1", 12);
  b->session = tls_client_new(b->f.worker, b->browser.stream, ssl);
  b->browser.stream = NULL;  // taken
  tls_handshake_start(b->session, on_browser_handshake, b);
}

// browse does the same and waits for the handshake's end.
static void browse(struct bed *b, const char *host, const char *name) {
  begin(b, host, name);
  RUN_UNTIL(b->f.worker, b->num_handshakes > 0);
}

// look reads what is noted of the first tunnel and of all.
static void look(struct bed *b) {
  visit_hellos_cleanup(&b->hellos);
  cr_assert(journal_find(b->proxy.journal, 1, &b->row, &b->hellos));
  tally_read(b->proxy.tally, &b->counts);
}

static void assert_hello(const uint8_t *bytes, size_t len, const char *name,
                         enum client_hello_ech ech) {
  struct client_hello hello;
  cr_assert(client_hello_parse(&hello, bytes, len));
  cr_assert_str_eq(hello.server_name, name);
  cr_assert_eq(hello.ech, ech);
}

static void discard(void *owner, const uint8_t *data, size_t len) {
  size_t *num = owner;
  (void)data;
  *num += len;
}

static void discard_end(void *owner, int err) {
  (void)owner;
  (void)err;
}

// chat lets the site, which greets, and the browser say something.
static void chat(struct bed *b) {
  static const struct stream_events kEvents = {.on_data = discard,
                                               .on_end = discard_end};
  size_t num = 0;
  struct stream *stream = tls_stream(b->session);
  stream_set_events(stream, &kEvents, &num);
  stream_read_start(stream);
  stream_write(stream, (const uint8_t *)"hello", 5);
  RUN_UNTIL(b->f.worker, num > 0);
  turn_loop(b->f.worker, 20);
}

static void trust_proxy(struct bed *b) {
  X509_STORE_add_cert(b->trust, ca_certificate(b->ca));
}

static void trust_site(struct bed *b) {
  X509_STORE_add_cert(b->trust, b->f.root->cert);
}

Test(tunnel, notes_what_was_hidden_and_how) {
  struct bed b;
  bed_init(&b);
  site_add(&b.f.site, "DNS:secret.test", b.f.root, &b.f.keys);
  b.f.site.greets = true;
  trust_proxy(&b);
  fake.status = LOOKUP_ECH;
  browse(&b, kHost, kHost);
  cr_assert_eq(b.status, TLS_OK);
  chat(&b);

  look(&b);
  char address[kAddressTextSize];
  cr_assert_eq(b.row.verdict, VISIT_HIDDEN);
  cr_assert_not(b.row.done);
  cr_assert_str_eq(b.row.step, "relay");
  cr_assert_str_eq(b.row.host, kHost);
  cr_assert_str_eq(b.row.address, address_format(address, &b.f.site.address));
  cr_assert_str_eq(b.row.name, kPublicName);
  cr_assert_str_eq(b.row.cause, "");
  cr_assert_str_eq(b.row.tls_version, "TLSv1.3");
  cr_assert_str_eq(b.row.alpn, "h2");
  cr_assert_str_neq(b.row.group, "");
  cr_assert_not_null(strstr(b.row.cipher, "TLS_"));
  cr_assert_not(b.row.resumed);
  cr_assert_not(b.row.retried);
  cr_assert_eq(b.row.bytes_up, 5);
  cr_assert_eq(b.row.bytes_down, 1);
  assert_hello(b.hellos.outer, b.hellos.outer_len, kPublicName,
               CLIENT_HELLO_ECH_OUTER);
  assert_hello(b.hellos.inner, b.hellos.inner_len, kHost,
               CLIENT_HELLO_ECH_INNER);

  cr_assert_eq(b.counts.verdicts[VISIT_HIDDEN], 1);
  cr_assert_eq(b.counts.counters[TALLY_LOOKUPS], 1);
  cr_assert_eq(b.counts.counters[TALLY_LOOKUPS_CACHED], 0);
  cr_assert_eq(b.counts.times[TALLY_LOOKUP_TIME].count, 1);
  cr_assert_eq(b.counts.counters[TALLY_HANDSHAKES], 1);
  cr_assert_eq(b.counts.times[TALLY_HANDSHAKE_TIME].count, 1);
  cr_assert_eq(b.counts.counters[TALLY_LEAVES_MINTED], 1);
  cr_assert_eq(b.counts.counters[TALLY_LEAVES_ACCEPTED], 1);
  cr_assert_eq(b.counts.counters[TALLY_BYTES_UP], 5);
  cr_assert_eq(b.counts.counters[TALLY_BYTES_DOWN], 1);
  proxy_close_all(&b.proxy);
  look(&b);
  cr_assert(b.row.done);
  cr_assert_eq(b.row.verdict, VISIT_HIDDEN);
  cr_assert_str_eq(fake.line,
                   "secret.test:443 hidden at relay seen public.test cause the "
                   "proxy was stopped");
  bed_cleanup(&b);
}

Test(tunnel, notes_the_browsers_own_hello_when_it_is_passed_through) {
  struct bed b;
  bed_init(&b);
  site_add(&b.f.site, "DNS:secret.test", b.f.root, NULL);
  b.f.site.greets = true;
  trust_site(&b);
  fake.status = LOOKUP_NO_RECORD;
  fake.is_cached = true;
  browse(&b, kHost, kHost);
  cr_assert_eq(b.status, TLS_OK);
  chat(&b);

  look(&b);
  cr_assert_eq(b.row.verdict, VISIT_PASSED);
  cr_assert_str_eq(b.row.name, kHost);
  cr_assert_str_eq(b.row.tls_version, "");
  assert_hello(b.hellos.outer, b.hellos.outer_len, kHost, CLIENT_HELLO_NO_ECH);
  cr_assert_eq(b.row.hello_len, b.hellos.outer_len);
  cr_assert_null(b.hellos.inner);
  cr_assert_gt(b.row.bytes_up, b.row.hello_len);
  cr_assert_gt(b.row.bytes_down, 0);
  cr_assert_eq(b.counts.verdicts[VISIT_PASSED], 1);
  cr_assert_eq(b.counts.counters[TALLY_LOOKUPS_CACHED], 1);
  cr_assert_eq(b.counts.times[TALLY_LOOKUP_TIME].count, 0);
  cr_assert_eq(b.counts.counters[TALLY_BYTES_UP], b.row.bytes_up);
  cr_assert_eq(b.counts.counters[TALLY_LEAVES_MINTED], 0);
  bed_cleanup(&b);
}

// The tunnel is to an address, and the name is in the hello alone.
Test(tunnel, notes_a_hello_that_was_read_before_it_was_passed_through) {
  struct bed b;
  bed_init(&b);
  site_add(&b.f.site, "DNS:secret.test", b.f.root, NULL);
  trust_site(&b);
  fake.status = LOOKUP_NO_RECORD;
  fake.other_status = LOOKUP_LOCAL;
  browse(&b, "192.0.2.1", kHost);
  cr_assert_eq(b.status, TLS_OK);
  look(&b);
  cr_assert_eq(b.row.verdict, VISIT_PASSED);
  cr_assert_str_eq(b.row.host, "192.0.2.1");
  cr_assert_str_eq(b.row.name, kHost);
  assert_hello(b.hellos.outer, b.hellos.outer_len, kHost, CLIENT_HELLO_NO_ECH);
  bed_cleanup(&b);
}

// What was not sent nobody saw.
Test(tunnel, notes_no_hello_that_did_not_go_out) {
  struct bed b;
  bed_init(&b);
  fake.status = LOOKUP_NO_RECORD;
  fake.other_status = LOOKUP_LOCAL;
  fake.has_no_address = true;
  browse(&b, "192.0.2.1", kHost);
  RUN_UNTIL(b.f.worker, b.proxy.num_connections == 0);
  look(&b);
  cr_assert_eq(b.row.verdict, VISIT_REFUSED);
  cr_assert_str_eq(b.row.name, "");
  cr_assert_eq(b.row.hello_len, 0);
  bed_cleanup(&b);
}

Test(tunnel, notes_no_name_where_the_octets_have_none) {
  struct bed b;
  bed_init(&b);
  site_add(&b.f.site, "DNS:secret.test", b.f.root, NULL);
  fake.status = LOOKUP_NO_RECORD;
  ask(&b, kHost);
  RUN_UNTIL(b.f.worker, is_accepted(&b));
  peer_write_text(&b.browser, "SSH-2.0-secret\r\n");
  RUN_UNTIL(b.f.worker, (look(&b), b.row.bytes_up > 0));
  cr_assert_eq(b.row.verdict, VISIT_PASSED);
  cr_assert_str_neq(b.row.address, "");
  cr_assert_str_eq(b.row.name, "");
  cr_assert_eq(b.row.hello_len, 0);
  bed_cleanup(&b);
}

// The cause must not look like one of the verdict.
Test(tunnel, tells_what_it_ended_with_from_why_it_went_as_it_did) {
  struct bed b;
  bed_init(&b);
  site_add(&b.f.site, "DNS:secret.test", b.f.root, NULL);
  b.f.site.greets = true;
  trust_site(&b);
  fake.status = LOOKUP_NO_RECORD;
  browse(&b, kHost, kHost);
  cr_assert_eq(b.status, TLS_OK);
  turn_loop(b.f.worker, 20);  // the greeting is there, and is not read
  tls_close(b.session);       // so that this resets
  b.session = NULL;
  RUN_UNTIL(b.f.worker, b.proxy.num_connections == 0);
  look(&b);
  cr_assert_eq(b.row.verdict, VISIT_PASSED);
  cr_assert_str_eq(b.row.cause, "ended with: connection reset by peer");
  bed_cleanup(&b);
}

// An observer sees two hellos then; the one that names the site counts.
Test(tunnel, notes_that_a_site_has_switched_ech_off) {
  struct bed b;
  bed_init(&b);
  site_add(&b.f.site, "DNS:secret.test,DNS:public.test", b.f.root, NULL);
  trust_site(&b);
  fake.status = LOOKUP_ECH;
  browse(&b, kHost, kHost);
  cr_assert_eq(b.status, TLS_OK);
  look(&b);
  cr_assert_eq(b.row.verdict, VISIT_PASSED);
  cr_assert_str_eq(b.row.cause, origin_status_str(ORIGIN_ECH_DISABLED));
  assert_hello(b.hellos.outer, b.hellos.outer_len, kHost, CLIENT_HELLO_NO_ECH);
  cr_assert_null(b.hellos.inner);
  bed_cleanup(&b);
}

Test(tunnel, notes_why_a_lookup_leads_to_a_refusal) {
  static const struct {
    enum lookup_status status;
    enum proxy_mode mode;
    enum tally_refusal why;
  } kCases[] = {
      {LOOKUP_FAILED, MODE_PREFER, TALLY_REFUSED_LOOKUP},
      {LOOKUP_NXDOMAIN, MODE_PREFER, TALLY_REFUSED_NO_SUCH_NAME},
      {LOOKUP_NO_RECORD, MODE_STRICT, TALLY_REFUSED_NO_ECH},
      {LOOKUP_FORBIDDEN, MODE_PREFER, TALLY_REFUSED_OTHER},
  };
  for (size_t i = 0; i < sizeof kCases / sizeof kCases[0]; i++) {
    struct bed b;
    bed_init(&b);
    b.terms.mode = kCases[i].mode;
    fake.status = kCases[i].status;
    ask(&b, kHost);
    RUN_UNTIL(b.f.worker, b.proxy.num_connections == 0);
    look(&b);
    cr_expect_eq(b.row.verdict, VISIT_REFUSED);
    cr_expect(b.row.done);
    cr_expect_str_neq(b.row.cause, "");
    cr_expect_eq(b.counts.refusals[kCases[i].why], 1, "case %zu", i);
    cr_expect_eq(b.counts.counters[TALLY_LOOKUPS_FAILED],
                 kCases[i].status == LOOKUP_FAILED ? 1 : 0);
    RUN_UNTIL(b.f.worker, b.browser.num_ends > 0);
    bed_cleanup(&b);
  }
}

Test(tunnel, notes_why_a_site_was_not_reached) {
  struct bed b;
  bed_init(&b);
  site_add(&b.f.site, "DNS:other.test", b.f.root, &b.f.keys);
  trust_proxy(&b);
  fake.status = LOOKUP_ECH;
  browse(&b, kHost, kHost);
  cr_assert_eq(b.status, TLS_OK, "there is a page");
  RUN_UNTIL(b.f.worker,
            b.counts.verdicts[VISIT_REFUSED] > 0 || (look(&b), b.row.done));
  look(&b);
  cr_assert_eq(b.row.verdict, VISIT_REFUSED);
  cr_assert_str_eq(b.row.name, kPublicName);
  cr_assert_gt(b.hellos.outer_len, 0);
  cr_assert_eq(b.counts.refusals[TALLY_REFUSED_CERTIFICATE], 1);
  cr_assert_eq(b.counts.counters[TALLY_HANDSHAKES], 0);
  cr_assert_eq(b.counts.counters[TALLY_LEAVES_ACCEPTED], 1);
  bed_cleanup(&b);
}

Test(tunnel, says_what_to_do_when_a_browser_rejects_our_leaf) {
  struct bed b;
  struct advice advice[kAdviceMaxSites + 1];
  bed_init(&b);
  site_add(&b.f.site, "DNS:secret.test", b.f.root, &b.f.keys);
  fake.status = LOOKUP_ECH;
  browse(&b, kHost, kHost);
  cr_assert_eq(b.status, TLS_FAILED);
  RUN_UNTIL(b.f.worker, b.proxy.num_connections == 0);
  look(&b);
  cr_assert_eq(b.row.verdict, VISIT_REFUSED);
  cr_assert_not_null(strstr(b.row.cause, "run echproxy trust"), "%s",
                     b.row.cause);
  cr_assert_eq(b.counts.refusals[TALLY_REFUSED_BROWSER], 1);
  cr_assert_eq(b.counts.counters[TALLY_LEAVES_REJECTED], 1);
  cr_assert_eq(b.counts.counters[TALLY_LEAVES_ACCEPTED], 0);
  cr_assert_eq(advice_book_list(b.proxy.advice, advice), 1);
  cr_assert_eq(advice[0].kind, ADVICE_UNTRUSTED_CA);
  bed_cleanup(&b);
}

// It may have been told to stop loading.
Test(tunnel, takes_a_browser_that_hangs_up_for_no_judge_of_our_leaf) {
  struct bed b;
  struct advice advice[kAdviceMaxSites + 1];
  bed_init(&b);
  site_add(&b.f.site, "DNS:secret.test", b.f.root, &b.f.keys);
  fake.status = LOOKUP_ECH;
  begin(&b, kHost, kHost);
  RUN_UNTIL(b.f.worker, b.f.site.num_hellos > 0);
  tls_close(b.session);
  b.session = NULL;
  RUN_UNTIL(b.f.worker, b.proxy.num_connections == 0);
  look(&b);
  cr_assert_eq(b.row.verdict, VISIT_REFUSED);
  cr_assert_not_null(strstr(b.row.cause, "broke off"), "%s", b.row.cause);
  cr_assert_eq(b.counts.counters[TALLY_LEAVES_REJECTED], 0);
  cr_assert_eq(advice_book_list(b.proxy.advice, advice), 0);
  bed_cleanup(&b);
}

// The other sites' leaves are accepted, so the app has its own idea.
Test(tunnel, suggests_a_rule_for_an_app_that_accepts_its_own_certificate_only) {
  struct bed b;
  bed_init(&b);
  site_add(&b.f.site, "DNS:secret.test", b.f.root, &b.f.keys);
  fake.status = LOOKUP_ECH;
  advice_book_accepted(b.proxy.advice, "other.test");
  for (int i = 1; i < kAdvicePinnedRejections; i++) {
    struct advice ignored;
    advice_book_rejected(b.proxy.advice, &ignored, kHost);
    advice_book_accepted(b.proxy.advice, "other.test");
  }
  browse(&b, kHost, kHost);
  cr_assert_eq(b.status, TLS_FAILED);
  RUN_UNTIL(b.f.worker, b.proxy.num_connections == 0);
  look(&b);
  cr_assert_not_null(strstr(b.row.cause, "mode = pass"), "%s", b.row.cause);
  cr_assert_null(strstr(b.row.cause, kHost), "the log names no host");
  bed_cleanup(&b);
}

Test(tunnel, notes_a_browser_that_leaves_early_as_abandoned) {
  struct bed b;
  bed_init(&b);
  site_add(&b.f.site, "DNS:secret.test", b.f.root, &b.f.keys);
  fake.status = LOOKUP_ECH;
  ask(&b, kHost);
  RUN_UNTIL(b.f.worker, is_accepted(&b));
  peer_close(&b.browser);
  RUN_UNTIL(b.f.worker, b.proxy.num_connections == 0);
  look(&b);
  cr_assert_eq(b.row.verdict, VISIT_ABANDONED);
  cr_assert_eq(b.counts.verdicts[VISIT_ABANDONED], 1);
  cr_assert_eq(b.counts.verdicts[VISIT_REFUSED], 0);
  cr_assert_not_null(strstr(fake.line, "abandoned at read-hello"), "%s",
                     fake.line);
  bed_cleanup(&b);
}

static void expect_kept_to_itself(struct bed *b) {
  static const char kWhy[] = "on the loopback of the proxy's machine";
  RUN_UNTIL(b->f.worker, b->limit.num_connections == 0);
  look(b);
  cr_expect_eq(b->row.verdict, VISIT_REFUSED);
  cr_expect_not_null(strstr(b->row.cause, kWhy), "%s", b->row.cause);
  cr_expect_eq(strlen(b->row.address), 0);  // nobody was connected to
}

Test(tunnel, keeps_loopback_to_this_machine_whatever_its_name) {
  static const enum lookup_status kStatuses[] = {LOOKUP_ECH, LOOKUP_NO_ECH,
                                                 LOOKUP_LOCAL};
  for (size_t i = 0; i < 3; i++) {
    struct bed b;
    bed_init(&b);
    site_add(&b.f.site, "DNS:secret.test", b.f.root, &b.f.keys);
    b.is_afar = true;
    fake.status = kStatuses[i];
    ask(&b, kHost);
    expect_kept_to_itself(&b);
    RUN_UNTIL(b.f.worker, b.browser.num_ends > 0);
    cr_expect_eq(memcmp(b.browser.got.data, "HTTP/1.1 403 ", 13), 0);
    bed_cleanup(&b);
  }
}

// The address that is asked for is not the one that the hello's name leads to.
Test(tunnel, keeps_loopback_from_a_name_in_a_hello) {
  struct bed b;
  bed_init(&b);
  site_add(&b.f.site, "DNS:secret.test", b.f.root, &b.f.keys);
  b.is_afar = true;
  fake.other_is_elsewhere = true;
  fake.other_status = LOOKUP_LOCAL;
  fake.status = LOOKUP_ECH;
  browse(&b, "192.0.2.1", kHost);
  expect_kept_to_itself(&b);
  bed_cleanup(&b);
}
