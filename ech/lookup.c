#include "ech/lookup.h"

#include <stdio.h>
#include <uthash.h>
#include <utlist.h>
#include <uv.h>

#include "ech/dns_client.h"
#include "ech/local_domains.h"
#include "ech/lookup_cache.h"
#include "ech/resolution.h"
#include "ech/special_name.h"
#include "ech/system_resolver.h"
#include "net/xalloc.h"

enum {
  kMaxCached = 16384,
  kKeySize = kDnsNameSize + 8,  // "host:port"
};

// A flight is one resolution that all lookups of a host and port wait for. It
// goes on when they are cancelled, for whoever asks next.
struct flight {
  struct resolver *resolver;
  struct resolution *resolution;
  struct lookup *waiting;
  UT_hash_handle hh;
  char key[kKeySize];
};

// A lookup waits for a flight, for the system's resolver, or, with its answer,
// for `done` to run.
struct lookup {
  struct resolver *resolver;
  struct lookup **list;  // a flight's, or the resolver's
  struct lookup *next;
  struct lookup *prev;
  lookup_cb *done;
  void *owner;
  struct system_query *system_query;
  struct lookup_answer *answer;
  bool is_cached;  // the answer was there
  struct task task;
};

struct resolver {
  struct worker *worker;
  struct dns_client *client;
  struct lookup_cache *cache;
  struct flight *flights;
  struct lookup *lookups;  // that wait for no flight
  struct local_domains local;
  unsigned generation;  // for the cache
};

struct resolver *resolver_new(struct worker *worker,
                              const struct dns_server *servers,
                              size_t num_servers, X509_STORE *trust) {
  struct resolver *r = xcalloc(1, sizeof(*r));
  r->worker = worker;
  r->client = dns_client_new(worker, servers, num_servers, trust);
  dns_client_keep_from(r->client, &r->local);
  r->cache = lookup_cache_new(kMaxCached);
  return r;
}

static void flight_free(struct flight *f) {
  while (f->waiting != NULL) {
    lookup_cancel(f->waiting);
  }
  HASH_DEL(f->resolver->flights, f);
  resolution_cancel(f->resolution);
  free(f);
}

void resolver_free(struct resolver *resolver) {
  if (resolver == NULL) {
    return;
  }
  while (resolver->lookups != NULL) {
    lookup_cancel(resolver->lookups);
  }
  while (resolver->flights != NULL) {
    flight_free(resolver->flights);
  }
  dns_client_free(resolver->client);
  lookup_cache_unref(resolver->cache);
  local_domains_cleanup(&resolver->local);
  free(resolver);
}

bool resolver_use_system_for(struct resolver *resolver, const char *domain) {
  return local_domains_add(&resolver->local, domain);
}

void resolver_share(struct resolver *resolver, const struct resolver *other) {
  lookup_cache_ref(other->cache);
  lookup_cache_unref(resolver->cache);
  resolver->cache = other->cache;
  dns_client_share(resolver->client, other->client);
  resolver->generation = other->generation;
}

void resolver_succeed(struct resolver *resolver,
                      const struct resolver *before) {
  resolver_share(resolver, before);
  resolver->generation++;
  lookup_cache_renew(resolver->cache, resolver->generation);
}

void resolver_use_health(struct resolver *resolver,
                         struct resolver_health *health) {
  dns_client_use_health(resolver->client, health);
}

static void lookup_move(struct lookup *l, struct lookup **to) {
  if (l->list != NULL) {
    DL_DELETE(*l->list, l);
  }
  DL_APPEND(*to, l);
  l->list = to;
}

void lookup_cancel(struct lookup *lookup) {
  if (lookup == NULL) {
    return;
  }
  DL_DELETE(*lookup->list, lookup);
  worker_undefer(lookup->resolver->worker, &lookup->task);
  system_query_cancel(lookup->system_query);
  lookup_answer_unref(lookup->answer);
  free(lookup);
}

static void on_answered(void *owner) {
  struct lookup *l = owner;
  lookup_cb *done = l->done;
  void *done_owner = l->owner;
  struct lookup_answer *answer = l->answer;
  l->answer = NULL;  // handed on
  lookup_cancel(l);
  done(done_owner, answer);
}

// Gives `l` its answer, of which it takes a reference; `done` runs from the
// loop.
static void answer_lookup(struct lookup *l, struct lookup_answer *answer) {
  l->answer = answer;
  lookup_move(l, &l->resolver->lookups);
  worker_defer(l->resolver->worker, &l->task, on_answered, l);
}

static void answer_at_once(struct lookup *l, enum lookup_status status,
                           const char *detail, const struct address *addresses,
                           size_t num_addresses) {
  answer_lookup(l, lookup_answer_new(status, detail, 0, NULL, 0, addresses,
                                     num_addresses));
}

static void on_resolved(void *owner, struct lookup_answer *answer) {
  struct flight *f = owner;
  struct resolver *r = f->resolver;
  f->resolution = NULL;
  uint64_t now = uv_now(worker_loop(r->worker));
  uint32_t ttl = answer->ech_ttl > answer->ttl ? answer->ech_ttl : answer->ttl;
  answer->expires_at = now + (uint64_t)ttl * 1000;
  struct lookup_answer *given =
      lookup_cache_put(r->cache, f->key, answer, now, r->generation);
  while (f->waiting != NULL) {
    lookup_answer_ref(given);
    answer_lookup(f->waiting, given);
  }
  lookup_answer_unref(given);
  lookup_answer_unref(answer);
  flight_free(f);
}

static struct flight *flight_for(struct resolver *r, const char *key,
                                 const char *name, uint16_t port) {
  struct flight *f;
  HASH_FIND_STR(r->flights, key, f);
  if (f == NULL) {
    f = xcalloc(1, sizeof(*f));
    f->resolver = r;
    strcpy(f->key, key);
    f->resolution = resolution_start(r->worker, r->client, name, port,
                                     kLookupTimeoutMs, on_resolved, f);
    HASH_ADD_STR(r->flights, key, f);
  }
  return f;
}

static void start_public(struct lookup *l, const char *name, uint16_t port) {
  struct resolver *r = l->resolver;
  char key[kKeySize];
  snprintf(key, sizeof(key), "%s:%u", name, (unsigned)port);
  uint64_t now_ms = uv_now(worker_loop(r->worker));
  struct lookup_answer *kept = lookup_cache_get(r->cache, key, now_ms);
  if (kept == NULL) {
    lookup_move(l, &flight_for(r, key, name, port)->waiting);
    return;
  }
  l->is_cached = true;
  answer_lookup(l, kept);
  if (lookup_cache_is_due(r->cache, key, now_ms)) {
    flight_for(r, key, name, port);  // for whoever asks next
  }
}

static void on_system_answer(void *owner, int err,
                             const struct address *addresses,
                             size_t num_addresses) {
  struct lookup *l = owner;
  l->system_query = NULL;
  if (err == 0) {
    answer_at_once(l, LOOKUP_LOCAL, "it is a name for the system's resolver",
                   addresses, num_addresses);
  } else if (err == UV_EAI_NONAME || err == UV_EAI_NODATA) {
    answer_at_once(l, LOOKUP_NXDOMAIN,
                   "the system's resolver knows no such name", NULL, 0);
  } else {
    answer_at_once(l, LOOKUP_FAILED, "the system's resolver did not answer",
                   NULL, 0);
  }
}

static void start_loopback(struct lookup *l, uint16_t port) {
  struct address addresses[2];
  address_from_ip(&addresses[0], "127.0.0.1", port);
  address_from_ip(&addresses[1], "::1", port);
  answer_at_once(l, LOOKUP_LOCAL, "it is this machine", addresses, 2);
}

static void start_system(struct lookup *l, const char *name, uint16_t port) {
  l->system_query = system_query_start(l->resolver->worker, name, port,
                                       kLookupTimeoutMs, on_system_answer, l);
}

// special_name_classify, with the user's list.
static enum name_kind classify(const struct resolver *r,
                               char out_name[kDnsNameSize],
                               struct address *out_ip, const char *host) {
  enum name_kind kind = special_name_classify(out_name, out_ip, host);
  bool is_local =
      kind == NAME_PUBLIC && local_domains_contain(&r->local, out_name);
  return is_local ? NAME_SYSTEM : kind;
}

static void start(struct lookup *l, const char *host, uint16_t port) {
  char name[kDnsNameSize];
  struct address ip;
  switch (classify(l->resolver, name, &ip, host)) {
    case NAME_PUBLIC:
      start_public(l, name, port);
      break;
    case NAME_IP:
      ip.port = port;
      answer_at_once(l, LOOKUP_LOCAL, "it is an IP address", &ip, 1);
      break;
    case NAME_LOOPBACK:
      start_loopback(l, port);
      break;
    case NAME_SYSTEM:
      start_system(l, name, port);
      break;
    case NAME_ONION:
      answer_at_once(l, LOOKUP_FORBIDDEN,
                     ".onion names are for Tor and are never sent to DNS", NULL,
                     0);
      break;
    case NAME_NONEXISTENT:
      answer_at_once(l, LOOKUP_NXDOMAIN, kLookupNoSuchName, NULL, 0);
      break;
    case NAME_NOT_A_HOST:
      answer_at_once(l, LOOKUP_FORBIDDEN, "it is not a valid host name", NULL,
                     0);
      break;
  }
}

struct lookup *lookup_start(struct resolver *resolver, const char *host,
                            uint16_t port, lookup_cb *done, void *owner) {
  struct lookup *l = xcalloc(1, sizeof(*l));
  l->resolver = resolver;
  l->done = done;
  l->owner = owner;
  lookup_move(l, &resolver->lookups);
  start(l, host, port);
  return l;
}

bool lookup_is_cached(const struct lookup *lookup) { return lookup->is_cached; }
