// ech_key_file reads what ECH servers, tools and records have for a key and its
// configuration, in any of the formats in use, and says which it was. It does
// not judge what it reads: ech_key.h does for a server, and ech/config_list for
// a client. docs/KEYS.md says who reads and writes which format.

#ifndef ECHPROXY_KEYS_ECH_KEY_FILE_H
#define ECHPROXY_KEYS_ECH_KEY_FILE_H

#include <openssl/hpke.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/key_error.h"

#define ECH_KEY_FORMATS(X)                                           \
  /* RFC 9934: PRIVATE KEY and ECHCONFIG */                          \
  X(ECH_KEY_PEM, "pem")                                              \
  /* ECH KEYS, each key with its ECHConfig; ECH CONFIGS apart */     \
  X(ECH_KEY_GO, "go")                                                \
  /* base64 of NSS's PKCS#8 and the ECHConfigList, for selfserv */   \
  X(ECH_KEY_NSS, "nss")                                              \
  /* the private key's octets; the ECHConfig apart, for bssl-tool */ \
  X(ECH_KEY_RAW, "raw")                                              \
  /* an ECHConfigList alone: binary, base64 or hexadecimal */        \
  X(ECH_KEY_LIST, "list")

enum ech_key_format {
#define X(name, text) name,
  ECH_KEY_FORMATS(X)
#undef X
};

const char *ech_key_format_str(enum ech_key_format format);

// ech_key_format_find finds a format by its name.
bool ech_key_format_find(enum ech_key_format *out, const char *name);

enum {
  kEchKeyFileMaxLen = 256 * 1024,
  kEchKeyFileMaxKeys = 64,
  kEchPrivateKeyMaxLen = 128,
};

// A private key as a file has it.
struct ech_private_key {
  uint16_t kem_id;  // RAW without a configuration: X25519's
  uint8_t bytes[kEchPrivateKeyMaxLen];
  size_t len;
};

// What a file holds. In GO, key i stands with entry i of the list; in the other
// formats there is one key at most.
struct ech_key_file {
  enum ech_key_format format;
  struct ech_private_key *keys;
  size_t num_keys;
  uint8_t *list;  // an ECHConfigList whose entries are framed, or NULL
  size_t list_len;
};

// ech_key_file_read reads at most kEchKeyFileMaxLen octets. False with
// `out_error`, which says in one line at which byte they go wrong and what was
// expected there. It never repeats what it read. `out` is released with
// ech_key_file_cleanup, also when it failed.
bool ech_key_file_read(struct ech_key_file *out, const uint8_t *data,
                       size_t len, struct key_error *out_error);

// ech_key_file_add_config gives a file that has no list the one of `config`,
// which is not changed: a raw key is of use only with the file beside it. False
// with `out_error` when there is one already, or none to give.
bool ech_key_file_add_config(struct ech_key_file *file,
                             const struct ech_key_file *config,
                             struct key_error *out_error);

// ech_key_file_hpke makes BoringSSL's key of `key`, released with
// EVP_HPKE_KEY_free. NULL when this BoringSSL does not have its KEM, or the key
// is not valid.
EVP_HPKE_KEY *ech_key_file_hpke(const struct ech_private_key *key);

// ech_key_file_cleanup wipes and releases what `file` owns. All zero is fine.
void ech_key_file_cleanup(struct ech_key_file *file);

#endif
