#include "keys/ech_publish_list.h"

#include <openssl/hpke.h>

#include "keys/ech_config.h"

// What decides whether a client can use an ECHConfig (RFC 9849, section 4).
struct offer {
  uint16_t kem;
  CBS suites;  // pairs of KDF and AEAD, 4 octets each
  bool has_extensions;
};

// read_offer reads an ECHConfig. False for other versions, of which clients of
// this one know nothing.
static bool read_offer(struct offer *out, CBS config) {
  uint16_t version;
  uint8_t octet;
  CBS contents, skipped, extensions;
  if (!CBS_get_u16(&config, &version) || version != kEchConfigVersion ||
      !CBS_get_u16_length_prefixed(&config, &contents) ||
      !CBS_get_u8(&contents, &octet) || !CBS_get_u16(&contents, &out->kem) ||
      !CBS_get_u16_length_prefixed(&contents, &skipped) ||
      !CBS_get_u16_length_prefixed(&contents, &out->suites) ||
      !CBS_get_u8(&contents, &octet) ||
      !CBS_get_u8_length_prefixed(&contents, &skipped) ||
      !CBS_get_u16_length_prefixed(&contents, &extensions)) {
    return false;
  }
  out->has_extensions = CBS_len(&extensions) > 0;
  return true;
}

static bool has_suite(CBS suites, uint32_t wanted) {
  uint32_t suite;
  while (CBS_get_u32(&suites, &suite)) {
    if (suite == wanted) {
      return true;
    }
  }
  return false;
}

// hides says whether whoever can use `b` can use `a`. Clients may skip a
// configuration for an extension that they do not know.
static bool hides(const struct offer *a, const struct offer *b) {
  CBS suites = b->suites;
  uint32_t suite;
  if (a->kem != b->kem || a->has_extensions) {
    return false;
  }
  while (CBS_get_u32(&suites, &suite)) {
    if (!has_suite(a->suites, suite)) {
      return false;
    }
  }
  return true;
}

// hidden_by returns the name of the file whose configuration keeps clients from
// `config`, or NULL.
static const char *hidden_by(const struct ech_publish_list *list, CBS config) {
  struct offer before, offer;
  if (!read_offer(&offer, config)) {
    return NULL;
  }
  for (size_t i = 0; i < list->num_configs; i++) {
    if (read_offer(&before, list->configs[i].config) &&
        hides(&before, &offer)) {
      return list->configs[i].name;
    }
  }
  return NULL;
}

// has_key says whether a server with this file can decrypt for `config`.
static bool has_key(const struct ech_key_file *file, CBS config) {
  bool found = file->num_keys == 0;
  for (size_t i = 0; !found && i < file->num_keys; i++) {
    EVP_HPKE_KEY *key = ech_key_file_hpke(&file->keys[i]);
    found = key != NULL && ech_config_belongs(config, key);
    EVP_HPKE_KEY_free(key);
  }
  return found;
}

static bool add_config(struct ech_publish_list *list, const char *name,
                       CBS config, struct key_error *out_error) {
  const char *other = hidden_by(list, config);
  if (other == name) {
    return true;
  }
  if (other != NULL) {
    key_error_set(out_error,
                  "no client would ever use the configuration of %.100s: all "
                  "that could take that of %.100s before it, which has the "
                  "same KEM and cipher suites; publish one of the two, and let "
                  "the server keep both keys",
                  name, other);
    return false;
  }
  if (list->num_configs == kEchPublishMaxConfigs) {
    key_error_set(out_error, "%.100s: more than %d configurations", name,
                  (int)kEchPublishMaxConfigs);
    return false;
  }
  list->configs[list->num_configs].name = name;
  list->configs[list->num_configs++].config = config;
  return true;
}

bool ech_publish_list_add(struct ech_publish_list *list, const char *name,
                          const struct ech_key_file *file,
                          struct key_error *out_error) {
  CBS entries, config;
  size_t bad;
  size_t num_usable = 0;
  if (file->list == NULL) {
    key_error_set(
        out_error,
        "%.100s holds no configuration; publish the file that has it, "
        "which for a raw key is FILE.config",
        name);
    return false;
  }
  if (!ech_config_open_list(&entries, &bad, file->list, file->list_len)) {
    key_error_set(out_error, "%.100s: its list goes wrong at byte %zu", name,
                  bad);
    return false;
  }
  while (ech_config_next(&entries, &config)) {
    if (!has_key(file, config)) {
      continue;
    }
    num_usable++;
    if (!add_config(list, name, config, out_error)) {
      return false;
    }
  }
  if (num_usable == 0) {
    key_error_set(out_error,
                  "no configuration in %.100s belongs to a private key in it; "
                  "put the two of one key together again",
                  name);
  }
  return num_usable > 0;
}

uint8_t *ech_publish_list_make(const struct ech_publish_list *list,
                               size_t *out_len) {
  uint8_t *octets = NULL;
  CBB cbb, all;
  CBB_zero(&cbb);
  bool ok = CBB_init(&cbb, 256) && CBB_add_u16_length_prefixed(&cbb, &all);
  for (size_t i = 0; ok && i < list->num_configs; i++) {
    const CBS *config = &list->configs[i].config;
    ok = CBB_add_bytes(&all, CBS_data(config), CBS_len(config));
  }
  if (!ok || !CBB_finish(&cbb, &octets, out_len)) {
    CBB_cleanup(&cbb);
    return NULL;
  }
  return octets;
}
