// What a listener between us and a real encrypted resolver can learn: see
// docs/DNS-PRIVACY.md.

#include <stdio.h>

#include "ech/channel_bed.h"
#include "ech/lookup.h"
#include "support/scratch.h"
#include "support/tap.h"
#include "support/unbound.h"

TestSuite(dns_privacy, .timeout = 60);

enum { kNumLengths = 24 };

// Writes a name of `len` characters that a search finds.
static void name_of(char out[kDnsNameSize], size_t len) {
  for (size_t i = 0; i < len; i++) {
    out[i] = i % 50 == 49 ? '.' : (char)('a' + i % 7);
  }
  memcpy(out, "secret", 6);
  memcpy(out + len - 5, ".test", 6);
}

// All query sizes come from one small set, whatever is asked for.
Test(dns_privacy, sends_queries_of_three_sizes) {
  struct channel_bed b;
  channel_bed_init(&b, DNS_SERVER_TLS, NULL, FRAMED_DEEDS(FRAMED_ANSWER));
  size_t num_of[4] = {0};
  for (size_t len = 12; len <= 253; len++) {
    char name[kDnsNameSize];
    struct channel_outcome o;
    name_of(name, len);
    if (name[len - 6] == '.') {
      continue;  // an empty label
    }
    b.server.num_queries = 0;
    channel_ask(&b, &o, name, 5000);
    RUN_UNTIL(b.worker, o.num > 0);
    cr_assert_eq(o.status, CHANNEL_OK);
    cr_assert_eq(b.server.lens[0] % kDnsQueryBlock, 0);
    cr_assert_leq(b.server.lens[0], 3 * kDnsQueryBlock);
    num_of[b.server.lens[0] / kDnsQueryBlock]++;
  }
  cr_assert(num_of[1] > 0 && num_of[2] > 0 && num_of[3] > 0);
  channel_bed_cleanup(&b);
}

static void on_answer(void *owner, struct lookup_answer *answer) {
  *(struct lookup_answer **)owner = answer;
}

static enum lookup_status look(struct worker *worker, struct resolver *r,
                               const char *host) {
  struct lookup_answer *answer = NULL;
  lookup_start(r, host, 443, on_answer, &answer);
  RUN_UNTIL(worker, answer != NULL);
  enum lookup_status status = answer->status;
  lookup_answer_unref(answer);
  return status;
}

// Names go to a real unbound through a tap, which sees none of them.
static void expect_hidden(enum dns_server_scheme scheme) {
  struct scratch *scratch = scratch_new();
  struct test_trust trust;
  test_trust_init(&trust, "IP:127.0.0.1");
  scratch_cert(scratch, "resolver", trust.leaf);
  struct unbound *unbound = unbound_start(
      scratch, "resolver",
      (const char *[]){"test. 60 IN SOA ns.test. me.test. 1 60 60 60 60",
                       "hidden-site.test. 60 IN HTTPS 1 . alpn=h2",
                       "hidden-site.test. 60 IN A 192.0.2.1", NULL});
  struct tap *tap = tap_new(scheme == DNS_SERVER_TLS ? unbound_tls_port(unbound)
                                                     : unbound_port(unbound));
  struct worker *worker = test_worker_new();
  struct dns_server at = test_server_at(NULL, tap_port(tap));
  at.scheme = scheme;
  struct resolver *resolver = resolver_new(worker, &at, 1, trust.store);
  cr_assert_eq(look(worker, resolver, "hidden-site.test"), LOOKUP_NO_ECH);
  for (size_t i = 0; i < kNumLengths; i++) {
    char name[kDnsNameSize];
    name_of(name, 12 + i * 3);
    cr_assert_eq(look(worker, resolver, name), LOOKUP_NXDOMAIN, "%s", name);
  }
  cr_assert_eq(tap_num_connections(tap), 1);
  cr_assert_gt(tap_num_bytes(tap), 3 * kNumLengths * kDnsQueryBlock);
  cr_assert_not(tap_contains_text(tap, "hidden-site"));
  cr_assert_not(tap_contains_text(tap, "secret"));
  cr_assert_not(tap_contains_text(tap, "\x04test"));
  // An answer that there is nothing is kept for as long as the SOA says.
  unbound_stop(unbound);
  cr_assert_eq(look(worker, resolver, "never-asked.test"), LOOKUP_FAILED);
  char name[kDnsNameSize];
  name_of(name, 12);
  cr_assert_eq(look(worker, resolver, name), LOOKUP_NXDOMAIN);
  resolver_free(resolver);
  test_worker_free(worker);
  tap_free(tap);
  test_trust_cleanup(&trust);
  scratch_free(scratch);
  cr_assert(leaks_none());
}

Test(dns_privacy, shows_no_name_over_https) { expect_hidden(DNS_SERVER_HTTPS); }

Test(dns_privacy, shows_no_name_over_tls) { expect_hidden(DNS_SERVER_TLS); }

// A resolver on this machine, in the clear, is asked over UDP, and over TCP for
// what does not fit.
Test(dns_privacy, asks_a_real_stub) {
  struct scratch *scratch = scratch_new();
  struct test_trust trust;
  test_trust_init(&trust, "IP:127.0.0.1");
  scratch_cert(scratch, "resolver", trust.leaf);
  const char *records[64] = {"site.test. 60 IN HTTPS 1 . alpn=h2"};
  size_t num = 1;
  // 60 addresses are more than 512 octets.
  for (size_t i = 0; i < 60; i++) {
    records[num++] =
        scratch_format(scratch, "site.test. 60 IN A 192.0.2.%zu", i + 1);
  }
  struct unbound *unbound = unbound_start(scratch, "resolver", records);
  struct worker *worker = test_worker_new();
  struct dns_server at = test_server_at(NULL, unbound_plain_port(unbound));
  at.scheme = DNS_SERVER_UDP;
  struct resolver *resolver = resolver_new(worker, &at, 1, trust.store);
  struct lookup_answer *answer = NULL;
  lookup_start(resolver, "site.test", 443, on_answer, &answer);
  RUN_UNTIL(worker, answer != NULL);
  cr_assert_eq(answer->status, LOOKUP_NO_ECH, "%s", answer->detail);
  cr_assert_eq(answer->num_addresses, kLookupMaxAddresses);
  lookup_answer_unref(answer);
  resolver_free(resolver);
  test_worker_free(worker);
  unbound_stop(unbound);
  test_trust_cleanup(&trust);
  scratch_free(scratch);
  cr_assert(leaks_none());
}
