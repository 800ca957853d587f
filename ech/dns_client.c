#include "ech/dns_client.h"

#include <assert.h>
#include <utlist.h>
#include <uv.h>

#include "ech/dns_channel.h"
#include "ech/server_ech_book.h"
#include "ech/special_name.h"
#include "net/xalloc.h"

enum {
  kTryMs = 2500,  // what one server gets while there is another to try
  kMaxTriesOfOne = 2,
};

struct server {
  struct dns_channel *channel;
  uint64_t bad_until;  // in uv_now's time
};

struct dns_client {
  struct worker *worker;
  struct server servers[kDnsClientMaxServers];
  size_t num_servers;
  struct dns_client_query *queries;
  const struct local_domains *kept_from;  // NULL: none
  struct server_ech_book *book;           // of the servers' ECH
  struct resolver_health *health;         // NULL: nobody asks
};

struct dns_client_query {
  struct dns_client *client;
  struct dns_client_query *next;
  struct dns_client_query *prev;
  dns_client_query_cb *done;
  void *owner;
  char name[kDnsNameSize];
  enum dns_type type;
  uint64_t deadline;
  uint8_t message[kDnsQueryMaxLen];
  size_t message_len;
  struct server *server;  // asked now
  struct dns_channel_query *channel_query;
  unsigned num_tries[kDnsClientMaxServers];
  struct task task;  // to fail at once
  const char *refusal;
};

static uint64_t now_ms(const struct dns_client *client) {
  return uv_now(worker_loop(client->worker));
}

struct dns_client *dns_client_new(struct worker *worker,
                                  const struct dns_server *servers,
                                  size_t num_servers, X509_STORE *trust) {
  assert(num_servers > 0);
  struct dns_client *client = xcalloc(1, sizeof(*client));
  client->worker = worker;
  client->book = server_ech_book_new();
  for (size_t i = 0; i < num_servers && i < kDnsClientMaxServers; i++) {
    client->servers[i].channel = dns_channel_new(worker, &servers[i], trust);
    dns_channel_use_book(client->servers[i].channel, client->book);
    client->num_servers++;
  }
  return client;
}

void dns_client_share(struct dns_client *client,
                      const struct dns_client *other) {
  server_ech_book_ref(other->book);
  server_ech_book_unref(client->book);
  client->book = other->book;
  for (size_t i = 0; i < client->num_servers; i++) {
    dns_channel_use_book(client->servers[i].channel, client->book);
  }
}

void dns_client_use_health(struct dns_client *client,
                           struct resolver_health *health) {
  client->health = health;
}

void dns_client_free(struct dns_client *client) {
  if (client == NULL) {
    return;
  }
  while (client->queries != NULL) {
    dns_client_query_cancel(client->queries);
  }
  for (size_t i = 0; i < client->num_servers; i++) {
    dns_channel_free(client->servers[i].channel);
  }
  server_ech_book_unref(client->book);
  free(client);
}

void dns_client_query_cancel(struct dns_client_query *query) {
  if (query == NULL) {
    return;
  }
  DL_DELETE(query->client->queries, query);
  worker_undefer(query->client->worker, &query->task);
  dns_channel_query_cancel(query->channel_query);
  free(query);
}

static void finish(struct dns_client_query *q, const struct dns_answer *answer,
                   const char *why) {
  dns_client_query_cb *done = q->done;
  void *owner = q->owner;
  dns_client_query_cancel(q);
  done(owner, answer, why);
}

static unsigned *tries_of(struct dns_client_query *q,
                          const struct server *server) {
  return &q->num_tries[server - q->client->servers];
}

// The server to ask next: the first that is not known to be bad, else the first
// at all, of those that this query has not tried. NULL when there is none.
static struct server *next_server(struct dns_client_query *q) {
  struct server *bad = NULL;
  for (size_t i = 0; i < q->client->num_servers; i++) {
    struct server *s = &q->client->servers[i];
    if (*tries_of(q, s) > 0) {
      continue;
    }
    if (s->bad_until <= now_ms(q->client)) {
      return s;
    }
    bad = bad == NULL ? s : bad;
  }
  return bad;
}

// A connection that has gone silent, as when this machine has changed networks,
// is worth a second try with a new one when there is no other server.
static bool may_try_again(struct dns_client_query *q) {
  return q->client->num_servers == 1 &&
         *tries_of(q, q->server) < kMaxTriesOfOne;
}

static uint64_t time_left(const struct dns_client_query *q) {
  uint64_t now = now_ms(q->client);
  return q->deadline > now ? q->deadline - now : 0;
}

static void on_answer(void *owner, enum channel_status status,
                      const uint8_t *message, size_t len);

static void ask(struct dns_client_query *q, struct server *server) {
  q->server = server;
  ++*tries_of(q, server);
  uint64_t left = time_left(q);
  bool has_more = next_server(q) != NULL || may_try_again(q);
  uint64_t timeout = has_more && left > kTryMs ? kTryMs : left;
  q->channel_query = dns_channel_query_start(
      server->channel, q->message, q->message_len, timeout, on_answer, q);
}

static bool is_servers_fault(const struct dns_answer *answer) {
  return answer->status == DNS_BOGUS || answer->status == DNS_REFUSED;
}

// note_health tells what became of a query: NULL is an answer.
static void note_health(const struct dns_client *client, const char *failure) {
  if (client->health == NULL) {
    return;
  }
  if (failure == NULL) {
    resolver_health_answered(client->health);
  } else {
    resolver_health_failed(client->health, failure);
  }
}

// Asks another server if there is one and time is left. False otherwise.
static bool go_on(struct dns_client_query *q, bool again) {
  struct server *server = next_server(q);
  if (server == NULL && again && may_try_again(q)) {
    server = q->server;
  }
  if (server == NULL || time_left(q) == 0) {
    return false;
  }
  ask(q, server);
  return true;
}

static void penalize(struct dns_client_query *q) {
  q->server->bad_until = now_ms(q->client) + kDnsClientPenaltyMs;
}

static void on_message(struct dns_client_query *q, const uint8_t *message,
                       size_t len) {
  struct dns_answer answer;
  dns_answer_parse(&answer, message, len, q->name, q->type);
  if (!is_servers_fault(&answer)) {
    q->server->bad_until = 0;
    note_health(q->client, NULL);
    finish(q, &answer, NULL);
    return;
  }
  penalize(q);
  if (!go_on(q, false)) {
    note_health(q->client, dns_status_str(answer.status));
    finish(q, &answer, NULL);
  }
}

static void on_answer(void *owner, enum channel_status status,
                      const uint8_t *message, size_t len) {
  struct dns_client_query *q = owner;
  q->channel_query = NULL;
  if (status == CHANNEL_OK) {
    on_message(q, message, len);
    return;
  }
  bool is_alive = status == CHANNEL_TIMEOUT || status == CHANNEL_BUSY;
  if (!is_alive) {
    penalize(q);
  }
  if (!go_on(q, status == CHANNEL_TIMEOUT || status == CHANNEL_BROKEN)) {
    note_health(q->client, channel_status_str(status));
    finish(q, NULL, channel_status_str(status));
  }
}

static void on_refused(void *owner) {
  struct dns_client_query *q = owner;
  finish(q, NULL, q->refusal);
}

// Says why `name` must not be asked for; NULL when it may. The name is `q`'s
// then.
static const char *refusal_of(struct dns_client_query *q, const char *name) {
  char normal[kDnsNameSize];
  struct address ignored;
  if (strlen(name) >= sizeof(q->name) ||
      !dns_query_write(q->message, &q->message_len, name, q->type)) {
    return "a name on the way is not a domain name";
  }
  if (special_name_classify(normal, &ignored, name) != NAME_PUBLIC) {
    return "a name on the way is not one for public DNS";
  }
  if (q->client->kept_from != NULL &&
      local_domains_contain(q->client->kept_from, normal)) {
    return "a name on the way is for the system's resolver";
  }
  memcpy(q->name, name, strlen(name) + 1);
  return NULL;
}

void dns_client_keep_from(struct dns_client *client,
                          const struct local_domains *domains) {
  client->kept_from = domains;
}

struct dns_client_query *dns_client_query_start(
    struct dns_client *client, const char *name, enum dns_type type,
    uint64_t timeout_ms, dns_client_query_cb *done, void *owner) {
  struct dns_client_query *q = xcalloc(1, sizeof(*q));
  q->client = client;
  q->done = done;
  q->owner = owner;
  q->type = type;
  q->deadline = now_ms(client) + timeout_ms;
  DL_APPEND(client->queries, q);
  q->refusal = refusal_of(q, name);
  if (q->refusal == NULL) {
    ask(q, next_server(q));
  } else {
    worker_defer(client->worker, &q->task, on_refused, q);
  }
  return q;
}
