// Tickets come from a server of BoringSSL's in memory.

#include "ech/ticket_cache.h"

#include <criterion/criterion.h>
#include <openssl/hpke.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "ech/origin_session.h"
#include "support/leaks.h"
#include "support/test_cert.h"

enum { kPlenty = 1024 * 1024 };

// A server with ECH, a client that reaches it, and what the client keeps.
struct bed {
  struct test_cert *cert;
  X509_STORE *trust;
  struct site_verifier *verifier;
  SSL_ECH_KEYS *keys;
  uint8_t *list;
  size_t list_len;
  SSL_CTX *server_ctx;
  SSL_CTX *client_ctx;
  struct ticket_cache *cache;
  int num_arrivals;
  SSL *servers[32];  // what they wrote is kept on their side
  size_t num_servers;
};

static void add_ech(struct bed *b) {
  EVP_HPKE_KEY *key = EVP_HPKE_KEY_new();
  uint8_t *config;
  size_t len;
  b->keys = SSL_ECH_KEYS_new();
  cr_assert(EVP_HPKE_KEY_generate(key, EVP_hpke_x25519_hkdf_sha256()));
  cr_assert(SSL_marshal_ech_config(&config, &len, 1, key, "public.test", 0));
  cr_assert(SSL_ECH_KEYS_add(b->keys, 1, config, len, key));
  cr_assert(
      SSL_ECH_KEYS_marshal_retry_configs(b->keys, &b->list, &b->list_len));
  cr_assert(SSL_CTX_set1_ech_keys(b->server_ctx, b->keys));
  OPENSSL_free(config);
  EVP_HPKE_KEY_free(key);
}

static void bed_init(struct bed *b, size_t max_sites) {
  *b = (struct bed){.cache = ticket_cache_new(max_sites, kPlenty)};
  b->cert = test_cert_new(
      &(struct test_cert_spec){.names = "DNS:secret.test", .is_ca = true});
  b->trust = X509_STORE_new();
  X509_STORE_add_cert(b->trust, b->cert->cert);
  b->server_ctx = SSL_CTX_new(TLS_method());
  test_cert_use(b->server_ctx, b->cert);
  SSL_CTX_set_num_tickets(b->server_ctx, 1);
  add_ech(b);
  b->verifier = site_verifier_new(b->trust);
  b->client_ctx = origin_context_new();
}

static void bed_cleanup(struct bed *b) {
  for (size_t i = 0; i < b->num_servers; i++) {
    SSL_free(b->servers[i]);
  }
  ticket_cache_free(b->cache);
  SSL_CTX_free(b->client_ctx);
  SSL_CTX_free(b->server_ctx);
  SSL_ECH_KEYS_free(b->keys);
  OPENSSL_free(b->list);
  site_verifier_free(b->verifier);
  X509_STORE_free(b->trust);
  test_cert_free(b->cert);
  cr_assert(leaks_none());
}

static struct site_digest key_of(const char *host) {
  struct site_digest key;
  site_digest_make(&key, host, 443, NULL, 0);
  return key;
}

static void on_arrival(void *owner) { ((struct bed *)owner)->num_arrivals++; }

// connect_for makes a session for the key of `host`, with ECH or without,
// released with SSL_free. Its ticket is not yet read.
static SSL *connect_for(struct bed *b, const char *host, bool with_ech) {
  const struct origin_session_spec spec = {.verifier = b->verifier,
                                           .host = "secret.test",
                                           .ech = with_ech ? b->list : NULL,
                                           .ech_len = b->list_len};
  struct site_digest key = key_of(host);
  SSL *client = origin_session_new(b->client_ctx, &spec);
  SSL *server = SSL_new(b->server_ctx);
  BIO *ours, *theirs;
  cr_assert(BIO_new_bio_pair(&ours, 1 << 16, &theirs, 1 << 16));
  SSL_set_bio(client, ours, ours);
  SSL_set_bio(server, theirs, theirs);
  SSL_set_connect_state(client);
  SSL_set_accept_state(server);
  ticket_cache_attach(b->cache, client, &key);
  ticket_cache_watch(client, on_arrival, b);
  for (int i = 0; i < 4; i++) {
    SSL_do_handshake(client);
    SSL_do_handshake(server);
  }
  cr_assert(SSL_is_init_finished(client));
  cr_assert_eq(SSL_write(server, "x", 1), 1);
  b->servers[b->num_servers++] = server;
  return client;
}

static void read_ticket(SSL *client) {
  char octet;
  cr_assert_eq(SSL_read(client, &octet, 1), 1);
}

// is_resumed makes a session for the key of `host` and keeps its ticket.
static bool is_resumed(struct bed *b, const char *host) {
  SSL *client = connect_for(b, host, true);
  bool resumed = SSL_session_reused(client);
  read_ticket(client);
  SSL_free(client);
  return resumed;
}

Test(ticket_cache, offers_a_ticket_once) {
  struct bed b;
  bed_init(&b, 4);
  cr_assert_not(is_resumed(&b, "a.test"));
  cr_assert_eq(ticket_cache_num_tickets(b.cache), 1);
  cr_assert_eq(b.num_arrivals, 1);
  SSL *first = connect_for(&b, "a.test", true);
  cr_assert_eq(ticket_cache_num_tickets(b.cache), 0);
  SSL *second = connect_for(&b, "a.test", true);
  cr_assert(SSL_session_reused(first));
  cr_assert_not(SSL_session_reused(second));
  SSL_free(first);
  SSL_free(second);
  bed_cleanup(&b);
}

Test(ticket_cache, keeps_to_the_key) {
  struct bed b;
  bed_init(&b, 4);
  cr_assert_not(is_resumed(&b, "a.test"));
  cr_assert_not(is_resumed(&b, "b.test"));
  cr_assert(is_resumed(&b, "a.test"));
  bed_cleanup(&b);
}

Test(ticket_cache, keeps_few_for_a_site_and_few_sites) {
  struct bed b;
  bed_init(&b, 2);
  SSL *clients[kTicketsPerSite + 1];
  for (size_t i = 0; i < kTicketsPerSite + 1; i++) {
    clients[i] = connect_for(&b, "a.test", true);
  }
  for (size_t i = 0; i < kTicketsPerSite + 1; i++) {
    read_ticket(clients[i]);
    SSL_free(clients[i]);
  }
  cr_assert_eq(ticket_cache_num_tickets(b.cache), kTicketsPerSite);
  cr_assert_not(is_resumed(&b, "b.test"));
  cr_assert_not(is_resumed(&b, "c.test"));
  cr_assert_eq(ticket_cache_num_tickets(b.cache), 2);
  cr_assert(is_resumed(&b, "b.test"));
  cr_assert_not(is_resumed(&b, "a.test"), "used longest ago");
  bed_cleanup(&b);
}

// A server chooses how large its tickets and its chain are.
Test(ticket_cache, keeps_no_more_octets_than_it_may) {
  enum { kSites = 8, kRoom = 4 };
  struct bed b;
  bed_init(&b, kSites);
  ticket_cache_free(b.cache);
  b.cache = ticket_cache_new(kSites, kRoom * 2 * kSessionOctets);
  for (int i = 0; i < kSites; i++) {
    char host[16];
    snprintf(host, sizeof host, "%d.test", i);
    cr_assert_not(is_resumed(&b, host), "%d", i);
  }
  size_t num_kept = ticket_cache_num_tickets(b.cache);
  cr_assert_geq(num_kept, 2);
  cr_assert_lt(num_kept, 2 * kRoom, "more than the session counts");
  cr_assert(is_resumed(&b, "7.test"), "the latest");
  cr_assert_not(is_resumed(&b, "0.test"), "used longest ago");
  cr_assert_eq(ticket_cache_num_tickets(b.cache), num_kept);
  for (int i = 0; i < kSites; i++) {
    cr_assert(is_resumed(&b, "7.test"), "what is used up does not count");
  }
  cr_assert_eq(ticket_cache_num_tickets(b.cache), num_kept);
  bed_cleanup(&b);
}

Test(ticket_cache, keeps_nothing_that_does_not_fit_at_all) {
  struct bed b;
  bed_init(&b, 4);
  ticket_cache_free(b.cache);
  b.cache = ticket_cache_new(4, kSessionOctets);
  cr_assert_not(is_resumed(&b, "a.test"));
  cr_assert_eq(ticket_cache_num_tickets(b.cache), 0);
  bed_cleanup(&b);
}

Test(ticket_cache, takes_none_of_a_session_without_ech) {
  struct bed b;
  bed_init(&b, 4);
  SSL *client = connect_for(&b, "a.test", false);
  read_ticket(client);
  SSL_free(client);
  cr_assert_eq(ticket_cache_num_tickets(b.cache), 0);
  bed_cleanup(&b);
}

Test(ticket_cache, clears_also_what_is_still_to_come) {
  struct bed b;
  bed_init(&b, 4);
  cr_assert_not(is_resumed(&b, "a.test"));
  SSL *client = connect_for(&b, "b.test", true);
  ticket_cache_clear(b.cache);
  read_ticket(client);
  SSL_free(client);
  cr_assert_eq(ticket_cache_num_tickets(b.cache), 0);
  bed_cleanup(&b);
}

Test(ticket_cache, may_go_before_the_sessions) {
  struct bed b;
  bed_init(&b, 4);
  SSL *client = connect_for(&b, "a.test", true);
  ticket_cache_free(b.cache);
  b.cache = NULL;
  read_ticket(client);
  SSL_free(client);
  bed_cleanup(&b);
}

Test(ticket_cache, tells_nobody_who_has_stopped_watching) {
  struct bed b;
  bed_init(&b, 4);
  SSL *client = connect_for(&b, "a.test", true);
  ticket_cache_watch(client, NULL, NULL);
  read_ticket(client);
  SSL_free(client);
  cr_assert_eq(b.num_arrivals, 0);
  cr_assert_eq(ticket_cache_num_tickets(b.cache), 1);
  bed_cleanup(&b);
}

// What one of many clients at once did.
struct visitor {
  struct bed *bed;
  pthread_t thread;
  int num_resumed;
};

// Begins many sessions for one key and counts those that offer a ticket.
static void *visit(void *arg) {
  enum { kVisits = 50 };
  struct visitor *v = arg;
  struct site_digest key = key_of("a.test");
  for (int i = 0; i < kVisits; i++) {
    const struct origin_session_spec spec = {.verifier = v->bed->verifier,
                                             .host = "secret.test",
                                             .ech = v->bed->list,
                                             .ech_len = v->bed->list_len};
    SSL *ssl = origin_session_new(v->bed->client_ctx, &spec);
    ticket_cache_attach(v->bed->cache, ssl, &key);
    v->num_resumed += SSL_get_session(ssl) != NULL;
    SSL_free(ssl);
  }
  return NULL;
}

Test(ticket_cache, offers_a_ticket_once_to_many_threads) {
  enum { kVisitors = 4 };
  struct bed b;
  struct visitor visitors[kVisitors];
  SSL *clients[kTicketsPerSite];
  int num_resumed = 0;
  bed_init(&b, 4);
  for (size_t i = 0; i < kTicketsPerSite; i++) {
    clients[i] = connect_for(&b, "a.test", true);
  }
  for (size_t i = 0; i < kTicketsPerSite; i++) {
    read_ticket(clients[i]);
    SSL_free(clients[i]);
  }
  for (int i = 0; i < kVisitors; i++) {
    visitors[i] = (struct visitor){.bed = &b};
    cr_assert_eq(pthread_create(&visitors[i].thread, NULL, visit, &visitors[i]),
                 0);
  }
  for (int i = 0; i < kVisitors; i++) {
    pthread_join(visitors[i].thread, NULL);
    num_resumed += visitors[i].num_resumed;
  }
  cr_assert_eq(num_resumed, kTicketsPerSite);
  bed_cleanup(&b);
}
