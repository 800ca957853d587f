#include "ech/server_ech.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "ech/config_list.h"
#include "ech/https_records.h"
#include "net/xalloc.h"

enum {
  kAskAgainMs = 60000,       // after no answer, and at least between two
  kMaxTtlMs = 24 * 3600000,  // a record is not believed for longer
};

struct server_ech {
  pthread_mutex_t mutex;  // guards the rest
  unsigned num_refs;
  uint8_t *list;  // to offer; NULL: none is known
  size_t list_len;
  uint64_t expires_at;  // until then never without `list`
  uint64_t ask_at;      // when the record is to be asked for again
};

struct server_ech *server_ech_new(void) {
  struct server_ech *e = xcalloc(1, sizeof(*e));
  e->num_refs = 1;
  if (pthread_mutex_init(&e->mutex, NULL) != 0) {
    abort();
  }
  return e;
}

static void lock(struct server_ech *e) { pthread_mutex_lock(&e->mutex); }

static void unlock(struct server_ech *e) { pthread_mutex_unlock(&e->mutex); }

static void forget(struct server_ech *e) {
  free(e->list);
  e->list = NULL;
  e->list_len = 0;
}

void server_ech_ref(struct server_ech *e) {
  lock(e);
  e->num_refs++;
  unlock(e);
}

void server_ech_unref(struct server_ech *e) {
  if (e == NULL) {
    return;
  }
  lock(e);
  bool is_last = --e->num_refs == 0;
  unlock(e);
  if (is_last) {
    forget(e);
    pthread_mutex_destroy(&e->mutex);
    free(e);
  }
}

uint8_t *server_ech_list(struct server_ech *e, size_t *out_len) {
  lock(e);
  uint8_t *copy = e->list == NULL ? NULL : xmemdup(e->list, e->list_len);
  *out_len = e->list_len;
  unlock(e);
  return copy;
}

bool server_ech_question(char out_name[kDnsNameSize], enum dns_type *out_type,
                         const struct dns_server *server) {
  if (server->scheme == DNS_SERVER_UDP || dns_server_is_ip(server)) {
    return false;
  }
  int len;
  if (server->scheme == DNS_SERVER_TLS) {
    *out_type = DNS_SVCB;
    len = snprintf(out_name, kDnsNameSize, "_dns.%s", server->host);
  } else if (server->port == 443) {
    *out_type = DNS_HTTPS;
    len = snprintf(out_name, kDnsNameSize, "%s", server->host);
  } else {
    *out_type = DNS_HTTPS;
    len = snprintf(out_name, kDnsNameSize, "_%u._https.%s",
                   (unsigned)server->port, server->host);
  }
  return len > 0 && len < kDnsNameSize;
}

bool server_ech_is_due(struct server_ech *e, uint64_t now_ms) {
  lock(e);
  bool is_due = now_ms >= e->ask_at;
  if (is_due) {
    e->ask_at = now_ms + kAskAgainMs;
  }
  unlock(e);
  return is_due;
}

static bool has_protocol(const struct https_record *r, const char *protocol) {
  size_t len = strlen(protocol);
  for (size_t i = 0; i < r->alpn_len; i += 1u + r->alpn[i]) {
    if (r->alpn[i] == len && memcmp(r->alpn + i + 1, protocol, len) == 0) {
      return true;
    }
  }
  return false;
}

// Says whether `r` speaks of the endpoint that we connect to. A DNS server's
// record must name its protocols, and its port is the protocol's own unless it
// says otherwise (RFC 9461, sections 4.1 and 4.2).
static bool is_ours(const struct https_record *r,
                    const struct dns_server *server) {
  bool is_dot = server->scheme == DNS_SERVER_TLS;
  uint16_t port = r->port;
  if (port == 0) {
    port = is_dot ? kDnsServerTlsPort : server->port;
  }
  bool speaks = is_dot ? has_protocol(r, "dot")
                       : r->alpn_len == 0 || has_protocol(r, "h2");
  return (r->target_is_owner || strcmp(r->target, server->host) == 0) &&
         port == server->port && speaks;
}

static const struct https_record *find_ours(const struct https_records *records,
                                            const struct dns_server *server) {
  for (size_t i = 0; i < records->num_records; i++) {
    const struct https_record *r = &records->records[i];
    struct ech_config_entry entry;
    if (r->ech != NULL && is_ours(r, server) &&
        ech_config_list_hides(r->ech, r->ech_len, server->host, &entry)) {
      return r;
    }
  }
  return NULL;
}

// Takes in what an answer says for `ttl_ms`: a record with a configuration, or
// NULL, that there is none.
static void take(struct server_ech *e, const struct https_record *record,
                 uint64_t ttl_ms, uint64_t now_ms) {
  lock(e);
  e->ask_at = now_ms + (ttl_ms > kAskAgainMs ? ttl_ms : kAskAgainMs);
  if (record != NULL) {
    forget(e);
    e->list = xmemdup(record->ech, record->ech_len);
    e->list_len = record->ech_len;
    e->expires_at = now_ms + ttl_ms;
  } else if (e->expires_at <= now_ms) {
    forget(e);
  }
  unlock(e);
}

void server_ech_learn(struct server_ech *e, const struct dns_server *server,
                      const struct dns_answer *answer, uint64_t now_ms) {
  if (answer->status > DNS_NXDOMAIN) {
    return;  // nothing was learned
  }
  uint64_t ttl_ms = (uint64_t)answer->ttl * 1000;
  struct https_records records = {.num_records = 0};
  if (answer->status == DNS_OK) {
    https_records_read(&records, answer);
  }
  take(e, find_ours(&records, server), ttl_ms < kMaxTtlMs ? ttl_ms : kMaxTtlMs,
       now_ms);
  https_records_cleanup(&records);
}

void server_ech_replace(struct server_ech *e, const uint8_t *list, size_t len) {
  uint8_t *copy = xmemdup(list, len);
  lock(e);
  forget(e);
  e->list = copy;
  e->list_len = len;
  unlock(e);
}

void server_ech_disable(struct server_ech *e) {
  lock(e);
  forget(e);
  e->expires_at = 0;
  unlock(e);
}

void server_ech_fail(struct server_ech *e, uint64_t now_ms) {
  lock(e);
  if (e->expires_at <= now_ms) {
    forget(e);
  }
  unlock(e);
}
