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

// What is left of a list, or of a part of it, and what is looked for in it.
struct reader {
  const uint8_t *list;
  CBS cbs;
  struct ech_config_fault wanted;
};

static void want(struct reader *r, const char *expected) {
  r->wanted.offset = (size_t)(CBS_data(&r->cbs) - r->list);
  r->wanted.expected = expected;
}

static bool get_u8(struct reader *r, uint8_t *out, const char *expected) {
  want(r, expected);
  return CBS_get_u8(&r->cbs, out);
}

static bool get_u16(struct reader *r, uint16_t *out, const char *expected) {
  want(r, expected);
  return CBS_get_u16(&r->cbs, out);
}

static bool get_vector(struct reader *r, CBS *out, const char *expected) {
  want(r, expected);
  return CBS_get_u16_length_prefixed(&r->cbs, out);
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
static bool parse_extensions(struct reader *r, CBS extensions,
                             bool *out_mandatory) {
  bool mandatory = false;
  r->cbs = extensions;
  while (CBS_len(&r->cbs) > 0) {
    uint16_t type;
    CBS body;
    if (!get_u16(r, &type, "the type of an extension") ||
        !get_vector(r, &body, "an extension's value after its length")) {
      return false;
    }
    mandatory = mandatory || (type & kMandatoryExtension) != 0;
  }
  *out_mandatory = mandatory;
  return true;
}

// The fields of ECHConfigContents that have a length of their own.
struct fields {
  CBS public_key;
  CBS suites;
  CBS public_name;
  CBS extensions;
};

static bool get_public_name(struct reader *r, CBS *out) {
  want(r, "a public_name of 1 to 255 octets after its length");
  return CBS_get_u8_length_prefixed(&r->cbs, out) && CBS_len(out) > 0;
}

static bool get_end(struct reader *r) {
  want(r, "the end of the ECHConfig");
  return CBS_len(&r->cbs) == 0;
}

// get_fields reads the fields in their order (RFC 9849, section 4).
static bool get_fields(struct reader *r, struct ech_config_entry *out,
                       struct fields *f) {
  return get_u8(r, &out->config_id, "a config_id") &&
         get_u16(r, &out->kem_id, "a kem_id") &&
         get_vector(r, &f->public_key, "a public_key after its length") &&
         CBS_len(&f->public_key) > 0 &&
         get_vector(r, &f->suites,
                    "one or more cipher_suites of 4 octets after their "
                    "length") &&
         CBS_len(&f->suites) > 0 && CBS_len(&f->suites) % 4 == 0 &&
         get_u8(r, &out->maximum_name_length, "a maximum_name_length") &&
         get_public_name(r, &f->public_name) &&
         get_vector(r, &f->extensions, "the extensions after their length") &&
         get_end(r);
}

static void keep_fields(struct ech_config_entry *out, const struct fields *f) {
  copy_public_name(out->public_name, &f->public_name);
  out->public_key = CBS_data(&f->public_key);
  out->public_key_len = CBS_len(&f->public_key);
  out->suites = CBS_data(&f->suites);
  out->suites_len = CBS_len(&f->suites);
  out->extensions = CBS_data(&f->extensions);
  out->extensions_len = CBS_len(&f->extensions);
}

static enum ech_config_verdict judge(const struct ech_config_entry *entry,
                                     const struct fields *f, bool mandatory) {
  if (mandatory) {
    return ECH_CONFIG_MANDATORY_EXTENSION;
  }
  if (entry->kem_id != kKemX25519) {
    return ECH_CONFIG_UNSUPPORTED_KEM;
  }
  if (CBS_len(&f->public_key) != kX25519KeyLen) {
    return ECH_CONFIG_BAD_PUBLIC_KEY;
  }
  return has_supported_suite(f->suites) ? ECH_CONFIG_USABLE
                                        : ECH_CONFIG_UNSUPPORTED_SUITES;
}

// parse_contents reads ECHConfigContents into `out`, the verdict included.
static bool parse_contents(struct reader *r, struct ech_config_entry *out,
                           CBS contents) {
  struct fields fields;
  bool mandatory;
  r->cbs = contents;
  if (!get_fields(r, out, &fields)) {
    return false;
  }
  keep_fields(out, &fields);
  if (!is_public_name(&fields.public_name)) {
    // BoringSSL reads no further, so neither do we: an entry whose extensions
    // are broken as well must not hide a good entry after it from us alone.
    out->verdict = ECH_CONFIG_BAD_PUBLIC_NAME;
    return true;
  }
  if (!parse_extensions(r, fields.extensions, &mandatory)) {
    return false;
  }
  out->verdict = judge(out, &fields, mandatory);
  return true;
}

// parse_entry reads one ECHConfig into `out`, which is zero but for its offset.
static bool parse_entry(struct reader *r, struct ech_config_entry *out) {
  CBS contents;
  size_t before = CBS_len(&r->cbs);
  if (!get_u16(r, &out->version, "the version of an ECHConfig") ||
      !get_vector(r, &contents, "an ECHConfig after its length")) {
    return false;
  }
  out->len = before - CBS_len(&r->cbs);
  if (out->version != kVersion) {
    out->verdict = ECH_CONFIG_UNKNOWN_VERSION;
    return true;
  }
  return parse_contents(r, out, contents);
}

// parse_prefix reads the length of the whole list.
static bool parse_prefix(struct reader *r) {
  CBS entries;
  if (!get_vector(r, &entries, "an ECHConfigList after its length")) {
    return false;
  }
  want(r, "the end of the ECHConfigList");
  if (CBS_len(&r->cbs) > 0) {
    return false;
  }
  r->cbs = entries;
  want(r, "an ECHConfig");
  return CBS_len(&entries) > 0;
}

// read_next is ech_config_list_next, which leaves in `r` what it looked for.
static bool read_next(struct reader *r, size_t len, size_t *io_offset,
                      struct ech_config_entry *out) {
  CBS_init(&r->cbs, r->list, len);
  if (*io_offset == 0) {
    if (!parse_prefix(r)) {
      return false;
    }
    *io_offset = kListPrefixLen;
  }
  CBS_init(&r->cbs, r->list, len);
  if (*io_offset >= len || !CBS_skip(&r->cbs, *io_offset)) {
    return false;
  }
  struct ech_config_entry entry = {.offset = *io_offset};
  if (!parse_entry(r, &entry)) {
    return false;
  }
  *io_offset += entry.len;
  *out = entry;
  return true;
}

bool ech_config_list_next(const uint8_t *list, size_t len, size_t *io_offset,
                          struct ech_config_entry *out) {
  struct reader r = {.list = list};
  return read_next(&r, len, io_offset, out);
}

bool ech_config_list_find_fault(const uint8_t *list, size_t len,
                                struct ech_config_fault *out) {
  struct reader r = {.list = list};
  struct ech_config_entry entry;
  size_t offset = 0;
  while (read_next(&r, len, &offset, &entry)) {
  }
  *out = r.wanted;
  return offset < len || offset == 0;
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
