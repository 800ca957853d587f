#include "keys/ech_key_file.h"

#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <string.h>

#include "keys/base64_text.h"
#include "keys/ech_config.h"
#include "keys/ech_key_octets.h"
#include "keys/hpke_names.h"
#include "keys/pem_text.h"

static const char *const kFormatNames[] = {
#define X(name, text) [name] = text,
    ECH_KEY_FORMATS(X)
#undef X
};

enum { kNumFormats = sizeof(kFormatNames) / sizeof(kFormatNames[0]) };

const char *ech_key_format_str(enum ech_key_format format) {
  return kFormatNames[format];
}

bool ech_key_format_find(enum ech_key_format *out, const char *name) {
  for (int i = 0; i < kNumFormats; i++) {
    if (strcmp(kFormatNames[i], name) == 0) {
      *out = (enum ech_key_format)i;
      return true;
    }
  }
  return false;
}

static bool is_text(const uint8_t *data, size_t len) {
  for (size_t i = 0; i < len; i++) {
    bool is_space = data[i] == '\n' || data[i] == '\r' || data[i] == '\t';
    if (!is_space && (data[i] < ' ' || data[i] >= 0x7f)) {
      return false;
    }
  }
  return len > 0;
}

static bool read_text(struct ech_key_file *file, const uint8_t *text,
                      size_t len, struct key_error *out_error) {
  uint8_t *data;
  size_t data_len, bad;
  while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
    len--;
  }
  if (!ech_key_octets_from_hex(&data, &data_len, text, len) &&
      !base64_text_decode(&data, &data_len, &bad, (const char *)text, len)) {
    key_error_set(out_error,
                  "at byte %zu: expected base64 or a PEM block (-----BEGIN)",
                  bad);
    return false;
  }
  bool ok = ech_key_octets_any(file, data, data_len, false, out_error);
  OPENSSL_free(data);
  return ok;
}

// The files that are PEM, and what their blocks are.

static const struct {
  const char *label;
  enum ech_key_format format;
  bool is_key;
} kBlocks[] = {
    {"PRIVATE KEY", ECH_KEY_PEM, true},
    {"ECHCONFIG", ECH_KEY_PEM, false},
    {"ECH KEYS", ECH_KEY_GO, true},
    {"ECH CONFIGS", ECH_KEY_GO, false},
};

enum { kNumBlocks = sizeof(kBlocks) / sizeof(kBlocks[0]) };

static bool read_key_block(struct ech_key_file *file,
                           const struct pem_block *block,
                           struct key_error *out_error) {
  return file->format == ECH_KEY_PEM
             ? ech_key_octets_pkcs8(file, block->data, block->len,
                                    "the PRIVATE KEY block", out_error)
             : ech_key_octets_go(file, block->data, block->len, out_error);
}

// The blocks of one file: a key's and a configuration's.
struct pem_blocks {
  struct pem_block key;
  struct pem_block config;
};

// take_block puts `block`, which is taken, where it belongs. The first one says
// which format the file is in.
static bool take_block(struct pem_blocks *blocks, struct ech_key_file *file,
                       struct pem_block *block, struct key_error *out_error) {
  bool is_first = blocks->key.data == NULL && blocks->config.data == NULL;
  for (int i = 0; i < kNumBlocks; i++) {
    struct pem_block *place =
        kBlocks[i].is_key ? &blocks->key : &blocks->config;
    if (strcmp(kBlocks[i].label, block->label) == 0 && place->data == NULL &&
        (is_first || file->format == kBlocks[i].format)) {
      file->format = kBlocks[i].format;
      *place = *block;
      return true;
    }
  }
  key_error_set(out_error,
                "at byte %zu: a %s block stands where one PRIVATE KEY and then "
                "an ECHCONFIG should be (RFC 9934), or ECH KEYS and ECH "
                "CONFIGS",
                block->offset, block->label);
  pem_block_cleanup(block);
  return false;
}

// read_blocks reads up to the ECHCONFIG, behind which anything may stand (RFC
// 9934, section 3), or to the end.
static bool read_blocks(struct pem_blocks *blocks, struct ech_key_file *file,
                        const char *text, size_t len,
                        struct key_error *out_error) {
  size_t offset = 0;
  while (file->format != ECH_KEY_PEM || blocks->config.data == NULL) {
    struct pem_block block;
    switch (pem_text_next(&block, &offset, text, len, out_error)) {
      case PEM_TEXT_END:
        return true;
      case PEM_TEXT_BAD:
        return false;
      case PEM_TEXT_BLOCK:
        break;
    }
    if (!take_block(blocks, file, &block, out_error)) {
      return false;
    }
  }
  return true;
}

static bool list_has(const struct ech_key_file *file, CBS wanted) {
  CBS rest, config;
  size_t bad;
  bool found = false;
  if (!ech_config_open_list(&rest, &bad, file->list, file->list_len)) {
    return false;
  }
  while (!found && ech_config_next(&rest, &config)) {
    found = CBS_mem_equal(&config, CBS_data(&wanted), CBS_len(&wanted));
  }
  return found;
}

// check_published finds a configuration that is given to clients and for which
// the server has no key.
static bool check_published(const struct ech_key_file *keys,
                            const struct ech_key_file *published,
                            struct key_error *out_error) {
  CBS rest, config;
  size_t bad;
  if (!ech_config_open_list(&rest, &bad, published->list,
                            published->list_len)) {
    return false;
  }
  while (ech_config_next(&rest, &config)) {
    if (!list_has(keys, config)) {
      key_error_set(out_error,
                    "the ECH CONFIGS block has a configuration that ECH KEYS "
                    "has no key for; put the two of one key together again");
      return false;
    }
  }
  return true;
}

static bool read_config_block(struct ech_key_file *file,
                              const struct pem_block *block,
                              struct key_error *out_error) {
  const char *what = file->format == ECH_KEY_PEM ? "the ECHCONFIG block"
                                                 : "the ECH CONFIGS block";
  if (file->list == NULL) {
    return ech_key_octets_list(file, block->data, block->len, what, out_error);
  }
  struct ech_key_file published = {.format = file->format};
  bool ok = ech_key_octets_list(&published, block->data, block->len, what,
                                out_error) &&
            check_published(file, &published, out_error);
  ech_key_file_cleanup(&published);
  return ok;
}

static bool read_pem(struct ech_key_file *file, const char *text, size_t len,
                     struct key_error *out_error) {
  struct pem_blocks blocks = {.key = {.data = NULL}};
  bool ok = read_blocks(&blocks, file, text, len, out_error) &&
            (blocks.key.data == NULL ||
             read_key_block(file, &blocks.key, out_error)) &&
            (blocks.config.data == NULL ||
             read_config_block(file, &blocks.config, out_error));
  pem_block_cleanup(&blocks.key);
  pem_block_cleanup(&blocks.config);
  return ok;
}

static bool is_blank(const uint8_t *data, size_t len) {
  size_t i = 0;
  while (i < len && strchr(" \t\r\n", data[i]) != NULL && data[i] != '\0') {
    i++;
  }
  return i == len;
}

// A byte order mark in front of the first block: OpenSSL, and with it servers,
// would take the block for something else and go on at the next one.
static bool hides_block(const uint8_t *data, size_t len) {
  static const char kHidden[] = "\xef\xbb\xbf-----BEGIN";
  return len >= sizeof(kHidden) - 1 &&
         memcmp(data, kHidden, sizeof(kHidden) - 1) == 0;
}

bool ech_key_file_read(struct ech_key_file *out, const uint8_t *data,
                       size_t len, struct key_error *out_error) {
  *out = (struct ech_key_file){.format = ECH_KEY_PEM};
  // Of a name without a record, dig and kdig print nothing.
  if (is_blank(data, len)) {
    key_error_set(out_error, "empty: no key, no configuration and no record");
    return false;
  }
  if (len > kEchKeyFileMaxLen) {
    key_error_set(out_error, "an ECH key file has at most %d bytes, not %zu",
                  (int)kEchKeyFileMaxLen, len);
    return false;
  }
  if (hides_block(data, len)) {
    key_error_set(out_error,
                  "at byte 0: a byte order mark, for which servers overlook "
                  "the first block; save the file as UTF-8 without one");
    return false;
  }
  if (pem_text_found((const char *)data, len)) {
    return read_pem(out, (const char *)data, len, out_error);
  }
  if (is_text(data, len)) {
    return read_text(out, data, len, out_error);
  }
  return ech_key_octets_any(out, data, len, true, out_error);
}

// adopt_kem takes the KEM of a key that has no label from its configuration.
static void adopt_kem(struct ech_key_file *file) {
  CBS rest, config, public_key;
  uint16_t kem_id;
  size_t bad;
  if (file->format == ECH_KEY_RAW && file->num_keys == 1 &&
      ech_config_open_list(&rest, &bad, file->list, file->list_len) &&
      ech_config_next(&rest, &config) &&
      ech_config_key(&kem_id, &public_key, config)) {
    file->keys[0].kem_id = kem_id;
  }
}

bool ech_key_file_add_config(struct ech_key_file *file,
                             const struct ech_key_file *config,
                             struct key_error *out_error) {
  if (file->list != NULL || config->list == NULL) {
    key_error_set(out_error, file->list != NULL
                                 ? "the key's file has a configuration already"
                                 : "there is no configuration in it");
    return false;
  }
  file->list = OPENSSL_memdup(config->list, config->list_len);
  file->list_len = config->list_len;
  if (file->list == NULL) {
    key_error_set(out_error, "out of memory while reading the key");
    return false;
  }
  adopt_kem(file);
  return true;
}

EVP_HPKE_KEY *ech_key_file_hpke(const struct ech_private_key *key) {
  const EVP_HPKE_KEM *kem = hpke_names_get_kem(key->kem_id);
  EVP_HPKE_KEY *hpke = kem == NULL ? NULL : EVP_HPKE_KEY_new();
  if (hpke != NULL && !EVP_HPKE_KEY_init(hpke, kem, key->bytes, key->len)) {
    EVP_HPKE_KEY_free(hpke);
    hpke = NULL;
  }
  ERR_clear_error();
  return hpke;
}

void ech_key_file_cleanup(struct ech_key_file *file) {
  OPENSSL_free(file->keys);  // wipes, as every OPENSSL_free does
  OPENSSL_free(file->list);
  *file = (struct ech_key_file){.format = ECH_KEY_PEM};
}
