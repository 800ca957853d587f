// ech_config writes the ECHConfig of a key (RFC 9849, section 4) and walks over
// those of an ECHConfigList, without a judgement on what they say.

#ifndef ECHPROXY_KEYS_ECH_CONFIG_H
#define ECHPROXY_KEYS_ECH_CONFIG_H

#include <openssl/bytestring.h>
#include <openssl/hpke.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  kEchConfigVersion = 0xfe0d,
  kEchConfigMaxSuites = 8,
};

struct ech_config_suite {
  uint16_t kdf_id;
  uint16_t aead_id;
};

// What an ECHConfig says beside its public key. It has no extensions.
struct ech_config_spec {
  const char *public_name;
  uint8_t config_id;
  uint8_t max_name_len;
  struct ech_config_suite suites[kEchConfigMaxSuites];  // preferred first
  size_t num_suites;
};

// ech_config_write adds the ECHConfig for the public key of `key`. False when
// memory is gone.
bool ech_config_write(CBB *out, const struct ech_config_spec *spec,
                      const EVP_HPKE_KEY *key);

// ech_config_next takes one ECHConfig of any version from `io_list`, which is
// an ECHConfigList without its length. False when it is cut short; `io_list` is
// then as before.
bool ech_config_next(CBS *io_list, CBS *out_config);

// ech_config_open_list takes the length of an ECHConfigList and steps over its
// entries. True when they end where the list does, and there is one: then
// `out_entries` is what ech_config_next takes. Otherwise `*out_bad` is the
// offset at which it goes wrong.
bool ech_config_open_list(CBS *out_entries, size_t *out_bad,
                          const uint8_t *list, size_t len);

// ech_config_key reads the public key of an ECHConfig. False when its version
// is not known or it is cut short before the key's end.
bool ech_config_key(uint16_t *out_kem_id, CBS *out_public_key, CBS config);

// ech_config_belongs says whether the public key of `config` is that of `key`.
bool ech_config_belongs(CBS config, const EVP_HPKE_KEY *key);

// ech_config_id reads the config_id of an ECHConfig. False when its version is
// not known.
bool ech_config_id(uint8_t *out, CBS config);

// ech_config_public_name reads the public_name of an ECHConfig. False when its
// version is not known, or it is cut short or holds a NUL.
enum { kEchConfigNameSize = 256 };
bool ech_config_public_name(char out[kEchConfigNameSize], CBS config);

#endif
