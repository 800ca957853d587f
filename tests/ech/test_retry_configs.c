#include "ech/retry_configs.h"

#include "ech/config_list.h"

#include <criterion/criterion.h>
#include <openssl/hpke.h>
#include <openssl/ssl.h>
#include <string.h>

// make_config writes one usable ECHConfig.
static size_t make_config(uint8_t out[256]) {
  EVP_HPKE_KEY *key = EVP_HPKE_KEY_new();
  uint8_t *config;
  size_t len;
  cr_assert(EVP_HPKE_KEY_generate(key, EVP_hpke_x25519_hkdf_sha256()));
  cr_assert(SSL_marshal_ech_config(&config, &len, 1, key, "public.test", 0));
  cr_assert_lt(len, 256);
  memcpy(out, config, len);
  OPENSSL_free(config);
  EVP_HPKE_KEY_free(key);
  return len;
}

// meaning_of reads the list of the `len` bytes of `entries`.
static enum retry_meaning meaning_of(const uint8_t *entries, size_t len) {
  uint8_t list[1024] = {(uint8_t)(len >> 8), (uint8_t)len};
  memcpy(list + 2, entries, len);
  return retry_configs_read(list, len + 2, "secret.test");
}

Test(retry_configs, a_usable_entry_replaces) {
  uint8_t entries[512];
  size_t len = make_config(entries);
  cr_assert_eq(meaning_of(entries, len), RETRY_REPLACES);
  memcpy(entries + len, entries, len);
  entries[0] ^= 1;  // an unknown version comes first
  cr_assert_eq(meaning_of(entries, 2 * len), RETRY_REPLACES);
}

Test(retry_configs, none_of_a_known_version_disables) {
  static const uint8_t kUnknown[] = {0xfe, 0x0c, 0, 1, 0};
  cr_assert_eq(retry_configs_read(NULL, 0, "secret.test"), RETRY_DISABLES);
  cr_assert_eq(meaning_of(kUnknown, sizeof kUnknown), RETRY_DISABLES);
}

Test(retry_configs, one_of_our_version_that_is_of_no_use_does_not_disable) {
  uint8_t entries[512];
  size_t len = make_config(entries);
  entries[5] ^= 0x80;  // another KEM
  cr_assert_eq(meaning_of(entries, len), RETRY_UNUSABLE);
}

Test(retry_configs, nothing_malformed_means_anything) {
  uint8_t entries[512];
  size_t len = make_config(entries);
  static const uint8_t kEmpty[2];
  cr_assert_eq(retry_configs_read(kEmpty, 2, "secret.test"), RETRY_UNUSABLE);
  for (size_t cut = 1; cut < len; cut++) {
    cr_assert_eq(meaning_of(entries, len - cut), RETRY_UNUSABLE, "%zu", cut);
  }
  for (size_t extra = 1; extra < 4; extra++) {
    memset(entries + len, 0, extra);
    cr_assert_eq(meaning_of(entries, len + extra), RETRY_UNUSABLE);
  }
}

Test(retry_configs, none_that_would_name_the_host_replaces) {
  uint8_t entries[512];
  uint8_t list[514];
  size_t len = make_config(entries);
  struct ech_config_entry entry;
  list[0] = (uint8_t)(len >> 8);
  list[1] = (uint8_t)len;
  memcpy(list + 2, entries, len);
  cr_assert(ech_config_list_usable(list, len + 2, &entry));
  cr_assert_eq(retry_configs_read(list, len + 2, entry.public_name),
               RETRY_UNUSABLE);
}
