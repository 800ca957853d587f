#include "support/tls13_script.h"

#include <openssl/aead.h>
#include <openssl/bytestring.h>
#include <openssl/curve25519.h>
#include <openssl/evp.h>
#include <openssl/hkdf.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "support/loopback.h"

enum {
  kHeaderLen = 5,
  kHash = SHA256_DIGEST_LENGTH,
  kMaxFlight = 1 << 16,
  kIvLen = 12,
  // RFC 8446, sections 4 and 5.1.
  kTypeHandshake = 22,
  kTypeData = 23,
  kServerHello = 2,
  kEncryptedExtensions = 8,
  kCertificate = 11,
  kCertificateVerify = 15,
  kFinished = 20,
  // Extensions, groups and the like.
  kExtSupportedVersions = 43,
  kExtKeyShare = 51,
  kExtEch = 0xfe0d,
  kGroupX25519 = 0x001d,
  kCipherAes128 = 0x1301,
  kEcdsaP256 = 0x0403,
};

static void must(bool ok) {
  if (!ok) {
    abort();
  }
}

// One handshake on its way.
struct handshake {
  int fd;
  const struct tls13_script *script;
  CBS session_id;
  CBS client_share;
  SHA256_CTX transcript;
  uint8_t secret[kHash];  // the server's handshake traffic secret
  EVP_AEAD_CTX aead;
  uint8_t iv[kIvLen];
};

size_t tls13_script_read_hello(int fd, uint8_t *out, size_t out_size) {
  uint8_t header[kHeaderLen];
  if (!loopback_recv(fd, header, sizeof(header)) ||
      header[0] != kTypeHandshake) {
    return 0;
  }
  size_t len = (size_t)(header[3] << 8 | header[4]);
  return len <= out_size && loopback_recv(fd, out, len) ? len : 0;
}

// Finds the client's X25519 share in the body of its key_share extension.
static bool find_share(CBS body, CBS *out) {
  CBS shares;
  uint16_t group;
  if (!CBS_get_u16_length_prefixed(&body, &shares)) {
    return false;
  }
  while (CBS_get_u16(&shares, &group) &&
         CBS_get_u16_length_prefixed(&shares, out)) {
    if (group == kGroupX25519) {
      return CBS_len(out) == 32;
    }
  }
  return false;
}

// RFC 8446, section 4.1.2.
static bool read_hello(struct handshake *h, const uint8_t *hello, size_t len) {
  CBS cbs, suites, compressions, extensions, body;
  uint16_t type;
  CBS_init(&cbs, hello, len);
  if (!CBS_skip(&cbs, 4 + 2 + 32) ||
      !CBS_get_u8_length_prefixed(&cbs, &h->session_id) ||
      !CBS_get_u16_length_prefixed(&cbs, &suites) ||
      !CBS_get_u8_length_prefixed(&cbs, &compressions) ||
      !CBS_get_u16_length_prefixed(&cbs, &extensions)) {
    return false;
  }
  while (CBS_get_u16(&extensions, &type) &&
         CBS_get_u16_length_prefixed(&extensions, &body)) {
    if (type == kExtKeyShare) {
      return find_share(body, &h->client_share);
    }
  }
  return false;
}

// Key schedule: RFC 8446, section 7.1.

static void expand_label(uint8_t *out, size_t out_len,
                         const uint8_t secret[kHash], const char *label,
                         const uint8_t *context, size_t context_len) {
  uint8_t info[256];
  size_t info_len;
  CBB cbb, child;
  must(CBB_init_fixed(&cbb, info, sizeof(info)) &&
       CBB_add_u16(&cbb, (uint16_t)out_len) &&
       CBB_add_u8_length_prefixed(&cbb, &child) &&
       CBB_add_bytes(&child, (const uint8_t *)"tls13 ", 6) &&
       CBB_add_bytes(&child, (const uint8_t *)label, strlen(label)) &&
       CBB_add_u8_length_prefixed(&cbb, &child) &&
       CBB_add_bytes(&child, context, context_len) &&
       CBB_finish(&cbb, NULL, &info_len) &&
       HKDF_expand(out, out_len, EVP_sha256(), secret, kHash, info, info_len));
}

static void transcript_hash(const struct handshake *h, uint8_t out[kHash]) {
  SHA256_CTX copy = h->transcript;
  SHA256_Final(out, &copy);
}

static void derive_keys(struct handshake *h, const uint8_t shared[32]) {
  static const uint8_t kZero[kHash] = {0};
  uint8_t hash[kHash], secret[kHash], key[16];
  size_t len;
  must(HKDF_extract(secret, &len, EVP_sha256(), kZero, kHash, kZero, kHash));
  SHA256(NULL, 0, hash);
  uint8_t salt[kHash];
  expand_label(salt, kHash, secret, "derived", hash, kHash);
  must(HKDF_extract(secret, &len, EVP_sha256(), shared, 32, salt, kHash));
  transcript_hash(h, hash);
  expand_label(h->secret, kHash, secret, "s hs traffic", hash, kHash);
  expand_label(key, sizeof(key), h->secret, "key", NULL, 0);
  expand_label(h->iv, kIvLen, h->secret, "iv", NULL, 0);
  must(EVP_AEAD_CTX_init(&h->aead, EVP_aead_aes_128_gcm(), key, sizeof(key),
                         EVP_AEAD_DEFAULT_TAG_LENGTH, NULL));
}

// Messages. Each goes into the transcript once it is whole.

static void message_begin(CBB *cbb, CBB *body, uint8_t type) {
  must(CBB_init(cbb, 1024) && CBB_add_u8(cbb, type) &&
       CBB_add_u24_length_prefixed(cbb, body));
}

static void message_end(struct handshake *h, CBB *cbb, CBB *flight) {
  must(CBB_flush(cbb));
  SHA256_Update(&h->transcript, CBB_data(cbb), CBB_len(cbb));
  must(CBB_add_bytes(flight, CBB_data(cbb), CBB_len(cbb)));
  CBB_cleanup(cbb);
}

// RFC 8446, section 4.1.3. A random that does not end in the bytes of RFC 9849,
// section 7.2, refuses ECH.
static void add_server_hello(struct handshake *h, CBB *flight,
                             const uint8_t share[32]) {
  CBB cbb, body, child, extensions, extension;
  uint8_t random[32];
  RAND_bytes(random, sizeof(random));
  message_begin(&cbb, &body, kServerHello);
  must(CBB_add_u16(&body, 0x0303) && CBB_add_bytes(&body, random, 32) &&
       CBB_add_u8_length_prefixed(&body, &child) &&
       CBB_add_bytes(&child, CBS_data(&h->session_id),
                     CBS_len(&h->session_id)) &&
       CBB_add_u16(&body, kCipherAes128) && CBB_add_u8(&body, 0) &&
       CBB_add_u16_length_prefixed(&body, &extensions) &&
       CBB_add_u16(&extensions, kExtSupportedVersions) &&
       CBB_add_u16_length_prefixed(&extensions, &extension) &&
       CBB_add_u16(&extension, 0x0304) &&
       CBB_add_u16(&extensions, kExtKeyShare) &&
       CBB_add_u16_length_prefixed(&extensions, &extension) &&
       CBB_add_u16(&extension, kGroupX25519) &&
       CBB_add_u16_length_prefixed(&extension, &child) &&
       CBB_add_bytes(&child, share, 32));
  message_end(h, &cbb, flight);
}

static void add_encrypted_extensions(struct handshake *h, CBB *flight) {
  CBB cbb, body, extensions, extension;
  message_begin(&cbb, &body, kEncryptedExtensions);
  must(CBB_add_u16_length_prefixed(&body, &extensions));
  if (h->script->has_ech) {
    must(CBB_add_u16(&extensions, kExtEch) &&
         CBB_add_u16_length_prefixed(&extensions, &extension) &&
         CBB_add_bytes(&extension, h->script->ech, h->script->ech_len));
  }
  message_end(h, &cbb, flight);
}

static void add_certificate(struct handshake *h, CBB *flight) {
  CBB cbb, body, entries, entry;
  uint8_t *der = NULL;
  int der_len = i2d_X509(h->script->cert->cert, &der);
  message_begin(&cbb, &body, kCertificate);
  must(der_len > 0 && CBB_add_u8(&body, 0) &&
       CBB_add_u24_length_prefixed(&body, &entries) &&
       CBB_add_u24_length_prefixed(&entries, &entry) &&
       CBB_add_bytes(&entry, der, (size_t)der_len) && CBB_add_u16(&entries, 0));
  OPENSSL_free(der);
  message_end(h, &cbb, flight);
}

// RFC 8446, section 4.4.3.
static void add_certificate_verify(struct handshake *h, CBB *flight) {
  static const char kContext[] = "TLS 1.3, server CertificateVerify";
  uint8_t content[64 + sizeof(kContext) + kHash];
  uint8_t signature[256];
  size_t signature_len = sizeof(signature);
  memset(content, ' ', 64);
  memcpy(content + 64, kContext, sizeof(kContext));  // with its NUL
  transcript_hash(h, content + 64 + sizeof(kContext));
  content[sizeof(content) - 1] ^= h->script->is_forged ? 1 : 0;
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  must(
      EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, h->script->cert->key) &&
      EVP_DigestSign(ctx, signature, &signature_len, content, sizeof(content)));
  EVP_MD_CTX_free(ctx);
  CBB cbb, body, child;
  message_begin(&cbb, &body, kCertificateVerify);
  must(CBB_add_u16(&body, kEcdsaP256) &&
       CBB_add_u16_length_prefixed(&body, &child) &&
       CBB_add_bytes(&child, signature, signature_len));
  message_end(h, &cbb, flight);
}

static void add_finished(struct handshake *h, CBB *flight) {
  uint8_t key[kHash], hash[kHash], verify_data[kHash];
  unsigned len;
  expand_label(key, kHash, h->secret, "finished", NULL, 0);
  transcript_hash(h, hash);
  must(HMAC(EVP_sha256(), key, kHash, hash, kHash, verify_data, &len) != NULL);
  verify_data[0] ^= h->script->is_tampered ? 1 : 0;
  CBB cbb, body;
  message_begin(&cbb, &body, kFinished);
  must(CBB_add_bytes(&body, verify_data, kHash));
  message_end(h, &cbb, flight);
}

// Records.

static bool send_record(int fd, uint8_t type, const uint8_t *data, size_t len) {
  const uint8_t header[kHeaderLen] = {type, 3, 3, (uint8_t)(len >> 8),
                                      (uint8_t)len};
  return loopback_send(fd, header, sizeof(header)) &&
         loopback_send(fd, data, len);
}

// The first record of these keys, so that its number is 0 and the nonce `iv`.
static bool send_sealed(struct handshake *h, CBB *flight) {
  must(CBB_add_u8(flight, kTypeHandshake));
  size_t max = CBB_len(flight) + EVP_AEAD_MAX_OVERHEAD;
  size_t sealed_len = CBB_len(flight) + 16;
  uint8_t *sealed = malloc(max);
  const uint8_t header[kHeaderLen] = {
      kTypeData, 3, 3, (uint8_t)(sealed_len >> 8), (uint8_t)sealed_len};
  must(sealed != NULL &&
       EVP_AEAD_CTX_seal(&h->aead, sealed, &sealed_len, max, h->iv, kIvLen,
                         CBB_data(flight), CBB_len(flight), header,
                         sizeof(header)));
  bool sent = send_record(h->fd, kTypeData, sealed, sealed_len);
  free(sealed);
  return sent;
}

static bool send_server_hello(struct handshake *h) {
  uint8_t share[32], private_key[32], shared[32];
  CBB flight;
  X25519_keypair(share, private_key);
  must(CBB_init(&flight, 256));
  add_server_hello(h, &flight, share);
  bool sent =
      X25519(shared, private_key, CBS_data(&h->client_share)) &&
      send_record(h->fd, kTypeHandshake, CBB_data(&flight), CBB_len(&flight));
  CBB_cleanup(&flight);
  derive_keys(h, shared);
  return sent;
}

static bool send_rest(struct handshake *h) {
  CBB flight;
  must(CBB_init(&flight, 4096));
  add_encrypted_extensions(h, &flight);
  add_certificate(h, &flight);
  add_certificate_verify(h, &flight);
  add_finished(h, &flight);
  bool sent = send_sealed(h, &flight);
  CBB_cleanup(&flight);
  return sent;
}

bool tls13_script_answer(int fd, const struct tls13_script *script,
                         const uint8_t *hello, size_t hello_len) {
  struct handshake h = {.fd = fd, .script = script};
  if (!read_hello(&h, hello, hello_len)) {
    return false;
  }
  EVP_AEAD_CTX_zero(&h.aead);
  SHA256_Init(&h.transcript);
  SHA256_Update(&h.transcript, hello, hello_len);
  bool ok =
      send_server_hello(&h) && (script->only_server_hello || send_rest(&h));
  EVP_AEAD_CTX_cleanup(&h.aead);
  return ok;
}
