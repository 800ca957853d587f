#include "keys/client_identity.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>

#include "keys/secret_file.h"

enum { kMaxFile = 256 * 1024, kMinRsaBits = 2048 };

void client_identity_free(struct client_identity *identity) {
  if (identity == NULL) {
    return;
  }
  for (size_t i = 0; i < identity->chain_len; i++) {
    CRYPTO_BUFFER_free(identity->chain[i]);
  }
  OPENSSL_free(identity->chain);
  EVP_PKEY_free(identity->key);
  OPENSSL_free(identity);
}

static bool add_certificate(struct client_identity *identity, X509 *cert) {
  uint8_t *der = NULL;
  int len = i2d_X509(cert, &der);
  CRYPTO_BUFFER *buffer =
      len > 0 ? CRYPTO_BUFFER_new(der, (size_t)len, NULL) : NULL;
  OPENSSL_free(der);
  if (buffer == NULL) {
    return false;
  }
  identity->chain[identity->chain_len++] = buffer;
  return true;
}

// read_chain returns false when something in `bio` cannot be read, or is more
// than there is room for.
static bool read_chain(struct client_identity *identity, BIO *bio) {
  for (;;) {
    ERR_clear_error();
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    if (cert == NULL) {
      // The end is the error "no start line".
      uint32_t error = ERR_peek_last_error();
      return ERR_GET_LIB(error) == ERR_LIB_PEM &&
             ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    }
    bool ok = identity->chain_len < kClientIdentityMaxChain &&
              add_certificate(identity, cert);
    X509_free(cert);
    if (!ok) {
      return false;
    }
  }
}

static bool load_chain(struct client_identity *identity, const char *path,
                       struct key_error *out_error) {
  uint8_t *data;
  size_t len;
  if (!secret_file_read(path, kMaxFile, false, &data, &len, out_error)) {
    return false;
  }
  BIO *bio = BIO_new_mem_buf(data, (int)len);
  bool ok = bio != NULL && read_chain(identity, bio) && identity->chain_len > 0;
  if (!ok) {
    key_error_set(out_error,
                  "%s does not hold 1 to %d certificates that can be read, in "
                  "PEM form (`-----BEGIN CERTIFICATE-----`)",
                  path, kClientIdentityMaxChain);
  }
  BIO_free(bio);
  secret_file_free(data, len);
  return ok;
}

// Without it, BoringSSL's own callback would be asked for a passphrase.
static int no_passphrase(char *out, int size, int is_for_writing, void *user) {
  (void)out, (void)size, (void)is_for_writing, (void)user;
  return -1;
}

static bool load_key(struct client_identity *identity, const char *path,
                     struct key_error *out_error) {
  static const char kEncrypted[] = "ENCRYPTED";
  uint8_t *data;
  size_t len;
  if (!secret_file_read(path, kMaxFile, true, &data, &len, out_error)) {
    return false;
  }
  BIO *bio = BIO_new_mem_buf(data, (int)len);
  if (bio != NULL) {
    identity->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
  }
  bool encrypted =
      memmem(data, len, kEncrypted, sizeof(kEncrypted) - 1) != NULL;
  BIO_free(bio);
  secret_file_free(data, len);
  if (identity->key == NULL) {
    key_error_set(out_error,
                  encrypted
                      ? "the private key in %s is encrypted with a passphrase; "
                        "decrypt it: `openssl pkey -in FILE -out NEW`"
                      : "%s holds no private key that can be read, in PEM form "
                        "(`-----BEGIN PRIVATE KEY-----`)",
                  path);
  }
  return identity->key != NULL;
}

// TLS 1.3 ties each curve to its signature (RFC 9846, section 4.2.3).
static bool can_sign(const EVP_PKEY *key) {
  const EC_KEY *ec;
  switch (EVP_PKEY_id(key)) {
    case EVP_PKEY_RSA:
      return EVP_PKEY_bits(key) >= kMinRsaBits;
    case EVP_PKEY_ED25519:
      return true;
    case EVP_PKEY_EC:
      ec = EVP_PKEY_get0_EC_KEY(key);
      switch (EC_GROUP_get_curve_name(EC_KEY_get0_group(ec))) {
        case NID_X9_62_prime256v1:
        case NID_secp384r1:
        case NID_secp521r1:
          return true;
      }
  }
  return false;
}

static bool belongs_to_leaf(const struct client_identity *identity) {
  X509 *leaf = X509_parse_from_buffer(identity->chain[0]);
  EVP_PKEY *public_key = leaf == NULL ? NULL : X509_get_pubkey(leaf);
  bool ok = public_key != NULL && EVP_PKEY_cmp(public_key, identity->key) == 1;
  EVP_PKEY_free(public_key);
  X509_free(leaf);
  return ok;
}

// tls_takes asks BoringSSL, which has the last word when the site asks.
static bool tls_takes(const struct client_identity *identity) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  bool ok = ctx != NULL &&
            SSL_CTX_set_chain_and_key(ctx, identity->chain, identity->chain_len,
                                      identity->key, NULL) == 1;
  SSL_CTX_free(ctx);
  return ok;
}

static bool check(const struct client_identity *identity, const char *cert_path,
                  const char *key_path, struct key_error *out_error) {
  if (!can_sign(identity->key)) {
    key_error_set(
        out_error,
        "the key in %s is of a kind that is not supported; use P-256, "
        "P-384, P-521, Ed25519 or RSA with at least %d bits",
        key_path, kMinRsaBits);
    return false;
  }
  if (!belongs_to_leaf(identity)) {
    key_error_set(out_error,
                  "the key in %s is not that of the first certificate in %s; "
                  "check that the two belong together and that your own "
                  "certificate stands first",
                  key_path, cert_path);
    return false;
  }
  if (!tls_takes(identity)) {
    key_error_set(out_error,
                  "the certificate in %s cannot be used for TLS: it may be "
                  "malformed, or its key usage lacks digitalSignature",
                  cert_path);
    return false;
  }
  return true;
}

struct client_identity *client_identity_load(const char *cert_path,
                                             const char *key_path,
                                             struct key_error *out_error) {
  struct client_identity *identity = OPENSSL_malloc(sizeof(*identity));
  CRYPTO_BUFFER **chain =
      OPENSSL_malloc(kClientIdentityMaxChain * sizeof(*chain));
  if (identity == NULL || chain == NULL) {
    OPENSSL_free(chain);
    OPENSSL_free(identity);
    key_error_set(out_error, "out of memory while reading %s", cert_path);
    return NULL;
  }
  *identity = (struct client_identity){.chain = chain};
  if (!load_chain(identity, cert_path, out_error) ||
      !load_key(identity, key_path, out_error) ||
      !check(identity, cert_path, key_path, out_error)) {
    client_identity_free(identity);
    identity = NULL;
  }
  ERR_clear_error();
  return identity;
}
