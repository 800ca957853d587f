// ech_pkcs8 is the private key of an ECH server as PKCS#8 (RFC 5208): in the
// form of RFC 8410 for X25519, that of RFC 5915 for P-256, and the one of its
// own that NSS has for X25519.

#ifndef ECHPROXY_KEYS_ECH_PKCS8_H
#define ECHPROXY_KEYS_ECH_PKCS8_H

#include <openssl/bytestring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Both KEMs have private keys of this length (RFC 9180, section 7.1).
enum { kEchPkcs8KeyLen = 32 };

// ech_pkcs8_read takes a key of either KEM in any of the forms, and says which
// KEM it is for (kHpkeKemX25519 or kHpkeKemP256). False when `der` is anything
// else; `out` must be wiped by the caller either way.
bool ech_pkcs8_read(uint16_t *out_kem_id, uint8_t out[kEchPkcs8KeyLen],
                    const uint8_t *der, size_t len);

// ech_pkcs8_write adds a key as RFC 8410 or RFC 5915 says. False when `kem_id`
// is neither KEM, or memory is gone.
bool ech_pkcs8_write(CBB *out, uint16_t kem_id,
                     const uint8_t key[kEchPkcs8KeyLen]);

// ech_pkcs8_write_nss adds an X25519 key as NSS writes it.
bool ech_pkcs8_write_nss(CBB *out, const uint8_t key[kEchPkcs8KeyLen]);

#endif
