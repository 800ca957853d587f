#include "keys/ech_config.h"

#include <string.h>

static bool add_cipher_suites(CBB *contents,
                              const struct ech_config_spec *spec) {
  CBB suites;
  if (!CBB_add_u16_length_prefixed(contents, &suites)) {
    return false;
  }
  for (size_t i = 0; i < spec->num_suites; i++) {
    if (!CBB_add_u16(&suites, spec->suites[i].kdf_id) ||
        !CBB_add_u16(&suites, spec->suites[i].aead_id)) {
      return false;
    }
  }
  return CBB_flush(contents);
}

static bool add_public_key(CBB *contents, const EVP_HPKE_KEY *key) {
  uint8_t public_key[EVP_HPKE_MAX_PUBLIC_KEY_LENGTH];
  size_t len;
  CBB child;
  return EVP_HPKE_KEY_public_key(key, public_key, &len, sizeof(public_key)) &&
         CBB_add_u16(contents, EVP_HPKE_KEM_id(EVP_HPKE_KEY_kem(key))) &&
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

// It is our own, and not SSL_marshal_ech_config, because that one takes no
// cipher suites.
bool ech_config_write(CBB *out, const struct ech_config_spec *spec,
                      const EVP_HPKE_KEY *key) {
  CBB contents;
  return CBB_add_u16(out, kEchConfigVersion) &&
         CBB_add_u16_length_prefixed(out, &contents) &&
         CBB_add_u8(&contents, spec->config_id) &&
         add_public_key(&contents, key) && add_cipher_suites(&contents, spec) &&
         CBB_add_u8(&contents, spec->max_name_len) &&
         add_public_name(&contents, spec->public_name) &&
         CBB_add_u16(&contents, 0) &&  // no extensions
         CBB_flush(out);
}

bool ech_config_next(CBS *io_list, CBS *out_config) {
  CBS rest = *io_list;
  uint16_t version;
  CBS contents;
  if (!CBS_get_u16(&rest, &version) ||
      !CBS_get_u16_length_prefixed(&rest, &contents)) {
    return false;
  }
  CBS_init(out_config, CBS_data(io_list), CBS_len(io_list) - CBS_len(&rest));
  *io_list = rest;
  return true;
}

bool ech_config_open_list(CBS *out_entries, size_t *out_bad,
                          const uint8_t *list, size_t len) {
  CBS whole, entries, config;
  CBS_init(&whole, list, len);
  *out_bad = 0;
  if (!CBS_get_u16_length_prefixed(&whole, &entries)) {
    return false;
  }
  *out_bad = len - CBS_len(&whole);
  if (CBS_len(&whole) != 0 || CBS_len(&entries) == 0) {
    return false;
  }
  for (CBS rest = entries; CBS_len(&rest) > 0;) {
    *out_bad = len - CBS_len(&rest);
    if (!ech_config_next(&rest, &config)) {
      return false;
    }
  }
  *out_entries = entries;
  return true;
}

// get_contents opens an ECHConfig of the version that is known.
static bool get_contents(CBS *out, CBS config) {
  uint16_t version;
  return CBS_get_u16(&config, &version) && version == kEchConfigVersion &&
         CBS_get_u16_length_prefixed(&config, out) && CBS_len(&config) == 0;
}

bool ech_config_id(uint8_t *out, CBS config) {
  CBS contents;
  return get_contents(&contents, config) && CBS_get_u8(&contents, out);
}

bool ech_config_key(uint16_t *out_kem_id, CBS *out_public_key, CBS config) {
  CBS contents;
  return get_contents(&contents, config) && CBS_skip(&contents, 1) &&
         CBS_get_u16(&contents, out_kem_id) &&
         CBS_get_u16_length_prefixed(&contents, out_public_key);
}

bool ech_config_public_name(char out[kEchConfigNameSize], CBS config) {
  CBS contents;
  CBS skipped;
  CBS name;
  if (!get_contents(&contents, config) || !CBS_skip(&contents, 3) ||
      !CBS_get_u16_length_prefixed(&contents, &skipped) ||  // public_key
      !CBS_get_u16_length_prefixed(&contents, &skipped) ||  // cipher_suites
      !CBS_skip(&contents, 1) ||  // maximum_name_length
      !CBS_get_u8_length_prefixed(&contents, &name) ||
      CBS_contains_zero_byte(&name)) {
    return false;
  }
  memcpy(out, CBS_data(&name), CBS_len(&name));
  out[CBS_len(&name)] = '\0';
  return true;
}

bool ech_config_belongs(CBS config, const EVP_HPKE_KEY *key) {
  uint8_t wanted[EVP_HPKE_MAX_PUBLIC_KEY_LENGTH];
  size_t wanted_len;
  uint16_t kem_id;
  CBS public_key;
  return ech_config_key(&kem_id, &public_key, config) &&
         kem_id == EVP_HPKE_KEM_id(EVP_HPKE_KEY_kem(key)) &&
         EVP_HPKE_KEY_public_key(key, wanted, &wanted_len, sizeof(wanted)) &&
         CBS_mem_equal(&public_key, wanted, wanted_len);
}
