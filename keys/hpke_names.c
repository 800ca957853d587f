#include "keys/hpke_names.h"

#include <string.h>

struct name {
  uint16_t id;
  const char *text;
};

static const struct name kKems[] = {
    {0x0010, "p256"},       {0x0011, "p384"},
    {0x0012, "p521"},       {0x0020, "x25519"},
    {0x0021, "x448"},       {0x0040, "ml-kem-512"},
    {0x0041, "ml-kem-768"}, {0x0042, "ml-kem-1024"},
    {0x647a, "x-wing"},     {0, NULL},
};

static const struct name kKdfs[] = {
    {0x0001, "hkdf-sha256"},
    {0x0002, "hkdf-sha384"},
    {0x0003, "hkdf-sha512"},
    {0, NULL},
};

static const struct name kAeads[] = {
    {0x0001, "aes-128-gcm"},
    {0x0002, "aes-256-gcm"},
    {0x0003, "chacha20-poly1305"},
    {0xffff, "export-only"},
    {0, NULL},
};

static const char *name_of(const struct name *names, uint16_t id) {
  while (names->text != NULL && names->id != id) {
    names++;
  }
  return names->text;
}

static bool find(const struct name *names, const char *text, uint16_t *out_id) {
  while (names->text != NULL && strcmp(names->text, text) != 0) {
    names++;
  }
  *out_id = names->id;
  return names->text != NULL;
}

const char *hpke_names_kem(uint16_t id) { return name_of(kKems, id); }

const char *hpke_names_kdf(uint16_t id) { return name_of(kKdfs, id); }

const char *hpke_names_aead(uint16_t id) { return name_of(kAeads, id); }

bool hpke_names_find_kem(const char *name, uint16_t *out_id) {
  return find(kKems, name, out_id);
}

bool hpke_names_find_kdf(const char *name, uint16_t *out_id) {
  return find(kKdfs, name, out_id);
}

bool hpke_names_find_aead(const char *name, uint16_t *out_id) {
  return find(kAeads, name, out_id);
}

// Set by CMake, which looks for the function.
#ifdef ECHPROXY_HPKE_P256
static const EVP_HPKE_KEM *get_p256(void) {
  return EVP_hpke_p256_hkdf_sha256();
}
#else
static const EVP_HPKE_KEM *get_p256(void) { return NULL; }
#endif

const EVP_HPKE_KEM *hpke_names_get_kem(uint16_t id) {
  switch (id) {
    case kHpkeKemX25519:
      return EVP_hpke_x25519_hkdf_sha256();
    case kHpkeKemP256:
      return get_p256();
    default:
      return NULL;
  }
}
