// config_list reads an ECHConfigList (RFC 9849, section 4) and says which entry
// a client would use and why it would not use the others. This is our own check
// because BoringSSL takes a list without a usable entry and then goes on in the
// clear. So it must agree with BoringSSL's client in both: in what is
// well-formed, and in what is usable.

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
// are set. Pointers are into the list. In a `public_name` that is not usable,
// octets that are not printable ASCII stand as '?', so that it can be shown.
struct ech_config_entry {
  enum ech_config_verdict verdict;
  size_t offset;  // of the entry's version, in octets from the list's start
  size_t len;     // version and length included
  uint16_t version;
  uint8_t config_id;
  uint16_t kem_id;
  uint8_t maximum_name_length;
  char public_name[kEchPublicNameSize];
  const uint8_t *public_key;
  size_t public_key_len;
  const uint8_t *suites;  // u16 KDF and u16 AEAD, repeated
  size_t suites_len;
  const uint8_t *extensions;  // u16 type and u16+value, repeated; not looked at
  size_t extensions_len;      // with ECH_CONFIG_BAD_PUBLIC_NAME
};

// Where a list is malformed, and what should stand there.
struct ech_config_fault {
  size_t offset;
  const char *expected;  // static
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

// ech_config_list_hides is ech_config_list_usable for a client of `host`: a
// configuration whose public name is the host itself would send the name in the
// clear, so it is of no use, whoever published it.
bool ech_config_list_hides(const uint8_t *list, size_t len, const char *host,
                           struct ech_config_entry *out);

// ech_config_list_narrow writes a list that holds nothing but the entry of
// ech_config_list_usable. It is what SSL_set1_ech_config_list should be given:
// BoringSSL's client stops with an error at an X25519 key of the wrong length,
// even when a good entry follows. (A key that is a point of small order counts
// as usable here, and there fails the handshake before a byte leaves.) `out`
// has room for `len` bytes; `*out_len` is never more. False as for
// ech_config_list_usable.
bool ech_config_list_narrow(uint8_t *out, size_t *out_len, const uint8_t *list,
                            size_t len);

// ech_config_list_well_formed says whether the list can be read to its end and
// holds at least one entry.
bool ech_config_list_well_formed(const uint8_t *list, size_t len);

// ech_config_list_find_fault says where a list is malformed. False when it is
// well-formed.
bool ech_config_list_find_fault(const uint8_t *list, size_t len,
                                struct ech_config_fault *out);

#endif
