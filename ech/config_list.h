// config_list reads an ECHConfigList (RFC 9849, section 4) and says which entry
// a client would use and why it would not use the others. This is our own check
// because BoringSSL takes a list without a usable entry and then goes on in the
// clear.

#ifndef ECHPROXY_ECH_CONFIG_LIST_H
#define ECHPROXY_ECH_CONFIG_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ECH_CONFIG_VERDICTS(X)                                           \
  X(ECH_CONFIG_USABLE, "usable")                                         \
  X(ECH_CONFIG_UNKNOWN_VERSION, "unknown version")                       \
  X(ECH_CONFIG_UNSUPPORTED_KEM, "key encapsulation is not supported")    \
  X(ECH_CONFIG_UNSUPPORTED_SUITES, "no cipher suite is supported")       \
  X(ECH_CONFIG_MANDATORY_EXTENSION, "mandatory extension is not known")  \
  X(ECH_CONFIG_BAD_PUBLIC_NAME, "public name is not a usable host name") \
  X(ECH_CONFIG_BAD_PUBLIC_KEY, "public key has the wrong length")

enum ech_config_verdict {
#define X(name, text) name,
  ECH_CONFIG_VERDICTS(X)
#undef X
};

const char *ech_config_verdict_str(enum ech_config_verdict verdict);

enum {
  kEchConfigListMaxLen = 65535 + 2,
  kEchPublicNameSize = 256,  // 255 octets and a NUL
};

// One entry. With ECH_CONFIG_UNKNOWN_VERSION only `version`, `offset` and `len`
// are set.
struct ech_config_entry {
  enum ech_config_verdict verdict;
  size_t offset;  // of the entry's version, in octets from the list's start
  size_t len;     // version and length included
  uint16_t version;
  uint8_t config_id;
  uint16_t kem_id;
  uint8_t maximum_name_length;
  char public_name[kEchPublicNameSize];
};

// ech_config_list_next reads entries one after the other. `*io_offset` is 0 at
// first. True: `out` is the next entry. False: the list is at its end, with
// `*io_offset` == `len`, or it is malformed there, with `*io_offset` < `len`.
bool ech_config_list_next(const uint8_t *list, size_t len, size_t *io_offset,
                          struct ech_config_entry *out);

// ech_config_list_usable finds the entry that a client uses: the first usable
// one of a list that is well-formed to its end. False when there is none.
bool ech_config_list_usable(const uint8_t *list, size_t len,
                            struct ech_config_entry *out);

// ech_config_list_well_formed says whether the list can be read to its end and
// holds at least one entry.
bool ech_config_list_well_formed(const uint8_t *list, size_t len);

#endif
