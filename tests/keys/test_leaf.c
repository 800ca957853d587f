#include "keys/leaf.h"

#include <criterion/criterion.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#include "keys/make_ca.h"
#include "keys/support.h"

struct fixture {
  struct scratch scratch;
  struct ca *ca;
  struct leaf_cache *leaves;
  SSL_CTX *ctx;
};

static struct fixture fixture_new(size_t max_leaves) {
  struct fixture f = {.scratch = scratch_new()};
  f.ca = ca_open(f.scratch.dir, NULL);
  f.leaves = leaf_cache_new(f.ca, max_leaves);
  f.ctx = SSL_CTX_new(TLS_method());
  cr_assert(f.ca != NULL && f.leaves != NULL && f.ctx != NULL);
  return f;
}

// fixture_free is the leak check of every test here.
static void fixture_free(struct fixture *f) {
  SSL_CTX_free(f->ctx);
  leaf_cache_free(f->leaves);
  ca_free(f->ca);
  scratch_remove(&f->scratch);
  cr_assert(no_leaks());
}

// leaf_for returns the certificate that a browser would be shown, or NULL.
static X509 *leaf_for(const struct fixture *f, const char *host) {
  SSL *ssl = SSL_new(f->ctx);
  X509 *leaf = NULL;
  if (leaf_cache_use(f->leaves, ssl, host)) {
    leaf = shown_by(ssl);
  }
  SSL_free(ssl);
  return leaf;
}

// verify checks the chain as a browser does and returns the X509_V_ code.
static int verify(const struct fixture *f, X509 *leaf, const char *host,
                  bool is_ip) {
  X509_STORE *store = X509_STORE_new();
  X509_STORE_CTX *ctx = X509_STORE_CTX_new();
  cr_assert(X509_STORE_add_cert(store, ca_certificate(f->ca)));
  cr_assert(X509_STORE_CTX_init(ctx, store, leaf, NULL));
  cr_assert(X509_STORE_CTX_set_default(ctx, "ssl_server"));
  X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  cr_assert(is_ip ? X509_VERIFY_PARAM_set1_ip_asc(param, host)
                  : X509_VERIFY_PARAM_set1_host(param, host, strlen(host)));
  X509_verify_cert(ctx);
  int error = X509_STORE_CTX_get_error(ctx);
  X509_STORE_CTX_free(ctx);
  X509_STORE_free(store);
  return error;
}

Test(leaf, is_verified_for_its_host_and_no_other) {
  struct fixture f = fixture_new(8);
  static const char *const kHosts[] = {"secret.example", "localhost",
                                       "xn--bcher-kva.example", "a_b.example"};
  for (size_t i = 0; i < sizeof(kHosts) / sizeof(kHosts[0]); i++) {
    X509 *leaf = leaf_for(&f, kHosts[i]);
    cr_assert_eq(verify(&f, leaf, kHosts[i], false), X509_V_OK, "%s",
                 kHosts[i]);
    cr_assert_eq(verify(&f, leaf, "other.example", false),
                 X509_V_ERR_HOSTNAME_MISMATCH);
    X509_free(leaf);
  }
  fixture_free(&f);
}

Test(leaf, is_verified_for_ip_addresses) {
  struct fixture f = fixture_new(8);
  static const char *const kHosts[] = {"192.0.2.1", "2001:db8::1", "::1"};
  for (size_t i = 0; i < sizeof(kHosts) / sizeof(kHosts[0]); i++) {
    X509 *leaf = leaf_for(&f, kHosts[i]);
    cr_assert_eq(verify(&f, leaf, kHosts[i], true), X509_V_OK);
    cr_assert_eq(verify(&f, leaf, "192.0.2.2", true),
                 X509_V_ERR_IP_ADDRESS_MISMATCH);
    X509_free(leaf);
  }
  fixture_free(&f);
}

static bool is_critical(X509 *certificate, int nid) {
  int index = X509_get_ext_by_NID(certificate, nid, -1);
  cr_assert(index >= 0);
  return X509_EXTENSION_get_critical(X509_get_ext(certificate, index));
}

Test(leaf, says_what_a_server_certificate_must) {
  struct fixture f = fixture_new(8);
  X509 *leaf = leaf_for(&f, "secret.example");
  X509 *root = ca_certificate(f.ca);
  EVP_PKEY *key = X509_get_pubkey(leaf);
  EVP_PKEY *root_key = X509_get_pubkey(root);
  cr_assert_eq(X509_get_version(leaf), 2);
  cr_assert(certificate_key_is_p256(key));
  cr_assert_eq(X509_verify(leaf, root_key), 1);
  cr_assert_neq(EVP_PKEY_cmp(key, root_key), 1);
  cr_assert_eq(X509_check_ca(leaf), 0);
  cr_assert_eq(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
  cr_assert_eq(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
  cr_assert(is_critical(leaf, NID_key_usage));
  cr_assert(is_critical(leaf, NID_subject_alt_name), "the subject is empty");
  cr_assert_eq(X509_NAME_entry_count(X509_get_subject_name(leaf)), 0);
  cr_assert_eq(X509_check_issued(root, leaf), X509_V_OK);
  cr_assert_eq(ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(root),
                                     X509_get0_authority_key_id(leaf)),
               0);
  cr_assert(X509_get0_subject_key_id(leaf) != NULL);
  cr_assert_eq(ASN1_STRING_length(X509_get0_serialNumber(leaf)), 17);
  EVP_PKEY_free(root_key);
  EVP_PKEY_free(key);
  X509_free(leaf);
  fixture_free(&f);
}

Test(leaf, lives_for_less_than_47_days_with_room_for_slow_clocks) {
  struct fixture f = fixture_new(8);
  X509 *leaf = leaf_for(&f, "secret.example");
  ASN1_TIME *now = ASN1_TIME_set(NULL, time(NULL));
  int days, seconds;
  cr_assert(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(leaf),
                           X509_get0_notAfter(leaf)));
  cr_assert(days < 47);
  cr_assert(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(leaf), now));
  cr_assert(days >= 1);
  cr_assert(ASN1_TIME_diff(&days, &seconds, now, X509_get0_notAfter(leaf)));
  cr_assert(days >= 7);
  ASN1_TIME_free(now);
  X509_free(leaf);
  fixture_free(&f);
}

Test(leaf, refuses_what_is_no_host) {
  struct fixture f = fixture_new(8);
  char long_name[300];
  memset(long_name, 'a', sizeof(long_name));
  long_name[254] = '\0';
  const char *const kBad[] = {"",     ".",     "a.",     "*",      "*.a",
                              "a..b", "[::1]", "::1%lo", "1.2.3",  "1.2.3.256",
                              "a b",  "a:443", "a/b",    long_name};
  for (size_t i = 0; i < sizeof(kBad) / sizeof(kBad[0]); i++) {
    cr_expect(leaf_for(&f, kBad[i]) == NULL, "%s", kBad[i]);
  }
  fixture_free(&f);
}

static enum leaf_use use(const struct fixture *f, const char *host) {
  SSL *ssl = SSL_new(f->ctx);
  enum leaf_use result = leaf_cache_use(f->leaves, ssl, host);
  SSL_free(ssl);
  return result;
}

Test(leaf, is_minted_once_for_all_spellings_of_a_host) {
  struct fixture f = fixture_new(8);
  cr_assert_eq(use(&f, "Secret.EXAMPLE"), LEAF_MINTED);
  cr_assert_eq(use(&f, "secret.example"), LEAF_CACHED);
  cr_assert_eq(use(&f, "2001:DB8:0::1"), LEAF_MINTED);
  cr_assert_eq(use(&f, "2001:db8::1"), LEAF_CACHED);
  // The same bytes as an address and as a name are two hosts.
  cr_assert_eq(use(&f, "97.97.97.97"), LEAF_MINTED);
  cr_assert_eq(use(&f, "aaaa"), LEAF_MINTED);
  fixture_free(&f);
}

Test(leaf, makes_room_by_dropping_the_least_recently_used) {
  struct fixture f = fixture_new(3);
  cr_assert_eq(use(&f, "a"), LEAF_MINTED);
  cr_assert_eq(use(&f, "b"), LEAF_MINTED);
  cr_assert_eq(use(&f, "c"), LEAF_MINTED);
  cr_assert_eq(use(&f, "a"), LEAF_CACHED);  // now b is the oldest
  cr_assert_eq(use(&f, "d"), LEAF_MINTED);
  cr_assert_eq(use(&f, "a"), LEAF_CACHED);
  cr_assert_eq(use(&f, "c"), LEAF_CACHED);
  cr_assert_eq(use(&f, "d"), LEAF_CACHED);
  cr_assert_eq(use(&f, "b"), LEAF_MINTED, "b was dropped");
  fixture_free(&f);
}

Test(leaf, outlives_its_place_in_the_cache) {
  struct fixture f = fixture_new(1);
  SSL *ssl = SSL_new(f.ctx);
  cr_assert(leaf_cache_use(f.leaves, ssl, "a"));
  use(&f, "b");
  leaf_cache_free(f.leaves);
  f.leaves = NULL;
  X509 *leaf = shown_by(ssl);
  cr_assert_eq(verify(&f, leaf, "a", false), X509_V_OK);
  X509_free(leaf);
  SSL_free(ssl);
  fixture_free(&f);
}

Test(leaf, takes_the_place_of_the_one_before) {
  struct fixture f = fixture_new(8);
  SSL *ssl = SSL_new(f.ctx);
  cr_assert(leaf_cache_use(f.leaves, ssl, "a"));
  cr_assert(leaf_cache_use(f.leaves, ssl, "b"));
  X509 *leaf = shown_by(ssl);
  cr_assert_eq(verify(&f, leaf, "b", false), X509_V_OK);
  X509_free(leaf);
  SSL_free(ssl);
  fixture_free(&f);
}

// A CA with half a day to go: its leaves end with it, and so have less than a
// day from the start.
Test(leaf, ends_with_its_ca_and_is_renewed_in_its_last_day) {
  struct fixture f = {.scratch = scratch_new()};
  make_ca(f.scratch.dir, -kDay / 2, kDay / 2);
  f.ca = ca_open(f.scratch.dir, NULL);
  f.leaves = leaf_cache_new(f.ca, 8);
  f.ctx = SSL_CTX_new(TLS_method());
  X509 *leaf = leaf_for(&f, "a");
  X509 *root = ca_certificate(f.ca);
  cr_assert_eq(
      ASN1_STRING_cmp(X509_get0_notAfter(leaf), X509_get0_notAfter(root)), 0);
  cr_assert_eq(
      ASN1_STRING_cmp(X509_get0_notBefore(leaf), X509_get0_notBefore(root)), 0);
  cr_assert_eq(verify(&f, leaf, "a", false), X509_V_OK);
  X509 *next = leaf_for(&f, "a");
  cr_assert_neq(X509_cmp(leaf, next), 0);
  X509_free(next);
  X509_free(leaf);
  fixture_free(&f);
}

Test(leaf, is_sent_alone_in_a_handshake) {
  struct fixture f = fixture_new(8);
  SSL_CTX *client_ctx = SSL_CTX_new(TLS_method());
  SSL_CTX_set_verify(client_ctx, SSL_VERIFY_PEER, NULL);
  cr_assert(X509_STORE_add_cert(SSL_CTX_get_cert_store(client_ctx),
                                ca_certificate(f.ca)));
  SSL *client = SSL_new(client_ctx);
  SSL *server = SSL_new(f.ctx);
  X509_VERIFY_PARAM_set1_host(SSL_get0_param(client), "secret.example", 14);
  cr_assert(leaf_cache_use(f.leaves, server, "secret.example"));
  cr_assert(shake_hands(client, server));
  cr_assert_eq(SSL_get_verify_result(client), X509_V_OK);
  cr_assert_eq(sk_CRYPTO_BUFFER_num(SSL_get0_peer_certificates(client)), 1);
  SSL_free(client);
  SSL_free(server);
  SSL_CTX_free(client_ctx);
  fixture_free(&f);
}

static void *use_many(void *arg) {
  const struct fixture *f = arg;
  for (int i = 0; i < 200; i++) {
    char host[16];
    snprintf(host, sizeof(host), "h%d", i % 20);
    SSL *ssl = SSL_new(f->ctx);
    bool ok = leaf_cache_use(f->leaves, ssl, host);
    SSL_free(ssl);
    if (!ok) {
      return NULL;
    }
  }
  return arg;
}

Test(leaf, can_be_used_by_many_threads) {
  enum { kThreads = 4 };
  struct fixture f = fixture_new(10);
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; i++) {
    cr_assert(pthread_create(&threads[i], NULL, use_many, &f) == 0);
  }
  for (int i = 0; i < kThreads; i++) {
    void *result;
    pthread_join(threads[i], &result);
    cr_assert(result == &f);
  }
  fixture_free(&f);
}
