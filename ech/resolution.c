#include "ech/resolution.h"

#include <assert.h>
#include <stdio.h>
#include <strings.h>
#include <uv.h>

#include "ech/address_query.h"
#include "ech/config_list.h"
#include "ech/https_records.h"
#include "net/xalloc.h"

// What the HTTPS question has come to.
enum https_state { HTTPS_PENDING, HTTPS_NO_RECORD, HTTPS_RECORDS };

struct resolution {
  struct worker *worker;
  struct dns_client *client;
  resolution_cb *done;
  void *owner;
  char host[kDnsNameSize];
  uint16_t port;
  uint64_t deadline;  // in uv_now's time
  uv_timer_t timer;   // the deadline, or the end of the grace
  bool in_grace;
  struct task task;  // goes on without an HTTPS question
  struct dns_client_query *https_query;
  enum https_state https;
  char https_name[kDnsNameSize];  // asked for now, after aliases
  char canonical[kDnsNameSize];   // where the CNAMEs of `host` lead
  size_t num_aliases;
  bool alias_to_nowhere;
  struct https_records records;
  uint32_t ttl;               // of the HTTPS answers
  struct address_query *own;  // the host's addresses
  struct address_query *targets[kResolutionMaxTargets];
  size_t num_targets;
};

static uint64_t time_left(const struct resolution *r) {
  uint64_t now = uv_now(worker_loop(r->worker));
  return r->deadline > now ? r->deadline - now : 0;
}

static void on_timer_closed(uv_handle_t *handle) { free(handle->data); }

void resolution_cancel(struct resolution *r) {
  if (r == NULL) {
    return;
  }
  worker_undefer(r->worker, &r->task);
  dns_client_query_cancel(r->https_query);
  address_query_free(r->own);
  for (size_t i = 0; i < r->num_targets; i++) {
    address_query_free(r->targets[i]);
  }
  https_records_cleanup(&r->records);
  uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

static void finish(struct resolution *r, struct lookup_answer *answer) {
  resolution_cb *done = r->done;
  void *owner = r->owner;
  resolution_cancel(r);
  done(owner, answer);
}

static void fail(struct resolution *r, const char *why) {
  finish(r, lookup_answer_new(LOOKUP_FAILED, why, kResolutionFailedTtl, NULL, 0,
                              NULL, 0));
}

// The addresses that were asked for under `name`; NULL when there are none.
static struct address_query *addresses_of(const struct resolution *r,
                                          const char *name) {
  // The A and AAAA of the host follow the same CNAMEs as its HTTPS records.
  if (strcmp(name, r->host) == 0 || strcmp(name, r->canonical) == 0) {
    return r->own;
  }
  for (size_t i = 0; i < r->num_targets; i++) {
    if (strcmp(name, address_query_name(r->targets[i])) == 0) {
      return r->targets[i];
    }
  }
  return NULL;
}

static size_t copy_hints(const struct https_record *record, uint16_t port,
                         struct address out[kLookupMaxAddresses]) {
  size_t num = 0;
  for (; num < record->num_hints && num < kLookupMaxAddresses; num++) {
    out[num] = record->hints[num];
    out[num].port = port;
  }
  return num;
}

static size_t record_addresses(const struct resolution *r,
                               const struct https_record *record,
                               struct address out[kLookupMaxAddresses]) {
  uint16_t port = record->port != 0 ? record->port : r->port;
  const struct address_query *query = addresses_of(r, record->target);
  size_t num = query == NULL ? 0 : address_query_addresses(query, port, out);
  if (num == 0) {
    num = copy_hints(record, port, out);
  }
  if (num == 0 && record->target_is_owner && r->num_aliases == 0) {
    num = address_query_addresses(r->own, port, out);
  }
  return num;
}

static uint32_t min_ttl(uint32_t a, uint32_t b) { return a < b ? a : b; }

static uint32_t answer_ttl(const struct resolution *r) {
  uint32_t ttl = min_ttl(r->ttl, address_query_ttl(r->own));
  for (size_t i = 0; i < r->num_targets; i++) {
    ttl = min_ttl(ttl, address_query_ttl(r->targets[i]));
  }
  return min_ttl(ttl, kResolutionMaxTtl);
}

// hides_host says whether the record has a configuration that hides the host's
// name. One whose public name is the same would send it in the clear.
static bool hides_host(const struct resolution *r,
                       const struct https_record *record) {
  struct ech_config_entry entry;
  return record->ech != NULL &&
         ech_config_list_hides(record->ech, record->ech_len, r->host, &entry);
}

static void finish_with_records(struct resolution *r) {
  struct address(*room)[kLookupMaxAddresses] =
      xcalloc(r->records.num_records, sizeof(*room));
  struct endpoint endpoints[kHttpsMaxRecords];
  bool any_ech = false;
  for (size_t i = 0; i < r->records.num_records; i++) {
    const struct https_record *record = &r->records.records[i];
    bool hides = hides_host(r, record);
    any_ech |= hides;
    endpoints[i] = (struct endpoint){
        .priority = record->priority,
        .target = record->target,
        .ech = hides ? record->ech : NULL,
        .ech_len = hides ? record->ech_len : 0,
        .alpn = record->alpn,
        .alpn_len = record->alpn_len,
        .no_default_alpn = record->no_default_alpn,
        .addresses = room[i],
        .num_addresses = record_addresses(r, record, room[i]),
    };
  }
  struct address own[kAddressQueryMax];
  size_t num_own = address_query_addresses(r->own, r->port, own);
  struct lookup_answer *answer = lookup_answer_new(
      any_ech ? LOOKUP_ECH : LOOKUP_NO_ECH,
      any_ech ? "its HTTPS record has a usable ECH configuration"
              : "its HTTPS records have no ECH configuration that can be used",
      answer_ttl(r), endpoints, r->records.num_records, own, num_own);
  answer->ech_ttl = any_ech ? min_ttl(r->ttl, kResolutionMaxTtl) : 0;
  free(room);
  finish(r, answer);
}

// An alias whose end has no ServiceMode records: RFC 9460, section 3.
static void finish_with_alias(struct resolution *r) {
  struct address addresses[kAddressQueryMax];
  const struct address_query *query = addresses_of(r, r->https_name);
  size_t num =
      query == NULL ? 0 : address_query_addresses(query, r->port, addresses);
  const struct endpoint endpoint = {
      .target = r->https_name, .addresses = addresses, .num_addresses = num};
  struct address own[kAddressQueryMax];
  size_t num_own = address_query_addresses(r->own, r->port, own);
  finish(r, lookup_answer_new(
                LOOKUP_NO_ECH,
                "its HTTPS record is an alias of a name that publishes no ECH",
                answer_ttl(r), &endpoint, 1, num > 0 ? addresses : own,
                num > 0 ? num : num_own));
}

static void finish_without_record(struct resolution *r) {
  struct address own[kAddressQueryMax];
  size_t num = address_query_addresses(r->own, r->port, own);
  enum lookup_status status = LOOKUP_NO_RECORD;
  const char *detail = "it has no HTTPS record";
  if (address_query_is_nxdomain(r->own)) {
    status = LOOKUP_NXDOMAIN;
    detail = kLookupNoSuchName;
  } else if (r->alias_to_nowhere) {
    detail = "its HTTPS record says that there is no service";
  } else if (num == 0) {
    detail = "it has no HTTPS record, and no address could be found";
  }
  finish(r,
         lookup_answer_new(status, detail, answer_ttl(r), NULL, 0, own, num));
}

static void finish_with_what_there_is(struct resolution *r) {
  if (r->https == HTTPS_RECORDS) {
    finish_with_records(r);
  } else if (r->num_aliases > 0) {
    finish_with_alias(r);
  } else {
    finish_without_record(r);
  }
}

static bool addresses_are_done(const struct resolution *r) {
  bool done = address_query_is_done(r->own);
  for (size_t i = 0; i < r->num_targets; i++) {
    done &= address_query_is_done(r->targets[i]);
  }
  return done;
}

// Says whether the site can be reached with what is known already.
static bool has_an_address(const struct resolution *r) {
  struct address ignored[kLookupMaxAddresses];
  if (r->https != HTTPS_RECORDS || r->records.num_records == 0) {
    const struct address_query *query =
        r->num_aliases > 0 ? addresses_of(r, r->https_name) : r->own;
    return query != NULL && address_query_addresses(query, 0, ignored) > 0;
  }
  // The first is the best that there is: ECH first, then by priority.
  return record_addresses(r, &r->records.records[0], ignored) > 0;
}

static void on_timer(uv_timer_t *timer) {
  struct resolution *r = timer->data;
  if (r->https == HTTPS_PENDING) {
    fail(r, "the DNS resolver did not answer in time");
  } else {
    finish_with_what_there_is(r);
  }
}

// Ends when all is known; gives what is still missing a little time once there
// is something to connect to.
static void finish_if_done(struct resolution *r) {
  if (r->https == HTTPS_PENDING) {
    return;
  }
  if (addresses_are_done(r)) {
    finish_with_what_there_is(r);
  } else if (!r->in_grace && has_an_address(r)) {
    r->in_grace = true;
    uint64_t left = time_left(r);
    uv_timer_start(&r->timer, on_timer,
                   left < kResolutionGraceMs ? left : kResolutionGraceMs, 0);
  }
}

static void on_addresses(void *owner) { finish_if_done(owner); }

// Asks for the addresses of `name`, unless that is done already or there are
// enough such names: then hints must do.
static void want_addresses(struct resolution *r, const char *name) {
  if (addresses_of(r, name) == NULL && r->num_targets < kResolutionMaxTargets) {
    r->targets[r->num_targets++] =
        address_query_start(r->client, name, time_left(r), on_addresses, r);
  }
}

static void ask_https(struct resolution *r, const char *name);

static void follow_alias(struct resolution *r, const char *alias) {
  if (strcmp(alias, ".") == 0) {
    r->alias_to_nowhere = true;
    r->https = HTTPS_NO_RECORD;
    if (r->num_aliases > 0) {
      want_addresses(r, r->https_name);
    }
    finish_if_done(r);
  } else if (r->num_aliases == kResolutionMaxAliases) {
    fail(r, "its HTTPS records are aliases without an end");
  } else {
    r->num_aliases++;
    ask_https(r, alias);
  }
}

static void on_records(struct resolution *r, const struct dns_answer *answer) {
  https_records_read(&r->records, answer);
  if (r->records.mode == HTTPS_MALFORMED) {
    fail(r, "its HTTPS record is malformed");
    return;
  }
  if (r->records.mode == HTTPS_ALIAS) {
    char alias[kDnsNameSize];
    strcpy(alias, r->records.alias);
    follow_alias(r, alias);
    return;
  }
  r->https = HTTPS_RECORDS;
  if (strcmp(r->https_name, r->host) == 0) {
    strcpy(r->canonical, answer->name);
  }
  for (size_t i = 0; i < r->records.num_records; i++) {
    want_addresses(r, r->records.records[i].target);
  }
  finish_if_done(r);
}

static void on_no_record(struct resolution *r) {
  r->https = HTTPS_NO_RECORD;
  if (r->num_aliases > 0) {
    want_addresses(r, r->https_name);
  }
  finish_if_done(r);
}

static void on_https(void *owner, const struct dns_answer *answer,
                     const char *why) {
  struct resolution *r = owner;
  r->https_query = NULL;
  if (answer == NULL) {
    fail(r, why);
    return;
  }
  r->ttl = min_ttl(r->ttl, answer->ttl);
  switch (answer->status) {
    case DNS_OK:
      on_records(r, answer);
      break;
    case DNS_NODATA:
    case DNS_NXDOMAIN:
      on_no_record(r);
      break;
    default:
      fail(r, dns_status_str(answer->status));
  }
}

static void ask_https(struct resolution *r, const char *name) {
  memmove(r->https_name, name, strlen(name) + 1);
  r->https_query = dns_client_query_start(r->client, name, DNS_HTTPS,
                                          time_left(r), on_https, r);
}

static void on_no_https_name(void *owner) { on_no_record(owner); }

// Asks at the name of RFC 9460, section 9.1. A host whose name leaves no room
// for the prefix cannot have records there.
static void start_https(struct resolution *r) {
  char name[kDnsNameSize + 16];
  if (r->port == 443) {
    ask_https(r, r->host);
    return;
  }
  snprintf(name, sizeof(name), "_%u._https.%s", (unsigned)r->port, r->host);
  if (strlen(name) < kDnsNameSize) {
    ask_https(r, name);
  } else {
    worker_defer(r->worker, &r->task, on_no_https_name, r);
  }
}

struct resolution *resolution_start(struct worker *worker,
                                    struct dns_client *client, const char *host,
                                    uint16_t port, uint64_t timeout_ms,
                                    resolution_cb *done, void *owner) {
  assert(strlen(host) < kDnsNameSize);
  struct resolution *r = xcalloc(1, sizeof(*r));
  r->worker = worker;
  r->client = client;
  r->done = done;
  r->owner = owner;
  r->port = port;
  r->ttl = UINT32_MAX;
  r->deadline = uv_now(worker_loop(worker)) + timeout_ms;
  strcpy(r->host, host);
  uv_timer_init(worker_loop(worker), &r->timer);
  r->timer.data = r;
  uv_timer_start(&r->timer, on_timer, timeout_ms, 0);
  start_https(r);
  r->own = address_query_start(client, host, timeout_ms, on_addresses, r);
  return r;
}
