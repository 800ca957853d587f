// certificate writes the two kinds of certificate there are here: the root of
// the local CA, and the leaves below it. It is DER that we write ourselves, so
// that minting a leaf costs little more than its signature.

#ifndef ECHPROXY_KEYS_CERTIFICATE_H
#define ECHPROXY_KEYS_CERTIFICATE_H

#include <openssl/bytestring.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Seconds since 1970, from and to when a certificate is valid.
struct certificate_period {
  int64_t not_before;
  int64_t not_after;
};

// Who signs: its name as a DER Name, its key identifier and its P-256 key, all
// borrowed.
struct certificate_issuer {
  CBS name;
  CBS key_id;
  EVP_PKEY *key;
  struct certificate_period period;
};

// The one subject alternative name of a leaf: an IP address of 4 or 16 octets,
// or a DNS name. Without padding, so that it can be compared as bytes.
struct certificate_host {
  bool is_ip;
  uint8_t len;
  uint8_t bytes[253];
};

// certificate_new_key makes a P-256 key, released with EVP_PKEY_free. NULL when
// out of memory.
EVP_PKEY *certificate_new_key(void);

// The public half of a P-256 key, as certificates hold it. Writing it costs two
// inversions in the field where BoringSSL keeps points in other coordinates, a
// quarter of a mint; and all leaves have one key.
enum { kCertificateSpkiLen = 91, kCertificateKeyIdLen = 20 };
struct certificate_public_key {
  uint8_t spki[kCertificateSpkiLen];  // SubjectPublicKeyInfo
  uint8_t id[kCertificateKeyIdLen];
};

// certificate_public_key_of writes the public half of `key`. False when it is
// not P-256, or out of memory.
bool certificate_public_key_of(struct certificate_public_key *out,
                               const EVP_PKEY *key);

// certificate_key_is_p256 says whether `key` is one that can sign here.
bool certificate_key_is_p256(const EVP_PKEY *key);

// certificate_write_root writes the self-signed certificate of a CA. `label` is
// the text of its common name, at most 64 characters. `*out_der` is released
// with OPENSSL_free.
bool certificate_write_root(EVP_PKEY *key, const char *label,
                            struct certificate_period period, uint8_t **out_der,
                            size_t *out_len);

// certificate_write_leaf writes a server's certificate for `host` and `key`,
// valid for `period` as far as the issuer itself is. `*out_der` is released
// with OPENSSL_free.
bool certificate_write_leaf(const struct certificate_issuer *issuer,
                            const struct certificate_host *host,
                            const struct certificate_public_key *key,
                            struct certificate_period period, uint8_t **out_der,
                            size_t *out_len);

#endif
