#include "tls.h"

#include <openssl/err.h>
#include <openssl/hpke.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/pool.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <string.h>

#include "keys/ech_key.h"
#include "keys/secret_file.h"
#include "net/xalloc.h"
#include "wire.h"

enum { kMaxFile = 1 << 20, kTicketSlots = 1 << 18 };

// A ticket and the hash of the name that it is for.
struct ticket {
  uint64_t name;
  SSL_SESSION *session;
};

struct tls_client {
  SSL_CTX *ctx;
  CRYPTO_BUFFER_POOL *pool;
  X509_STORE *store;  // NULL: nothing is verified
  uint8_t *ech;       // NULL: no ECH
  size_t ech_len;
  struct ticket *tickets;  // by the name's hash; NULL: none are used
};

// Files.

static uint8_t *read_file(const char *path, size_t *out_len) {
  struct key_error error;
  uint8_t *data;
  if (!secret_file_read(path, kMaxFile, false, &data, out_len, &error)) {
    die("%s", error.text);
  }
  return data;
}

static void add_ech_key(SSL_CTX *ctx, const char *path) {
  struct key_error error;
  size_t pem_len;
  uint8_t *pem = read_file(path, &pem_len);
  struct ech_key *key = ech_key_from_pem(pem, pem_len, &error);
  if (key == NULL) {
    die("%s: %s", path, error.text);
  }
  secret_file_free(pem, pem_len);
  size_t list_len;
  const uint8_t *list = ech_key_config_list(key, &list_len);
  uint8_t private_key[32];
  ech_key_private(key, private_key);
  SSL_ECH_KEYS *keys = SSL_ECH_KEYS_new();
  EVP_HPKE_KEY *hpke = EVP_HPKE_KEY_new();
  // The list has one entry, after its own length (RFC 9849, section 4).
  if (!EVP_HPKE_KEY_init(hpke, EVP_hpke_x25519_hkdf_sha256(), private_key,
                         sizeof(private_key)) ||
      !SSL_ECH_KEYS_add(keys, 1, list + 2, list_len - 2, hpke) ||
      !SSL_CTX_set1_ech_keys(ctx, keys)) {
    die("%s: the key does not fit its ECHConfig", path);
  }
  OPENSSL_cleanse(private_key, sizeof(private_key));
  SSL_ECH_KEYS_free(keys);
  EVP_HPKE_KEY_free(hpke);
  ech_key_free(key);
}

// find_ech_block returns the contents of the PEM block ECHCONFIG (RFC 9934) in
// `data`, or NULL.
static uint8_t *find_ech_block(const uint8_t *data, size_t len,
                               size_t *out_len) {
  uint8_t *found = NULL;
  BIO *bio = BIO_new_mem_buf(data, (int)len);
  char *name, *header;
  uint8_t *block;
  long block_len;
  while (found == NULL &&
         PEM_read_bio(bio, &name, &header, &block, &block_len)) {
    if (strcmp(name, "ECHCONFIG") == 0) {
      found = xmemdup(block, (size_t)block_len);
      *out_len = (size_t)block_len;
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(block);
  }
  ERR_clear_error();
  BIO_free(bio);
  return found;
}

static uint8_t *read_ech_list(const char *path, size_t *out_len) {
  size_t len;
  uint8_t *data = read_file(path, &len);
  uint8_t *list = find_ech_block(data, len, out_len);
  if (list == NULL) {
    list = xmemdup(data, len);
    *out_len = len;
  }
  secret_file_free(data, len);
  return list;
}

// Servers.

static int select_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_len,
                       const uint8_t *offered, unsigned offered_len,
                       void *arg) {
  const char *alpn = arg;
  size_t len = strlen(alpn);
  (void)ssl;
  for (unsigned i = 0; i < offered_len; i += offered[i] + 1u) {
    if (offered[i] == len && i + 1 + len <= offered_len &&
        memcmp(offered + i + 1, alpn, len) == 0) {
      *out = offered + i + 1;
      *out_len = (uint8_t)len;
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_NOACK;
}

SSL_CTX *tls_server_new(const char *cert_path, const char *key_path,
                        const char *alpn, const char *ech_key_path,
                        bool tickets) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  if (ctx == NULL || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
      SSL_CTX_use_certificate_chain_file(ctx, cert_path) != 1) {
    die("--cert: no certificate can be read from %s", cert_path);
  }
  if (SSL_CTX_use_PrivateKey_file(ctx, key_path, SSL_FILETYPE_PEM) != 1) {
    die("--key: the certificate's key cannot be read from %s", key_path);
  }
  if (alpn != NULL) {
    SSL_CTX_set_alpn_select_cb(ctx, select_alpn, (void *)(uintptr_t)alpn);
  }
  if (ech_key_path != NULL) {
    add_ech_key(ctx, ech_key_path);
  }
  if (!tickets) {
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
  }
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  return ctx;
}

void tls_set_groups(SSL_CTX *ctx, const char *groups) {
  if (groups != NULL && SSL_CTX_set1_curves_list(ctx, groups) != 1) {
    die("--groups: this BoringSSL does not know '%s'", groups);
  }
}

// Clients: verifying.

static STACK_OF(X509) * parse_chain(const STACK_OF(CRYPTO_BUFFER) * buffers) {
  STACK_OF(X509) *chain = sk_X509_new_null();
  for (size_t i = 0; i < sk_CRYPTO_BUFFER_num(buffers); i++) {
    X509 *cert = X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(buffers, i));
    if (cert == NULL || !sk_X509_push(chain, cert)) {
      X509_free(cert);
      break;
    }
  }
  return chain;
}

static enum ssl_verify_result_t verify_chain(SSL *ssl, uint8_t *out_alert) {
  const struct tls_client *client = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  STACK_OF(X509) *chain = parse_chain(SSL_get0_peer_certificates(ssl));
  X509_STORE_CTX *check = X509_STORE_CTX_new();
  bool good = sk_X509_num(chain) > 0 &&
              X509_STORE_CTX_init(check, client->store, sk_X509_value(chain, 0),
                                  chain) &&
              X509_STORE_CTX_set_default(check, "ssl_server") &&
              X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(check),
                                          name, strlen(name)) &&
              X509_verify_cert(check) == 1;
  X509_STORE_CTX_free(check);
  sk_X509_pop_free(chain, X509_free);
  *out_alert = SSL_AD_BAD_CERTIFICATE;
  return good ? ssl_verify_ok : ssl_verify_invalid;
}

static enum ssl_verify_result_t verify_nothing(SSL *ssl, uint8_t *out_alert) {
  (void)ssl;
  (void)out_alert;
  return ssl_verify_ok;
}

static void set_verification(struct tls_client *client, const char *ca_path) {
  if (ca_path == NULL) {
    SSL_CTX_set_custom_verify(client->ctx, SSL_VERIFY_PEER, verify_nothing);
    return;
  }
  client->store = X509_STORE_new();
  if (!X509_STORE_load_locations(client->store, ca_path, NULL)) {
    die("--ca: no certificate can be read from %s", ca_path);
  }
  SSL_CTX_set_custom_verify(client->ctx, SSL_VERIFY_PEER, verify_chain);
}

// Clients: tickets.

// hash_of is FNV-1a.
static uint64_t hash_of(const char *name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (; *name != '\0'; name++) {
    hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
  }
  return hash;
}

static int on_ticket(SSL *ssl, SSL_SESSION *session) {
  struct tls_client *client = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
  uint64_t name = hash_of(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
  struct ticket *ticket = &client->tickets[name % kTicketSlots];
  SSL_SESSION_free(ticket->session);
  *ticket = (struct ticket){name, session};
  return 1;  // taken
}

static void use_ticket(const struct tls_client *client, SSL *ssl,
                       const char *name) {
  uint64_t hash = hash_of(name);
  const struct ticket *ticket = &client->tickets[hash % kTicketSlots];
  if (ticket->session != NULL && ticket->name == hash) {
    SSL_set_session(ssl, ticket->session);
  }
}

// Clients: their life.

static void set_alpn(SSL_CTX *ctx, const char *alpn) {
  uint8_t wire[256];
  size_t len = strlen(alpn);
  wire[0] = (uint8_t)len;
  memcpy(wire + 1, alpn, len);
  SSL_CTX_set_alpn_protos(ctx, wire, (unsigned)len + 1);
}

struct tls_client *tls_client_new(const char *ca_path, const char *ech_path,
                                  const char *alpn, bool resume) {
  struct tls_client *client = xcalloc(1, sizeof(*client));
  client->ctx = SSL_CTX_new(TLS_with_buffers_method());
  client->pool = CRYPTO_BUFFER_POOL_new();
  if (client->ctx == NULL || client->pool == NULL ||
      !SSL_CTX_set_min_proto_version(client->ctx, TLS1_3_VERSION)) {
    die("cannot make a TLS context");
  }
  SSL_CTX_set0_buffer_pool(client->ctx, client->pool);
  SSL_CTX_set_app_data(client->ctx, client);
  set_verification(client, ca_path);
  if (alpn != NULL) {
    set_alpn(client->ctx, alpn);
  }
  if (ech_path != NULL) {
    client->ech = read_ech_list(ech_path, &client->ech_len);
  }
  SSL_CTX_set_session_cache_mode(client->ctx, SSL_SESS_CACHE_OFF);
  if (resume) {
    client->tickets = xcalloc(kTicketSlots, sizeof(struct ticket));
    SSL_CTX_set_session_cache_mode(
        client->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client->ctx, on_ticket);
  }
  return client;
}

SSL_CTX *tls_client_context(struct tls_client *client) { return client->ctx; }

void tls_client_allow_tls12(struct tls_client *client) {
  if (!SSL_CTX_set_min_proto_version(client->ctx, TLS1_2_VERSION)) {
    die("--tls12: this BoringSSL has none");
  }
}

void tls_client_free(struct tls_client *client) {
  if (client == NULL) {
    return;
  }
  for (size_t i = 0; client->tickets != NULL && i < kTicketSlots; i++) {
    SSL_SESSION_free(client->tickets[i].session);
  }
  SSL_CTX_free(client->ctx);
  CRYPTO_BUFFER_POOL_free(client->pool);
  X509_STORE_free(client->store);
  free(client->ech);
  free(client->tickets);
  free(client);
}

SSL *tls_client_session(struct tls_client *client, const char *name) {
  SSL *ssl = SSL_new(client->ctx);
  if (ssl == NULL || !SSL_set_tlsext_host_name(ssl, name)) {
    die("cannot make a session for '%s'", name);
  }
  if (client->ech != NULL &&
      !SSL_set1_ech_config_list(ssl, client->ech, client->ech_len)) {
    die("--ech: the file holds no ECHConfigList");
  }
  if (client->tickets != NULL) {
    use_ticket(client, ssl, name);
  }
  SSL_set_connect_state(ssl);
  return ssl;
}

bool tls_client_agrees(const struct tls_client *client, const SSL *ssl) {
  return client->ech == NULL || SSL_ech_accepted(ssl);
}
