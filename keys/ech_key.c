#include "keys/ech_key.h"

#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/hpke.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "keys/ech_key_output.h"
#include "keys/ech_public_name.h"
#include "keys/ech_record.h"
#include "keys/hpke_names.h"

enum { kDefaultTtl = 1800, kPrivateKeyLen = 32 };

struct ech_key {
  EVP_HPKE_KEY *hpke;
  uint8_t *list;  // the ECHConfigList with the one ECHConfig of `hpke`
  size_t list_len;
};

void ech_key_free(struct ech_key *key) {
  if (key == NULL) {
    return;
  }
  EVP_HPKE_KEY_free(key->hpke);  // wipes, as every OPENSSL_free does
  OPENSSL_free(key->list);
  OPENSSL_free(key);
}

uint8_t ech_key_max_name_len(const char *public_name, const char *name) {
  size_t max = kEchKeyDefaultMaxNameLen;
  const size_t lens[] = {strlen(public_name), strlen(name)};
  for (size_t i = 0; i < 2; i++) {
    max = lens[i] > max ? lens[i] : max;
  }
  return max < UINT8_MAX ? (uint8_t)max : UINT8_MAX;
}

void ech_key_spec_init(struct ech_key_spec *spec, const char *public_name) {
  static const struct ech_config_suite kSuites[] = {
      {EVP_HPKE_HKDF_SHA256, EVP_HPKE_AES_128_GCM},
      {EVP_HPKE_HKDF_SHA256, EVP_HPKE_CHACHA20_POLY1305}};
  static const bool kNoneUsed[256] = {false};
  *spec = (struct ech_key_spec){.kem_id = kHpkeKemX25519};
  spec->config.public_name = public_name;
  spec->config.max_name_len = ech_key_max_name_len(public_name, "");
  spec->config.num_suites = sizeof(kSuites) / sizeof(kSuites[0]);
  memcpy(spec->config.suites, kSuites, sizeof(kSuites));
  ech_key_spec_avoid(spec, kNoneUsed);
}

bool ech_key_spec_avoid(struct ech_key_spec *spec, const bool used[256]) {
  uint8_t free_ids[256];
  size_t num = 0;
  for (unsigned id = 0; id < 256; id++) {
    if (!used[id]) {
      free_ids[num++] = (uint8_t)id;
    }
  }
  uint32_t random;
  RAND_bytes((uint8_t *)&random, sizeof(random));  // never fails in BoringSSL
  if (num > 0) {
    spec->config.config_id = free_ids[random % num];
  }
  return num > 0;
}

static struct ech_key *key_zeroed(void) {
  struct ech_key *key = OPENSSL_malloc(sizeof(*key));
  if (key != NULL) {
    *key = (struct ech_key){.hpke = NULL};
  }
  return key;
}

static bool make_list(struct ech_key *key, const struct ech_config_spec *spec) {
  CBB cbb, list;
  CBB_zero(&cbb);
  bool ok = CBB_init(&cbb, 128) && CBB_add_u16_length_prefixed(&cbb, &list) &&
            ech_config_write(&list, spec, key->hpke) &&
            CBB_finish(&cbb, &key->list, &key->list_len);
  CBB_cleanup(&cbb);
  return ok;
}

static bool check_spec(const struct ech_key_spec *spec,
                       struct key_error *out_error) {
  if (!ech_public_name_valid(spec->config.public_name)) {
    key_error_set(out_error,
                  "the public name must be a host name that clients accept: "
                  "labels of letters, digits and inner hyphens (an "
                  "international name in its xn-- form), no dot at either end, "
                  "and no number as its last label (RFC 9849, section 6.1.7)");
    return false;
  }
  if (hpke_names_get_kem(spec->kem_id) == NULL) {
    key_error_set(out_error, "the BoringSSL in use has no such KEM for ECH");
    return false;
  }
  return true;
}

struct ech_key *ech_key_new(const struct ech_key_spec *spec,
                            struct key_error *out_error) {
  if (!check_spec(spec, out_error)) {
    return NULL;
  }
  struct ech_key *key = key_zeroed();
  if (key == NULL || (key->hpke = EVP_HPKE_KEY_new()) == NULL ||
      !EVP_HPKE_KEY_generate(key->hpke, hpke_names_get_kem(spec->kem_id)) ||
      !make_list(key, &spec->config)) {
    key_error_set(out_error, "out of memory while making the key");
    ech_key_free(key);
    return NULL;
  }
  return key;
}

struct ech_key *ech_key_generate(const char *public_name, uint8_t max_name_len,
                                 struct key_error *out_error) {
  struct ech_key_spec spec;
  ech_key_spec_init(&spec, public_name);
  spec.config.max_name_len = max_name_len;
  return ech_key_new(&spec, out_error);
}

const uint8_t *ech_key_config_list(const struct ech_key *key, size_t *out_len) {
  *out_len = key->list_len;
  return key->list;
}

void ech_key_private(const struct ech_key *key, uint8_t out[kPrivateKeyLen]) {
  size_t len;
  if (!EVP_HPKE_KEY_private_key(key->hpke, out, &len, kPrivateKeyLen)) {
    abort();  // an ech_key always holds one
  }
}

bool ech_key_to_file(const struct ech_key *key, struct ech_key_file *out) {
  *out = (struct ech_key_file){
      .format = ECH_KEY_PEM,
      .keys = OPENSSL_malloc(sizeof(*out->keys)),
      .list = OPENSSL_memdup(key->list, key->list_len),
      .list_len = key->list_len,
  };
  if (out->keys == NULL || out->list == NULL) {
    return false;
  }
  out->num_keys = 1;
  out->keys[0] = (struct ech_private_key){.len = kPrivateKeyLen};
  out->keys[0].kem_id = EVP_HPKE_KEM_id(EVP_HPKE_KEY_kem(key->hpke));
  ech_key_private(key, out->keys[0].bytes);
  return true;
}

bool ech_key_to_pem(const struct ech_key *key, uint8_t **out_pem,
                    size_t *out_len) {
  struct ech_key_file file;
  struct ech_key_output output;
  bool ok = ech_key_to_file(key, &file) &&
            ech_key_output_make(&output, &file, ECH_KEY_PEM, NULL);
  ech_key_file_cleanup(&file);
  if (ok) {
    *out_pem = output.key;  // taken
    *out_len = output.key_len;
  }
  return ok;
}

// server_accepts lets BoringSSL's server judge: the whole syntax, whether it
// supports the parameters, and whether the public key is that of `hpke`.
static bool server_accepts(const EVP_HPKE_KEY *hpke, CBS config) {
  SSL_ECH_KEYS *keys = SSL_ECH_KEYS_new();
  bool ok = keys != NULL && SSL_ECH_KEYS_add(keys, 1, CBS_data(&config),
                                             CBS_len(&config), hpke);
  SSL_ECH_KEYS_free(keys);
  ERR_clear_error();
  return ok;
}

static bool keep_config(struct ech_key *key, CBS config) {
  CBB cbb, list;
  CBB_zero(&cbb);
  bool ok = CBB_init(&cbb, CBS_len(&config) + 2) &&
            CBB_add_u16_length_prefixed(&cbb, &list) &&
            CBB_add_bytes(&list, CBS_data(&config), CBS_len(&config)) &&
            CBB_finish(&cbb, &key->list, &key->list_len);
  CBB_cleanup(&cbb);
  return ok;
}

// choose_config keeps the first ECHConfig of the list that belongs to the key.
static bool choose_config(struct ech_key *key, const struct ech_key_file *file,
                          struct key_error *out_error) {
  CBS rest, config;
  size_t bad;
  if (!ech_config_open_list(&rest, &bad, file->list, file->list_len)) {
    return false;  // ech_key_file_read lets none through
  }
  while (ech_config_next(&rest, &config)) {
    if (server_accepts(key->hpke, config)) {
      return keep_config(key, config);
    }
  }
  key_error_set(out_error,
                "no ECHConfig in the file is valid and belongs to the PRIVATE "
                "KEY; put the two of one key together again");
  return false;
}

static bool check_parts(const struct ech_key_file *file,
                        struct key_error *out_error) {
  if (file->num_keys > 0 && file->list != NULL) {
    return true;
  }
  key_error_set(out_error,
                "there is no %s block; an ECH key file holds a PRIVATE KEY and "
                "then an ECHCONFIG (RFC 9934)",
                file->num_keys == 0 ? "PRIVATE KEY" : "ECHCONFIG");
  return false;
}

struct ech_key *ech_key_from_file(const struct ech_key_file *file,
                                  struct key_error *out_error) {
  if (!check_parts(file, out_error)) {
    return NULL;
  }
  struct ech_key *key = key_zeroed();
  if (key == NULL) {
    key_error_set(out_error, "out of memory while reading the key");
    return NULL;
  }
  key->hpke = ech_key_file_hpke(&file->keys[0]);
  if (key->hpke == NULL) {
    key_error_set(out_error,
                  "the private key is not one for a KEM that the BoringSSL in "
                  "use has for ECH");
  } else if (choose_config(key, file, out_error)) {
    return key;
  }
  ech_key_free(key);
  return NULL;
}

struct ech_key *ech_key_from_pem(const uint8_t *pem, size_t pem_len,
                                 struct key_error *out_error) {
  struct ech_key_file file;
  struct ech_key *key = NULL;
  bool ok = ech_key_file_read(&file, pem, pem_len, out_error);
  if (ok && file.format != ECH_KEY_PEM) {
    key_error_set(out_error,
                  "this is a file in the format %s; an ECH key file holds a "
                  "PRIVATE KEY and then an ECHCONFIG (RFC 9934)",
                  ech_key_format_str(file.format));
  } else if (ok) {
    key = ech_key_from_file(&file, out_error);
  }
  ech_key_file_cleanup(&file);
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
