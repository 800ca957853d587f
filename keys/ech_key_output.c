#include "keys/ech_key_output.h"

#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <string.h>

#include "keys/base64_text.h"
#include "keys/ech_config.h"
#include "keys/ech_pkcs8.h"
#include "keys/hpke_names.h"

enum { kListPrefixLen = 2 };

// write_pem adds a block to a text.
static bool write_pem(BIO *out, const char *label, const uint8_t *data,
                      size_t len) {
  return PEM_write_bio(out, label, "", data, (long)len) > 0;
}

// take_text copies what was written.
static bool take_text(uint8_t **out, size_t *out_len, BIO *bio) {
  const uint8_t *text;
  if (!BIO_mem_contents(bio, &text, out_len)) {
    return false;
  }
  *out = OPENSSL_memdup(text, *out_len);
  return *out != NULL;
}

static bool make_pem_block(uint8_t **out, size_t *out_len, const char *label,
                           const uint8_t *data, size_t len) {
  BIO *bio = BIO_new(BIO_s_mem());
  bool ok = bio != NULL && write_pem(bio, label, data, len) &&
            take_text(out, out_len, bio);
  BIO_free(bio);
  return ok;
}

static bool write_private_key(BIO *out, const struct ech_private_key *key) {
  uint8_t *der = NULL;
  size_t der_len = 0;
  CBB cbb;
  bool ok = CBB_init(&cbb, 128) &&
            ech_pkcs8_write(&cbb, key->kem_id, key->bytes) &&
            CBB_finish(&cbb, &der, &der_len) &&
            write_pem(out, "PRIVATE KEY", der, der_len);
  CBB_cleanup(&cbb);
  OPENSSL_free(der);
  return ok;
}

static bool make_pem(struct ech_key_output *out,
                     const struct ech_key_file *file) {
  BIO *bio = BIO_new(BIO_s_mem());
  bool ok = bio != NULL && write_private_key(bio, &file->keys[0]) &&
            write_pem(bio, "ECHCONFIG", file->list, file->list_len) &&
            take_text(&out->key, &out->key_len, bio);
  BIO_free(bio);
  return ok;
}

static bool add_pair(CBB *out, const struct ech_private_key *key, CBS config) {
  CBB child;
  return CBB_add_u16_length_prefixed(out, &child) &&
         CBB_add_bytes(&child, key->bytes, key->len) &&
         CBB_add_u16_length_prefixed(out, &child) &&
         CBB_add_bytes(&child, CBS_data(&config), CBS_len(&config)) &&
         CBB_flush(out);
}

// find_config returns the configuration of key `i`: in GO the one that stands
// with it, else the first that belongs to it.
static bool find_config(CBS *out, const struct ech_key_file *file, size_t i) {
  CBS rest;
  size_t bad;
  EVP_HPKE_KEY *hpke = ech_key_file_hpke(&file->keys[i]);
  bool found = false;
  if (hpke != NULL &&
      ech_config_open_list(&rest, &bad, file->list, file->list_len)) {
    for (size_t at = 0; !found && ech_config_next(&rest, out); at++) {
      found = (file->format != ECH_KEY_GO || at == i) &&
              ech_config_belongs(*out, hpke);
    }
  }
  EVP_HPKE_KEY_free(hpke);
  return found;
}

static bool make_go_keys(uint8_t **out, size_t *out_len,
                         const struct ech_key_file *file) {
  CBB cbb;
  CBS config;
  bool ok = CBB_init(&cbb, 256);
  for (size_t i = 0; ok && i < file->num_keys; i++) {
    ok =
        find_config(&config, file, i) && add_pair(&cbb, &file->keys[i], config);
  }
  ok = ok && CBB_finish(&cbb, out, out_len);
  CBB_cleanup(&cbb);
  return ok;
}

static bool make_go(struct ech_key_output *out,
                    const struct ech_key_file *file) {
  uint8_t *pairs = NULL;
  size_t len = 0;
  bool ok = make_go_keys(&pairs, &len, file) &&
            make_pem_block(&out->key, &out->key_len, "ECH KEYS", pairs, len) &&
            make_pem_block(&out->config, &out->config_len, "ECH CONFIGS",
                           file->list, file->list_len);
  OPENSSL_free(pairs);
  return ok;
}

// make_base64 is one line.
static bool make_base64(uint8_t **out, size_t *out_len, const uint8_t *data,
                        size_t len) {
  char *text = base64_text_encode(data, len);
  if (text == NULL) {
    return false;
  }
  *out_len = strlen(text) + 1;
  text[*out_len - 1] = '\n';  // in place of the NUL
  *out = (uint8_t *)text;
  return true;
}

static bool make_nss(struct ech_key_output *out,
                     const struct ech_key_file *file) {
  uint8_t *data = NULL;
  size_t len = 0;
  CBB cbb, der;
  bool ok = CBB_init(&cbb, 256) && CBB_add_u16_length_prefixed(&cbb, &der) &&
            ech_pkcs8_write_nss(&der, file->keys[0].bytes) && CBB_flush(&cbb) &&
            CBB_add_bytes(&cbb, file->list, file->list_len) &&
            CBB_finish(&cbb, &data, &len) &&
            make_base64(&out->key, &out->key_len, data, len);
  CBB_cleanup(&cbb);
  OPENSSL_free(data);
  return ok;
}

static bool make_raw(struct ech_key_output *out,
                     const struct ech_key_file *file) {
  const struct ech_private_key *key = &file->keys[0];
  out->key_len = key->len;
  out->key = OPENSSL_memdup(key->bytes, key->len);
  out->config_len = file->list_len - kListPrefixLen;
  out->config = OPENSSL_memdup(file->list + kListPrefixLen, out->config_len);
  return out->key != NULL && out->config != NULL;
}

static bool make_list(struct ech_key_output *out,
                      const struct ech_key_file *file) {
  return make_base64(&out->key, &out->key_len, file->list, file->list_len);
}

static size_t num_entries(const struct ech_key_file *file) {
  CBS rest, config;
  size_t bad;
  size_t num = 0;
  if (file->list != NULL &&
      ech_config_open_list(&rest, &bad, file->list, file->list_len)) {
    while (ech_config_next(&rest, &config)) {
      num++;
    }
  }
  return num;
}

// What a format holds, and its writer.
static const struct {
  bool (*make)(struct ech_key_output *out, const struct ech_key_file *file);
  size_t max_keys;
  size_t max_configs;
  bool only_x25519;
} kWriters[] = {
    [ECH_KEY_PEM] = {make_pem, 1, SIZE_MAX, false},
    [ECH_KEY_GO] = {make_go, kEchKeyFileMaxKeys, SIZE_MAX, false},
    [ECH_KEY_NSS] = {make_nss, 1, SIZE_MAX, true},
    [ECH_KEY_RAW] = {make_raw, 1, 1, true},
    [ECH_KEY_LIST] = {make_list, SIZE_MAX, SIZE_MAX, false},
};

// check_room says why `format` cannot hold `file`.
static bool check_room(const struct ech_key_file *file,
                       enum ech_key_format format,
                       struct key_error *out_error) {
  const char *name = ech_key_format_str(format);
  size_t num_configs = num_entries(file);
  if (num_configs == 0 || (format != ECH_KEY_LIST && file->num_keys == 0)) {
    key_error_set(out_error, "there is no %s to write as %s",
                  num_configs == 0 ? "configuration" : "key", name);
    return false;
  }
  if (file->num_keys > kWriters[format].max_keys ||
      num_configs > kWriters[format].max_configs) {
    key_error_set(
        out_error, "the format %s holds no more than one %s, and here are %zu",
        name,
        file->num_keys > kWriters[format].max_keys ? "key" : "configuration",
        file->num_keys > kWriters[format].max_keys ? file->num_keys
                                                   : num_configs);
    return false;
  }
  if (kWriters[format].only_x25519 && file->keys[0].kem_id != kHpkeKemX25519) {
    key_error_set(out_error, "the servers that read %s take x25519 only", name);
    return false;
  }
  return true;
}

// check_pairs looks for a key without its configuration.
static bool check_pairs(const struct ech_key_file *file,
                        struct key_error *out_error) {
  CBS config;
  for (size_t i = 0; i < file->num_keys; i++) {
    if (!find_config(&config, file, i)) {
      key_error_set(out_error,
                    "no configuration belongs to the private key; put the two "
                    "of one key together again");
      return false;
    }
  }
  return true;
}

bool ech_key_output_make(struct ech_key_output *out,
                         const struct ech_key_file *file,
                         enum ech_key_format format,
                         struct key_error *out_error) {
  *out = (struct ech_key_output){.key = NULL};
  if (!check_room(file, format, out_error) || !check_pairs(file, out_error)) {
    return false;
  }
  if (!kWriters[format].make(out, file)) {
    key_error_set(out_error, "out of memory while writing the key");
    ech_key_output_cleanup(out);
    return false;
  }
  return true;
}

void ech_key_output_cleanup(struct ech_key_output *output) {
  OPENSSL_free(output->key);  // wipes, as every OPENSSL_free does
  OPENSSL_free(output->config);
  *output = (struct ech_key_output){.key = NULL};
}
