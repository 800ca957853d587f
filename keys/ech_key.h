// ech_key is the key pair of an ECH server with its ECHConfig (RFC 9849,
// section 4): made by `echproxy keygen`, stored as RFC 9934 says or in another
// format of ech_key_file.h, and published as the `ech` parameter of an HTTPS
// record (RFC 9848).

#ifndef ECHPROXY_KEYS_ECH_KEY_H
#define ECHPROXY_KEYS_ECH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/ech_config.h"
#include "keys/ech_key_file.h"
#include "keys/key_error.h"

struct ech_key;

// Hides the length of nearly all host names, and of what ends in the public
// names of hosting companies, for some octets of each ClientHello.
enum { kEchKeyDefaultMaxNameLen = 64 };

// What a key is to be.
struct ech_key_spec {
  uint16_t kem_id;
  struct ech_config_spec config;
};

// ech_key_max_name_len returns a maximum_name_length that fits both names and
// kEchKeyDefaultMaxNameLen.
uint8_t ech_key_max_name_len(const char *public_name, const char *name);

// ech_key_spec_init sets what clients of every kind take: X25519, and
// HKDF-SHA256 with AES-128-GCM and ChaCha20-Poly1305; besides a random
// config_id and ech_key_max_name_len of `public_name`, which is borrowed.
void ech_key_spec_init(struct ech_key_spec *spec, const char *public_name);

// ech_key_spec_avoid picks a random config_id of those that are not `used`.
// False when all are.
bool ech_key_spec_avoid(struct ech_key_spec *spec, const bool used[256]);

// ech_key_new makes a key. It returns NULL when the public name is not valid or
// this BoringSSL does not have the KEM, with the reason in `out_error`.
// Released with ech_key_free.
struct ech_key *ech_key_new(const struct ech_key_spec *spec,
                            struct key_error *out_error);

// ech_key_generate is ech_key_new for what ech_key_spec_init sets, with
// `max_name_len`.
struct ech_key *ech_key_generate(const char *public_name, uint8_t max_name_len,
                                 struct key_error *out_error);

// ech_key_free wipes and releases `key`. NULL does nothing.
void ech_key_free(struct ech_key *key);

// ech_key_config_list returns the ECHConfigList that holds the key's one
// ECHConfig, borrowed while `key` lives.
const uint8_t *ech_key_config_list(const struct ech_key *key, size_t *out_len);

// ech_key_private writes the raw private key.
void ech_key_private(const struct ech_key *key, uint8_t out[32]);

// ech_key_to_file sets `out` to the key and its one configuration, for
// ech_key_output_make. False when memory is gone; released with
// ech_key_file_cleanup either way.
bool ech_key_to_file(const struct ech_key *key, struct ech_key_file *out);

// ech_key_from_file takes the first key of `file`, and of several ECHConfigs
// the first that belongs to it and that BoringSSL's server accepts. It returns
// NULL with the reason in `out_error`.
struct ech_key *ech_key_from_file(const struct ech_key_file *file,
                                  struct key_error *out_error);

// ech_key_to_pem returns the RFC 9934 file: PRIVATE KEY (PKCS#8, RFC 8410),
// then ECHCONFIG. `*out_pem`, `*out_len` bytes and not a string, is released
// with secret_file_free.
bool ech_key_to_pem(const struct ech_key *key, uint8_t **out_pem,
                    size_t *out_len);

// ech_key_from_pem reads that file back, as ech_key_from_file does; the reason
// in `out_error` names the offset or the block that is wrong. Files in other
// formats are refused.
struct ech_key *ech_key_from_pem(const uint8_t *pem, size_t pem_len,
                                 struct key_error *out_error);

// ech_key_zone_line returns the record to publish for the site `name` on
// `port`, as ech_record_zone_line writes it, with a TTL of half an hour and the
// protocols h2 and http/1.1. NULL when `name` is no host name for a record.
// Released with OPENSSL_free.
char *ech_key_zone_line(const struct ech_key *key, const char *name,
                        uint16_t port);

#endif
