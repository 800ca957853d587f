#include "keys/ech_key_octets.h"

#include <openssl/bytestring.h>
#include <openssl/mem.h>
#include <string.h>

#include "keys/ech_config.h"
#include "keys/ech_pkcs8.h"
#include "keys/hex_text.h"
#include "keys/hpke_names.h"

static bool out_of_memory(struct key_error *out_error) {
  key_error_set(out_error, "out of memory while reading the key");
  return false;
}

static bool add_key(struct ech_key_file *file, uint16_t kem_id,
                    const uint8_t *bytes, size_t len,
                    struct key_error *out_error) {
  if (file->keys == NULL) {
    file->keys = OPENSSL_malloc(kEchKeyFileMaxKeys * sizeof(*file->keys));
    if (file->keys == NULL) {
      return out_of_memory(out_error);
    }
  }
  struct ech_private_key *key = &file->keys[file->num_keys++];
  *key = (struct ech_private_key){.kem_id = kem_id, .len = len};
  memcpy(key->bytes, bytes, len);
  return true;
}

bool ech_key_octets_list(struct ech_key_file *file, const uint8_t *list,
                         size_t len, const char *what,
                         struct key_error *out_error) {
  CBS entries;
  size_t bad;
  if (!ech_config_open_list(&entries, &bad, list, len)) {
    key_error_set(out_error,
                  bad == 0 ? "%s is not an ECHConfigList: at byte %zu of %zu: "
                             "expected the length of all that follows"
                           : "%s is not an ECHConfigList: at byte %zu of %zu: "
                             "expected an ECHConfig that ends with the list or "
                             "before",
                  what, bad, len);
    return false;
  }
  file->list = OPENSSL_memdup(list, len);
  file->list_len = len;
  return file->list != NULL || out_of_memory(out_error);
}

// set_entries makes a list of ECHConfigs.
static bool set_entries(struct ech_key_file *file, const uint8_t *entries,
                        size_t len, struct key_error *out_error) {
  CBB cbb, list;
  CBB_zero(&cbb);
  bool ok = CBB_init(&cbb, len + 2) &&
            CBB_add_u16_length_prefixed(&cbb, &list) &&
            CBB_add_bytes(&list, entries, len) &&
            CBB_finish(&cbb, &file->list, &file->list_len);
  if (!ok) {
    key_error_set(out_error, "the configurations are too long for a list");
    CBB_cleanup(&cbb);
  }
  return ok;
}

bool ech_key_octets_pkcs8(struct ech_key_file *file, const uint8_t *der,
                          size_t len, const char *what,
                          struct key_error *out_error) {
  uint8_t key[kEchPkcs8KeyLen];
  uint16_t kem_id;
  bool ok = ech_pkcs8_read(&kem_id, key, der, len);
  if (ok) {
    ok = add_key(file, kem_id, key, sizeof(key), out_error);
  } else {
    key_error_set(out_error,
                  "%s holds no X25519 key in PKCS#8 form (RFC 8410), and no "
                  "P-256 one",
                  what);
  }
  OPENSSL_cleanse(key, sizeof(key));
  return ok;
}

// get_go_pair takes {u16+private key, u16+ECHConfig}.
static bool get_go_pair(CBS *rest, CBS *out_key, CBS *out_config) {
  CBS config, all;
  if (!CBS_get_u16_length_prefixed(rest, out_key) || CBS_len(out_key) == 0 ||
      CBS_len(out_key) > kEchPrivateKeyMaxLen ||
      !CBS_get_u16_length_prefixed(rest, out_config)) {
    return false;
  }
  all = *out_config;
  return ech_config_next(&all, &config) && CBS_len(&all) == 0;
}

static bool read_go_pairs(struct ech_key_file *file, CBB *entries,
                          const uint8_t *data, size_t len,
                          struct key_error *out_error) {
  CBS rest, key, config, public_key;
  CBS_init(&rest, data, len);
  do {
    size_t at = len - CBS_len(&rest);
    uint16_t kem_id = 0;
    if (!get_go_pair(&rest, &key, &config) ||
        file->num_keys == kEchKeyFileMaxKeys) {
      key_error_set(out_error,
                    "ECH KEYS: at byte %zu of %zu: expected a private key and "
                    "an ECHConfig, each after its length, %d pairs at most",
                    at, len, (int)kEchKeyFileMaxKeys);
      return false;
    }
    ech_config_key(&kem_id, &public_key, config);
    if (!add_key(file, kem_id, CBS_data(&key), CBS_len(&key), out_error)) {
      return false;
    }
    if (!CBB_add_bytes(entries, CBS_data(&config), CBS_len(&config))) {
      return out_of_memory(out_error);
    }
  } while (CBS_len(&rest) > 0);
  return true;
}

bool ech_key_octets_go(struct ech_key_file *file, const uint8_t *data,
                       size_t len, struct key_error *out_error) {
  CBB entries;
  bool ok = (CBB_init(&entries, len) || out_of_memory(out_error)) &&
            read_go_pairs(file, &entries, data, len, out_error) &&
            set_entries(file, CBB_data(&entries), CBB_len(&entries), out_error);
  CBB_cleanup(&entries);
  return ok;
}

// read_nss reads {u16+PKCS#8, ECHConfigList}.
static bool read_nss(struct ech_key_file *file, const uint8_t *data, size_t len,
                     struct key_error *out_error) {
  CBS rest, der;
  CBS_init(&rest, data, len);
  if (!CBS_get_u16_length_prefixed(&rest, &der)) {
    key_error_set(out_error,
                  "at byte 0 of %zu: expected the length of a private key",
                  len);
    return false;
  }
  file->format = ECH_KEY_NSS;
  return ech_key_octets_pkcs8(file, CBS_data(&der), CBS_len(&der), "the key",
                              out_error) &&
         ech_key_octets_list(file, CBS_data(&rest), CBS_len(&rest),
                             "what follows the key", out_error);
}

static size_t u16_at(const uint8_t *data, size_t len, size_t at) {
  return at + 2 <= len ? (size_t)data[at] << 8 | data[at + 1] : 0;
}

// looks_like_go tells {u16+private key, u16+ECHConfig} by its config's version.
static bool looks_like_go(const uint8_t *data, size_t len) {
  size_t key_len = u16_at(data, len, 0);
  return u16_at(data, len, 2 + key_len + 2) == kEchConfigVersion;
}

static bool looks_like_nss(const uint8_t *data, size_t len) {
  enum { kSequence = 0x30 };
  return len > 2 && data[2] == kSequence && u16_at(data, len, 0) < len - 2;
}

static bool read_one_config(struct ech_key_file *file, const uint8_t *data,
                            size_t len, struct key_error *out_error) {
  CBS rest, config;
  CBS_init(&rest, data, len);
  file->format = ECH_KEY_RAW;
  if (!ech_config_next(&rest, &config) || CBS_len(&rest) != 0) {
    key_error_set(out_error,
                  "at byte 2 of %zu: expected the length of an ECHConfig, all "
                  "that follows",
                  len);
    return false;
  }
  return set_entries(file, data, len, out_error);
}

bool ech_key_octets_any(struct ech_key_file *file, const uint8_t *data,
                        size_t len, bool may_be_key,
                        struct key_error *out_error) {
  enum { kRawKeyLen = 32 };
  if (u16_at(data, len, 0) == kEchConfigVersion) {
    return read_one_config(file, data, len, out_error);
  }
  if (u16_at(data, len, 0) + 2u == len) {
    file->format = ECH_KEY_LIST;
    return ech_key_octets_list(file, data, len, "this", out_error);
  }
  if (may_be_key && len == kRawKeyLen) {
    file->format = ECH_KEY_RAW;
    return add_key(file, kHpkeKemX25519, data, len, out_error);
  }
  if (looks_like_nss(data, len)) {
    return read_nss(file, data, len, out_error);
  }
  if (looks_like_go(data, len)) {
    file->format = ECH_KEY_GO;
    return ech_key_octets_go(file, data, len, out_error);
  }
  key_error_set(out_error,
                "at byte 0 of %zu: expected an ECHConfigList, an ECHConfig, or "
                "a key in a format of docs/KEYS.md",
                len);
  return false;
}

bool ech_key_octets_from_hex(uint8_t **out, size_t *out_len,
                             const uint8_t *text, size_t len) {
  uint8_t *data = len % 2 == 0 ? OPENSSL_malloc(len / 2 + 1) : NULL;
  bool ok = data != NULL;
  for (size_t i = 0; ok && i < len; i += 2) {
    int high = hex_text_digit((char)text[i]);
    int low = hex_text_digit((char)text[i + 1]);
    ok = high >= 0 && low >= 0;
    data[i / 2] = (uint8_t)(ok ? high << 4 | low : 0);
  }
  if (!ok || u16_at(data, len / 2, 0) + 2u != len / 2) {
    OPENSSL_free(data);
    return false;
  }
  *out = data;
  *out_len = len / 2;
  return true;
}
