#include "keys/ech_key.h"

#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/curve25519.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hpke.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "keys/dns_name.h"
#include "keys/ech_record.h"
#include "keys/secret_file.h"

enum {
  kEchConfigVersion = 0xfe0d,  // RFC 9849, section 4
  kMaxPem = 64 * 1024,
  kMaxPublicName = 255,
  kMaxLabel = 63,
  kDefaultTtl = 1800,
};

static const char kPrivateKeyBlock[] = "PRIVATE KEY";
static const char kEchConfigBlock[] = "ECHCONFIG";
static const char kLabelCharacters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

struct ech_key {
  EVP_HPKE_KEY *hpke;
  uint8_t *list;  // the ECHConfigList with the one ECHConfig of `hpke`
  size_t list_len;
};

// public_label_valid takes the LDH label of RFC 5890, section 2.3.1.
static bool public_label_valid(const char *label, size_t len) {
  return len > 0 && len <= kMaxLabel && label[0] != '-' &&
         label[len - 1] != '-';
}

bool ech_public_name_valid(const char *name) {
  if (strlen(name) > kMaxPublicName || dns_name_ends_in_number(name)) {
    return false;
  }
  for (;;) {
    size_t len = strspn(name, kLabelCharacters);
    if (!public_label_valid(name, len)) {
      return false;
    }
    if (name[len] == '\0') {
      return true;
    }
    if (name[len] != '.') {
      return false;
    }
    name += len + 1;
  }
}

static struct ech_key *key_new(void) {
  struct ech_key *key = OPENSSL_malloc(sizeof(*key));
  if (key == NULL) {
    return NULL;
  }
  *key = (struct ech_key){.hpke = EVP_HPKE_KEY_new()};
  if (key->hpke == NULL) {
    OPENSSL_free(key);
    return NULL;
  }
  return key;
}

void ech_key_free(struct ech_key *key) {
  if (key == NULL) {
    return;
  }
  EVP_HPKE_KEY_free(key->hpke);  // wipes, as every OPENSSL_free does
  OPENSSL_free(key->list);
  OPENSSL_free(key);
}

// add_cipher_suites lists what the server takes, the preferred one first. It is
// a choice for the client to make, so both that every client has are offered.
static bool add_cipher_suites(CBB *contents) {
  static const uint16_t kAeads[] = {EVP_HPKE_AES_128_GCM,
                                    EVP_HPKE_CHACHA20_POLY1305};
  CBB suites;
  if (!CBB_add_u16_length_prefixed(contents, &suites)) {
    return false;
  }
  for (size_t i = 0; i < sizeof(kAeads) / sizeof(kAeads[0]); i++) {
    if (!CBB_add_u16(&suites, EVP_HPKE_HKDF_SHA256) ||
        !CBB_add_u16(&suites, kAeads[i])) {
      return false;
    }
  }
  return CBB_flush(contents);
}

static bool add_public_key(CBB *contents, const EVP_HPKE_KEY *hpke) {
  uint8_t public_key[EVP_HPKE_MAX_PUBLIC_KEY_LENGTH];
  size_t len;
  CBB child;
  return EVP_HPKE_KEY_public_key(hpke, public_key, &len, sizeof(public_key)) &&
         CBB_add_u16(contents, EVP_HPKE_KEM_id(EVP_HPKE_KEY_kem(hpke))) &&
         CBB_add_u16_length_prefixed(contents, &child) &&
         CBB_add_bytes(&child, public_key, len) && CBB_flush(contents);
}

static bool add_public_name(CBB *contents, const char *public_name) {
  CBB child;
  return CBB_add_u8_length_prefixed(contents, &child) &&
         CBB_add_bytes(&child, (const uint8_t *)public_name,
                       strlen(public_name)) &&
         CBB_flush(contents);
}

// add_config writes the ECHConfig of RFC 9849, section 4. It is our own, and
// not SSL_marshal_ech_config, because that one takes no cipher suites or
// extensions.
static bool add_config(CBB *list, uint8_t config_id, const EVP_HPKE_KEY *hpke,
                       const char *public_name, uint8_t max_name_len) {
  CBB contents;
  return CBB_add_u16(list, kEchConfigVersion) &&
         CBB_add_u16_length_prefixed(list, &contents) &&
         CBB_add_u8(&contents, config_id) && add_public_key(&contents, hpke) &&
         add_cipher_suites(&contents) && CBB_add_u8(&contents, max_name_len) &&
         add_public_name(&contents, public_name) &&
         CBB_add_u16(&contents, 0) &&  // no extensions
         CBB_flush(list);
}

static bool make_list(struct ech_key *key, const char *public_name,
                      uint8_t max_name_len) {
  uint8_t config_id;
  CBB cbb, list;
  CBB_zero(&cbb);
  if (RAND_bytes(&config_id, sizeof(config_id)) && CBB_init(&cbb, 128) &&
      CBB_add_u16_length_prefixed(&cbb, &list) &&
      add_config(&list, config_id, key->hpke, public_name, max_name_len) &&
      CBB_finish(&cbb, &key->list, &key->list_len)) {
    return true;
  }
  CBB_cleanup(&cbb);
  return false;
}

struct ech_key *ech_key_generate(const char *public_name, uint8_t max_name_len,
                                 struct key_error *out_error) {
  if (!ech_public_name_valid(public_name)) {
    key_error_set(out_error,
                  "the public name must be a host name that clients accept: "
                  "labels of letters, digits and inner hyphens (an "
                  "international name in its xn-- form), no dot at either end, "
                  "and no number as its last label (RFC 9849, section 6.1.7)");
    return NULL;
  }
  struct ech_key *key = key_new();
  if (key == NULL ||
      !EVP_HPKE_KEY_generate(key->hpke, EVP_hpke_x25519_hkdf_sha256()) ||
      !make_list(key, public_name, max_name_len)) {
    key_error_set(out_error, "out of memory while making the key");
    ech_key_free(key);
    return NULL;
  }
  return key;
}

const uint8_t *ech_key_config_list(const struct ech_key *key, size_t *out_len) {
  *out_len = key->list_len;
  return key->list;
}

void ech_key_private(const struct ech_key *key,
                     uint8_t out[X25519_PRIVATE_KEY_LEN]) {
  size_t len;
  if (!EVP_HPKE_KEY_private_key(key->hpke, out, &len, X25519_PRIVATE_KEY_LEN)) {
    abort();  // an ech_key always holds one
  }
}

// write_private_key writes PKCS#8 (RFC 8410, section 7).
static bool write_private_key(BIO *out, const struct ech_key *key) {
  uint8_t raw[X25519_PRIVATE_KEY_LEN];
  ech_key_private(key, raw);
  EVP_PKEY *pkey =
      EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, raw, sizeof(raw));
  OPENSSL_cleanse(raw, sizeof(raw));
  uint8_t der[128];
  size_t der_len;
  CBB cbb;
  bool ok = CBB_init_fixed(&cbb, der, sizeof(der)) && pkey != NULL &&
            EVP_marshal_private_key(&cbb, pkey) &&
            CBB_finish(&cbb, NULL, &der_len) &&
            PEM_write_bio(out, kPrivateKeyBlock, "", der, (long)der_len) > 0;
  CBB_cleanup(&cbb);
  OPENSSL_cleanse(der, sizeof(der));
  EVP_PKEY_free(pkey);
  return ok;
}

bool ech_key_to_pem(const struct ech_key *key, uint8_t **out_pem,
                    size_t *out_len) {
  BIO *bio = BIO_new(BIO_s_mem());
  const uint8_t *contents;
  uint8_t *pem = NULL;
  size_t len;
  if (bio != NULL && write_private_key(bio, key) &&
      PEM_write_bio(bio, kEchConfigBlock, "", key->list, (long)key->list_len) >
          0 &&
      BIO_mem_contents(bio, &contents, &len) &&
      (pem = OPENSSL_malloc(len)) != NULL) {
    memcpy(pem, contents, len);
    *out_pem = pem;
    *out_len = len;
  }
  BIO_free(bio);
  return pem != NULL;
}

// read_block reads the next PEM block, which must be called `wanted`.
// `*out_der` is released with secret_file_free.
static bool read_block(BIO *bio, const char *wanted, uint8_t **out_der,
                       size_t *out_len, struct key_error *out_error) {
  char *name = NULL;
  char *header = NULL;
  unsigned char *der = NULL;
  long len = 0;
  if (!PEM_read_bio(bio, &name, &header, &der, &len)) {
    bool absent = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    key_error_set(out_error,
                  absent ? "there is no %s block; an ECH key file holds a "
                           "PRIVATE KEY and then an ECHCONFIG (RFC 9934)"
                         : "the PEM block where %s should be is damaged or cut "
                           "short; copy the file again",
                  wanted);
    ERR_clear_error();
    return false;
  }
  bool ok = strcmp(name, wanted) == 0 && header[0] == '\0';
  if (ok) {
    *out_der = der;
    *out_len = (size_t)len;
  } else {
    key_error_set(out_error,
                  "a %.40s block stands where an unencrypted %s should be; an "
                  "ECH key file holds a PRIVATE KEY and then an ECHCONFIG (RFC "
                  "9934)",
                  name, wanted);
    secret_file_free(der, (size_t)len);
  }
  OPENSSL_free(name);
  OPENSSL_free(header);
  return ok;
}

static bool load_private_key(struct ech_key *key, const uint8_t *der,
                             size_t der_len) {
  CBS cbs;
  CBS_init(&cbs, der, der_len);
  EVP_PKEY *pkey = EVP_parse_private_key(&cbs);
  uint8_t raw[X25519_PRIVATE_KEY_LEN];
  size_t raw_len = sizeof(raw);
  bool ok =
      pkey != NULL && CBS_len(&cbs) == 0 &&
      EVP_PKEY_id(pkey) == EVP_PKEY_X25519 &&
      EVP_PKEY_get_raw_private_key(pkey, raw, &raw_len) &&
      EVP_HPKE_KEY_init(key->hpke, EVP_hpke_x25519_hkdf_sha256(), raw, raw_len);
  OPENSSL_cleanse(raw, sizeof(raw));
  EVP_PKEY_free(pkey);
  ERR_clear_error();
  return ok;
}

static bool read_private_key(struct ech_key *key, BIO *bio,
                             struct key_error *out_error) {
  uint8_t *der = NULL;
  size_t der_len = 0;
  if (!read_block(bio, kPrivateKeyBlock, &der, &der_len, out_error)) {
    return false;
  }
  bool ok = load_private_key(key, der, der_len);
  if (!ok) {
    key_error_set(out_error,
                  "the PRIVATE KEY block holds no X25519 key in PKCS#8 form "
                  "(RFC 8410)");
  }
  secret_file_free(der, der_len);
  return ok;
}

// belongs_to_key lets BoringSSL's server judge: the whole syntax, whether it
// supports the parameters, and whether the public key is that of `hpke`.
static bool belongs_to_key(const EVP_HPKE_KEY *hpke, const CBS *config) {
  SSL_ECH_KEYS *keys = SSL_ECH_KEYS_new();
  bool ok = keys != NULL &&
            SSL_ECH_KEYS_add(keys, 1, CBS_data(config), CBS_len(config), hpke);
  SSL_ECH_KEYS_free(keys);
  ERR_clear_error();
  return ok;
}

static bool keep_config(struct ech_key *key, const CBS *config) {
  CBB cbb, list;
  CBB_zero(&cbb);
  bool ok = CBB_init(&cbb, CBS_len(config) + 2) &&
            CBB_add_u16_length_prefixed(&cbb, &list) &&
            CBB_add_bytes(&list, CBS_data(config), CBS_len(config)) &&
            CBB_finish(&cbb, &key->list, &key->list_len);
  CBB_cleanup(&cbb);
  return ok;
}

// skip_config steps over one ECHConfig of any version. On failure `list` stays
// where that one begins.
static bool skip_config(CBS *list) {
  CBS copy = *list;
  uint16_t version;
  CBS contents;
  if (!CBS_get_u16(&copy, &version) ||
      !CBS_get_u16_length_prefixed(&copy, &contents)) {
    return false;
  }
  *list = copy;
  return true;
}

// choose_config keeps the first ECHConfig of the list that belongs to the key.
static bool choose_config(struct ech_key *key, const uint8_t *list,
                          size_t list_len, struct key_error *out_error) {
  CBS whole, rest;
  CBS_init(&whole, list, list_len);
  rest = whole;
  bool well_formed = CBS_get_u16_length_prefixed(&whole, &rest) &&
                     CBS_len(&whole) == 0 && CBS_len(&rest) > 0;
  while (well_formed && CBS_len(&rest) > 0) {
    CBS config = rest;
    if (!skip_config(&rest)) {
      well_formed = false;
      break;
    }
    CBS_init(&config, CBS_data(&config), CBS_len(&config) - CBS_len(&rest));
    if (belongs_to_key(key->hpke, &config)) {
      return keep_config(key, &config);
    }
  }
  if (well_formed) {
    key_error_set(out_error,
                  "no ECHConfig in the ECHCONFIG block is valid and belongs to "
                  "the PRIVATE KEY; put the two of one key together again");
  } else {
    key_error_set(out_error,
                  "the ECHCONFIG block is not an ECHConfigList: it goes wrong "
                  "at byte %zu of %zu",
                  list_len - CBS_len(&rest), list_len);
  }
  return false;
}

static bool read_config(struct ech_key *key, BIO *bio,
                        struct key_error *out_error) {
  uint8_t *list = NULL;
  size_t list_len = 0;
  if (!read_block(bio, kEchConfigBlock, &list, &list_len, out_error)) {
    return false;
  }
  bool ok = choose_config(key, list, list_len, out_error);
  OPENSSL_free(list);
  return ok;
}

struct ech_key *ech_key_from_pem(const uint8_t *pem, size_t pem_len,
                                 struct key_error *out_error) {
  if (pem_len > kMaxPem) {
    key_error_set(out_error, "an ECH key file has at most %d bytes, not %zu",
                  (int)kMaxPem, pem_len);
    return NULL;
  }
  key_error_set(out_error, "out of memory while reading the key");
  BIO *bio = BIO_new_mem_buf(pem, (int)pem_len);
  struct ech_key *key = key_new();
  bool ok = bio != NULL && key != NULL &&
            read_private_key(key, bio, out_error) &&
            read_config(key, bio, out_error);
  BIO_free(bio);
  if (!ok) {
    ech_key_free(key);
    return NULL;
  }
  return key;
}

char *ech_key_zone_line(const struct ech_key *key, const char *name,
                        uint16_t port) {
  struct ech_record *record = ech_record_new(
      name, port, kDefaultTtl, "h2,http/1.1", key->list, key->list_len, NULL);
  char *line = record == NULL ? NULL : ech_record_zone_line(record);
  ech_record_free(record);
  return line;
}
