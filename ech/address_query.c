#include "ech/address_query.h"

#include "net/xalloc.h"

enum {
  kTtlWithout = 2,   // nothing found, and something failed
  kTtlPartial = 30,  // one family found, the other failed
};

// One of the two questions.
struct family {
  struct address_query *set;
  enum dns_type type;
  struct dns_client_query *query;  // NULL when it is over
  bool has_answer;                 // else it runs or has failed
  enum dns_status status;
  uint32_t ttl;
  struct address found[kAddressQueryMax];
  size_t num_found;
};

struct address_query {
  address_query_cb *on_more;
  void *owner;
  char name[kDnsNameSize];
  struct family ipv6;
  struct family ipv4;
};

static void read_records(struct family *f, const struct dns_answer *answer) {
  for (size_t i = 0; i < answer->num_records && f->num_found < kAddressQueryMax;
       i++) {
    if (dns_record_address(&f->found[f->num_found], &answer->records[i],
                           f->type)) {
      f->num_found++;
    }
  }
}

static void on_answer(void *owner, const struct dns_answer *answer,
                      const char *why) {
  (void)why;
  struct family *f = owner;
  f->query = NULL;
  if (answer != NULL && answer->status <= DNS_NXDOMAIN) {
    f->has_answer = true;
    f->status = answer->status;
    f->ttl = answer->ttl;
    read_records(f, answer);
  }
  f->set->on_more(f->set->owner);
}

static void family_start(struct family *f, struct address_query *set,
                         enum dns_type type, struct dns_client *client,
                         uint64_t timeout_ms) {
  f->set = set;
  f->type = type;
  f->query =
      dns_client_query_start(client, set->name, type, timeout_ms, on_answer, f);
}

struct address_query *address_query_start(struct dns_client *client,
                                          const char *name, uint64_t timeout_ms,
                                          address_query_cb *on_more,
                                          void *owner) {
  struct address_query *q = xcalloc(1, sizeof(*q));
  q->on_more = on_more;
  q->owner = owner;
  memcpy(q->name, name, strnlen(name, sizeof(q->name) - 1));
  family_start(&q->ipv6, q, DNS_AAAA, client, timeout_ms);
  family_start(&q->ipv4, q, DNS_A, client, timeout_ms);
  return q;
}

void address_query_free(struct address_query *query) {
  if (query == NULL) {
    return;
  }
  dns_client_query_cancel(query->ipv6.query);
  dns_client_query_cancel(query->ipv4.query);
  free(query);
}

const char *address_query_name(const struct address_query *query) {
  return query->name;
}

bool address_query_is_done(const struct address_query *query) {
  return query->ipv6.query == NULL && query->ipv4.query == NULL;
}

static size_t append(struct address *out, size_t num, size_t max,
                     const struct family *f, uint16_t port) {
  for (size_t i = 0; i < f->num_found && num < max; i++) {
    out[num] = f->found[i];
    out[num++].port = port;
  }
  return num;
}

size_t address_query_addresses(const struct address_query *query, uint16_t port,
                               struct address out[kAddressQueryMax]) {
  // Half of the room is kept for IPv4, if it needs as much.
  size_t ipv4 = query->ipv4.num_found;
  ipv4 = ipv4 < kAddressQueryMax / 2 ? ipv4 : kAddressQueryMax / 2;
  size_t num = append(out, 0, kAddressQueryMax - ipv4, &query->ipv6, port);
  return append(out, num, kAddressQueryMax, &query->ipv4, port);
}

bool address_query_is_nxdomain(const struct address_query *query) {
  const struct family *a = &query->ipv6, *b = &query->ipv4;
  return a->has_answer && b->has_answer && a->status != DNS_OK &&
         b->status != DNS_OK &&
         (a->status == DNS_NXDOMAIN || b->status == DNS_NXDOMAIN);
}

static uint32_t min_ttl(uint32_t a, uint32_t b) { return a < b ? a : b; }

uint32_t address_query_ttl(const struct address_query *query) {
  const struct family *families[] = {&query->ipv6, &query->ipv4};
  bool any = query->ipv6.num_found + query->ipv4.num_found > 0;
  uint32_t ttl = UINT32_MAX;
  for (size_t i = 0; i < 2; i++) {
    const struct family *f = families[i];
    if (!f->has_answer) {
      ttl = min_ttl(ttl, any ? kTtlPartial : kTtlWithout);
    } else if (f->num_found > 0 || f->ttl > 0 || !any) {
      ttl = min_ttl(ttl, f->ttl);
    }
    // else: one family only, and no SOA that says for how long. That must not
    // make every connection ask again for the addresses that are known.
  }
  return ttl;
}
