// ech_key is the key pair of an ECH server with its ECHConfig (RFC 9849,
// section 4): made by `echproxy keygen`, stored as RFC 9934 says, and published
// as the `ech` parameter of an HTTPS record (RFC 9848).

#ifndef ECHPROXY_KEYS_ECH_KEY_H
#define ECHPROXY_KEYS_ECH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/key_error.h"

struct ech_key;

// ech_public_name_valid says whether clients may use `name` as a public_name
// (RFC 9849, section 6.1.7): LDH labels of at most 63 octets, at most 255 in
// all, no dot at either end, and a last label that no parser takes for a part
// of an IPv4 address.
bool ech_public_name_valid(const char *name);

// ech_key_generate makes an X25519 key and its ECHConfig with HKDF-SHA256 and
// AES-128-GCM and ChaCha20-Poly1305, a random config_id and `max_name_len` as
// maximum_name_length. It returns NULL when `public_name` is not valid, with
// the reason in `out_error`. Released with ech_key_free.
struct ech_key *ech_key_generate(const char *public_name, uint8_t max_name_len,
                                 struct key_error *out_error);

// ech_key_free wipes and releases `key`. NULL does nothing.
void ech_key_free(struct ech_key *key);

// ech_key_config_list returns the ECHConfigList that holds the key's one
// ECHConfig, borrowed while `key` lives.
const uint8_t *ech_key_config_list(const struct ech_key *key, size_t *out_len);

// ech_key_private writes the raw X25519 private key.
void ech_key_private(const struct ech_key *key, uint8_t out[32]);

// ech_key_to_pem returns the RFC 9934 file: PRIVATE KEY (PKCS#8, RFC 8410),
// then ECHCONFIG. `*out_pem`, `*out_len` bytes and not a string, is released
// with secret_file_free.
bool ech_key_to_pem(const struct ech_key *key, uint8_t **out_pem,
                    size_t *out_len);

// ech_key_from_pem reads that file back. Of several ECHConfigs it keeps the
// first that belongs to the key. It returns NULL with the reason, which names
// the offset or the block that is wrong, in `out_error`.
struct ech_key *ech_key_from_pem(const uint8_t *pem, size_t pem_len,
                                 struct key_error *out_error);

// ech_key_zone_line returns the record to publish for the site `name` on
// `port`, as ech_record_zone_line writes it, with a TTL of half an hour and the
// protocols h2 and http/1.1. NULL when `name` is no host name for a record.
// Released with OPENSSL_free.
char *ech_key_zone_line(const struct ech_key *key, const char *name,
                        uint16_t port);

#endif
