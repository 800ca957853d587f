// front_bed is what the tests of the proxy's front share: a worker with a
// proxy, a browser whose connection is handed to it, an origin, and stand-ins
// for the lookup, the tunnel and the log that write down what they are asked.
// Include it from one file of a test only.

#ifndef ECHPROXY_TESTS_PROXY_FRONT_BED_H
#define ECHPROXY_TESTS_PROXY_FRONT_BED_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ech/lookup.h"
#include "net/net_test.h"
#include "net/xalloc.h"
#include "proxy/client.h"
#include "proxy/local_site.h"
#include "proxy/log.h"
#include "proxy/proxy.h"
#include "proxy/terms.h"
#include "proxy/tunnel.h"
#include "status/journal.h"
#include "status/tally.h"

static const char kBedToken[] = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw-";
static const char kBedKey[] = "00112233445566778899aabbccddeeff";

struct front_bed {
  struct proxy proxy;
  struct terms terms;
  struct proxy_limit limit;
  struct local_site local;
  struct tally_counts counts;  // read by bed_count
  struct log log;
  struct peer browser;
  struct test_listener listener;  // the origin's
  struct peer origin;
};

// The stand-ins' memory; a test runs in a process of its own.
static struct {
  enum lookup_status status;  // what lookups find
  struct address address;     // where; port 0: there is none
  size_t num_endpoints;
  char host[300];  // the last lookup's
  uint16_t port;
  int num_lookups;
  bool is_cached;

  struct stream *tunnel;  // what tunnel_open took
  enum front_kind kind;
  char tunnel_host[300];
  uint16_t tunnel_port;

  int num_logs;
  char verdict[64];
  char cause[256];
} fake;

// A lookup that answers from the loop.
struct lookup {
  struct worker *worker;
  struct task task;
  lookup_cb *done;
  void *owner;
};

static struct worker *fake_worker;

static void fake_on_lookup(void *owner) {
  struct lookup l = *(struct lookup *)owner;
  free(owner);
  struct endpoint endpoint = {.target = "x"};
  l.done(l.owner,
         lookup_answer_new(fake.status, "as the test says", 0, &endpoint,
                           fake.num_endpoints, &fake.address,
                           fake.address.port != 0 ? 1 : 0));
}

struct lookup *lookup_start(struct resolver *resolver, const char *host,
                            uint16_t port, lookup_cb *done, void *owner) {
  (void)resolver;
  struct lookup *l = xcalloc(1, sizeof(*l));
  l->worker = fake_worker;
  l->done = done;
  l->owner = owner;
  snprintf(fake.host, sizeof(fake.host), "%s", host);
  fake.port = port;
  fake.num_lookups++;
  worker_defer(fake_worker, &l->task, fake_on_lookup, l);
  return l;
}

bool lookup_is_cached(const struct lookup *l) {
  (void)l;
  return fake.is_cached;
}

void lookup_cancel(struct lookup *l) {
  if (l != NULL) {
    worker_undefer(l->worker, &l->task);
    free(l);
  }
}

void tunnel_open(struct proxy *proxy, struct stream *browser,
                 enum front_kind kind, const char *host, uint16_t port,
                 bool is_from_here) {
  (void)proxy;
  cr_assert(is_from_here);
  cr_assert_null(fake.tunnel);
  fake.tunnel = browser;
  fake.kind = kind;
  snprintf(fake.tunnel_host, sizeof(fake.tunnel_host), "%s", host);
  fake.tunnel_port = port;
}

void log_tunnel_end(const struct log *log, const struct log_tunnel *tunnel) {
  (void)log;
  fake.num_logs++;
  snprintf(fake.verdict, sizeof(fake.verdict), "%s", tunnel->verdict);
  snprintf(fake.cause, sizeof(fake.cause), "%s",
           tunnel->cause != NULL ? tunnel->cause : "");
}

__attribute__((format(printf, 2, 3))) void log_warning(const struct log *log,
                                                       const char *format,
                                                       ...) {
  va_list args;
  (void)log;
  fake.num_logs++;
  va_start(args, format);
  vsnprintf(fake.cause, sizeof(fake.cause), format, args);
  va_end(args);
}

// bed_connect makes a new connection of the browser's.
static inline void bed_connect(struct front_bed *bed) {
  struct stream *ours, *theirs;
  peer_cleanup(&bed->browser);
  bed->browser = (struct peer){0};
  test_tcp_pair(bed->proxy.worker, &theirs, &ours);
  peer_open(&bed->browser, theirs);
  client_open(&bed->proxy, ours);
}

static inline void bed_open(struct front_bed *bed) {
  *bed = (struct front_bed){0};
  fake_worker = test_worker_new();
  bed->proxy.worker = fake_worker;
  bed->proxy.log = &bed->log;
  bed->proxy.terms = &bed->terms;
  bed->terms.num_refs = 1;
  bed->proxy.limit = &bed->limit;
  bed->proxy.local = &bed->local;
  snprintf(bed->local.token, sizeof(bed->local.token), "%s", kBedToken);
  snprintf(bed->local.probe_key, sizeof(bed->local.probe_key), "%s", kBedKey);
  bed->proxy.journal = journal_new(16);
  bed->proxy.tally = tally_new();
  test_listener_open(&bed->listener, fake_worker, "127.0.0.1");
  fake.address = bed->listener.address;
  fake.status = LOOKUP_LOCAL;
  bed_connect(bed);
}

// bed_close lets what is closing finish, and asserts that nothing is left.
static inline void bed_close(struct front_bed *bed) {
  struct worker *worker = bed->proxy.worker;
  if (fake.tunnel != NULL) {
    stream_close(fake.tunnel);
  }
  peer_cleanup(&bed->browser);
  peer_cleanup(&bed->origin);
  test_listener_close(&bed->listener);
  RUN_UNTIL(worker, bed->proxy.num_connections == 0);
  worker_run(worker);  // farewells, which end when the peer has closed
  cr_assert_eq(bed->terms.num_refs, 1);
  cr_assert_eq(worker_free(worker), 0);
  journal_free(bed->proxy.journal);
  tally_free(bed->proxy.tally);
}

// bed_count reads the tally.
static inline const struct tally_counts *bed_count(struct front_bed *bed) {
  tally_read(bed->proxy.tally, &bed->counts);
  return &bed->counts;
}

// bed_origin waits for the proxy to connect to the origin.
static inline void bed_origin(struct front_bed *bed) {
  RUN_UNTIL(bed->proxy.worker, bed->listener.accepted != NULL);
  peer_open(&bed->origin, bed->listener.accepted);
  bed->listener.accepted = NULL;
}

static inline bool peer_has(const struct peer *p, const char *text) {
  return p->got.len > 0 &&
         memmem(p->got.data, p->got.len, text, strlen(text)) != NULL;
}

// bed_expect waits for the browser's connection to end and asserts that what it
// got begins and contains as it should.
static inline void bed_expect(struct front_bed *bed, const char *begins,
                              const char *contains) {
  RUN_UNTIL(bed->proxy.worker, bed->browser.num_ends > 0);
  bytes_append(&bed->browser.got, "", 1);
  const char *got = (const char *)bed->browser.got.data;
  bed->browser.got.len--;
  cr_expect(strncmp(got, begins, strlen(begins)) == 0, "%s instead of %s", got,
            begins);
  cr_expect(strstr(got, contains) != NULL, "%s lacks %s", got, contains);
  cr_expect_eq(bed->browser.end_err, 0);
}

#endif
