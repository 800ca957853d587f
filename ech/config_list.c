#include "ech/config_list.h"

#include <openssl/bytestring.h>
#include <string.h>
#include <strings.h>

enum {
  // RFC 9849, section 4.
  kVersion = 0xfe0d,
  kMandatoryExtension = 0x8000,
  // RFC 9180, section 7. The AEADs are 1 to 3: AES-128-GCM, AES-256-GCM and
  // ChaCha20-Poly1305.
  kKemX25519 = 0x0020,
  kX25519KeyLen = 32,
  kKdfSha256 = 0x0001,
  kAeadFirst = 0x0001,
  kAeadLast = 0x0003,
  kListPrefixLen = 2,
  kLabelMaxLen = 63,
};

const char *ech_config_verdict_str(enum ech_config_verdict verdict) {
  static const char *const kTexts[] = {
#define X(name, text) [name] = text,
      ECH_CONFIG_VERDICTS(X)
#undef X
  };
  return kTexts[verdict];
}

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static bool is_hex(uint8_t c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_letter(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_ldh_label(const uint8_t *label, size_t len) {
  if (len == 0 || len > kLabelMaxLen || label[0] == '-' ||
      label[len - 1] == '-') {
    return false;
  }
  for (size_t i = 0; i < len; i++) {
    if (!is_letter(label[i]) && !is_digit(label[i]) && label[i] != '-') {
      return false;
    }
  }
  return true;
}

// is_number says whether a URL parser takes a last label for a part of an IPv4
// address: all digits, or "0x" and hexadecimal digits, of which there may be
// none.
static bool is_number(const uint8_t *label, size_t len) {
  bool hex = len >= 2 && label[0] == '0' && (label[1] | 0x20) == 'x';
  for (size_t i = hex ? 2 : 0; i < len; i++) {
    if (hex ? !is_hex(label[i]) : !is_digit(label[i])) {
      return false;
    }
  }
  return true;
}

// is_public_name says whether a client may use `name` (RFC 9849, section
// 6.1.7).
static bool is_public_name(const CBS *name) {
  const uint8_t *label = CBS_data(name);
  size_t rest = CBS_len(name);
  for (;;) {
    const uint8_t *dot = memchr(label, '.', rest);
    size_t len = dot == NULL ? rest : (size_t)(dot - label);
    if (!is_ldh_label(label, len)) {
      return false;
    }
    if (dot == NULL) {
      return !is_number(label, len);
    }
    label += len + 1;
    rest -= len + 1;
    if (rest == 0) {
      return false;
    }
  }
}

static void copy_public_name(char out[kEchPublicNameSize], const CBS *name) {
  const uint8_t *octets = CBS_data(name);
  size_t len = CBS_len(name);
  for (size_t i = 0; i < len; i++) {
    bool printable = octets[i] > ' ' && octets[i] < 0x7f;
    out[i] = printable ? (char)octets[i] : '?';
  }
  out[len] = '\0';
}

static bool has_supported_suite(CBS suites) {
  uint16_t kdf;
  uint16_t aead;
  while (CBS_get_u16(&suites, &kdf) && CBS_get_u16(&suites, &aead)) {
    if (kdf == kKdfSha256 && aead >= kAeadFirst && aead <= kAeadLast) {
      return true;
    }
  }
  return false;
}

// parse_extensions reads over the extensions, none of which is known to us.
static bool parse_extensions(CBS extensions, bool *out_mandatory) {
  bool mandatory = false;
  while (CBS_len(&extensions) > 0) {
    uint16_t type;
    CBS body;
    if (!CBS_get_u16(&extensions, &type) ||
        !CBS_get_u16_length_prefixed(&extensions, &body)) {
      return false;
    }
    mandatory = mandatory || (type & kMandatoryExtension) != 0;
  }
  *out_mandatory = mandatory;
  return true;
}

// parse_contents reads ECHConfigContents into `out`, the verdict included.
static bool parse_contents(struct ech_config_entry *out, CBS contents) {
  CBS public_key, suites, public_name, extensions;
  if (!CBS_get_u8(&contents, &out->config_id) ||
      !CBS_get_u16(&contents, &out->kem_id) ||
      !CBS_get_u16_length_prefixed(&contents, &public_key) ||
      CBS_len(&public_key) == 0 ||
      !CBS_get_u16_length_prefixed(&contents, &suites) ||
      CBS_len(&suites) == 0 || CBS_len(&suites) % 4 != 0 ||
      !CBS_get_u8(&contents, &out->maximum_name_length) ||
      !CBS_get_u8_length_prefixed(&contents, &public_name) ||
      CBS_len(&public_name) == 0 ||
      !CBS_get_u16_length_prefixed(&contents, &extensions) ||
      CBS_len(&contents) != 0) {
    return false;
  }
  copy_public_name(out->public_name, &public_name);
  if (!is_public_name(&public_name)) {
    // BoringSSL reads no further, so neither do we: an entry whose extensions
    // are broken as well must not hide a good entry after it from us alone.
    out->verdict = ECH_CONFIG_BAD_PUBLIC_NAME;
    return true;
  }
  bool mandatory;
  if (!parse_extensions(extensions, &mandatory)) {
    return false;
  }
  if (mandatory) {
    out->verdict = ECH_CONFIG_MANDATORY_EXTENSION;
  } else if (out->kem_id != kKemX25519) {
    out->verdict = ECH_CONFIG_UNSUPPORTED_KEM;
  } else if (CBS_len(&public_key) != kX25519KeyLen) {
    out->verdict = ECH_CONFIG_BAD_PUBLIC_KEY;
  } else if (!has_supported_suite(suites)) {
    out->verdict = ECH_CONFIG_UNSUPPORTED_SUITES;
  } else {
    out->verdict = ECH_CONFIG_USABLE;
  }
  return true;
}

// parse_entry reads one ECHConfig from `cbs` into `out`, which is zero but for
// its offset.
static bool parse_entry(struct ech_config_entry *out, CBS *cbs) {
  CBS contents;
  size_t before = CBS_len(cbs);
  if (!CBS_get_u16(cbs, &out->version) ||
      !CBS_get_u16_length_prefixed(cbs, &contents)) {
    return false;
  }
  out->len = before - CBS_len(cbs);
  if (out->version != kVersion) {
    out->verdict = ECH_CONFIG_UNKNOWN_VERSION;
    return true;
  }
  return parse_contents(out, contents);
}

bool ech_config_list_next(const uint8_t *list, size_t len, size_t *io_offset,
                          struct ech_config_entry *out) {
  CBS cbs, entries;
  CBS_init(&cbs, list, len);
  if (*io_offset == 0) {
    if (!CBS_get_u16_length_prefixed(&cbs, &entries) || CBS_len(&cbs) != 0 ||
        CBS_len(&entries) == 0) {
      return false;
    }
    *io_offset = kListPrefixLen;
  }
  CBS_init(&cbs, list, len);
  if (*io_offset >= len || !CBS_skip(&cbs, *io_offset)) {
    return false;
  }
  struct ech_config_entry entry = {.offset = *io_offset};
  if (!parse_entry(&entry, &cbs)) {
    return false;
  }
  *io_offset += entry.len;
  *out = entry;
  return true;
}

bool ech_config_list_usable(const uint8_t *list, size_t len,
                            struct ech_config_entry *out) {
  struct ech_config_entry entry;
  struct ech_config_entry first;
  bool found = false;
  size_t offset = 0;
  while (ech_config_list_next(list, len, &offset, &entry)) {
    if (!found && entry.verdict == ECH_CONFIG_USABLE) {
      first = entry;
      found = true;
    }
  }
  if (!found || offset != len) {
    return false;
  }
  *out = first;
  return true;
}

bool ech_config_list_hides(const uint8_t *list, size_t len, const char *host,
                           struct ech_config_entry *out) {
  return ech_config_list_usable(list, len, out) &&
         strcasecmp(out->public_name, host) != 0;
}

bool ech_config_list_narrow(uint8_t *out, size_t *out_len, const uint8_t *list,
                            size_t len) {
  struct ech_config_entry entry;
  if (!ech_config_list_usable(list, len, &entry)) {
    return false;
  }
  out[0] = (uint8_t)(entry.len >> 8);
  out[1] = (uint8_t)entry.len;
  memcpy(out + kListPrefixLen, list + entry.offset, entry.len);
  *out_len = kListPrefixLen + entry.len;
  return true;
}

bool ech_config_list_well_formed(const uint8_t *list, size_t len) {
  struct ech_config_entry entry;
  size_t offset = 0;
  while (ech_config_list_next(list, len, &offset, &entry)) {
  }
  return len > 0 && offset == len;
}
