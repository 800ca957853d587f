// hpke_names has the algorithms of HPKE (RFC 9180, section 7, and IANA's
// registry) by the names that options and reports use, and says which KEMs the
// BoringSSL in use can make keys for.

#ifndef ECHPROXY_KEYS_HPKE_NAMES_H
#define ECHPROXY_KEYS_HPKE_NAMES_H

#include <openssl/hpke.h>
#include <stdbool.h>
#include <stdint.h>

enum {
  kHpkeKemP256 = 0x0010,
  kHpkeKemX25519 = 0x0020,
};

// hpke_names_kem, _kdf and _aead return an algorithm's name, such as "x25519",
// or NULL when it has none here.
const char *hpke_names_kem(uint16_t id);
const char *hpke_names_kdf(uint16_t id);
const char *hpke_names_aead(uint16_t id);

// hpke_names_find_kem and the others find an algorithm by its name. False when
// there is none of that name.
bool hpke_names_find_kem(const char *name, uint16_t *out_id);
bool hpke_names_find_kdf(const char *name, uint16_t *out_id);
bool hpke_names_find_aead(const char *name, uint16_t *out_id);

// hpke_names_get_kem returns BoringSSL's KEM for keys of ECH servers, or NULL
// when it has none: X25519, and in newer ones P-256. The post-quantum KEMs of
// newer ones are left out, for no ECH client takes them.
const EVP_HPKE_KEM *hpke_names_get_kem(uint16_t id);

#endif
