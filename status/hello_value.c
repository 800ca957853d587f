#include "status/hello_value.h"

#include <openssl/bytestring.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// A value_fn appends what `body` says, which it consumes. False when it is not
// well-formed: whatever was appended is then taken back.
typedef bool value_fn(struct bytes *out, CBS *body);

static void append(struct bytes *out, const char *text) {
  bytes_append(out, text, strlen(text));
}

void hello_value_format(struct bytes *out, const char *format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  append(out, text);
}

void hello_value_octets(struct bytes *out, size_t num) {
  hello_value_format(out, num == 1 ? "%zu octet" : "%zu octets", num);
}

void hello_value_hex(struct bytes *out, const uint8_t *data, size_t len) {
  static const char kDigits[] = "0123456789abcdef";
  for (size_t i = 0; i < len; i++) {
    char octet[2] = {kDigits[data[i] >> 4], kDigits[data[i] & 15]};
    bytes_append(out, octet, sizeof(octet));
  }
}

// begin_item appends what stands before the item `i` of a list, and says
// whether it is to be shown.
static bool begin_item(struct bytes *out, size_t i) {
  if (i < kHelloValueMaxItems) {
    append(out, i == 0 ? "" : ", ");
  }
  return i < kHelloValueMaxItems;
}

static void end_list(struct bytes *out, size_t num) {
  if (num > kHelloValueMaxItems) {
    hello_value_format(out, " and %zu more", num - kHelloValueMaxItems);
  }
}

void hello_value_names(struct bytes *out, const uint8_t *list, size_t len,
                       size_t size, tls_name_fn *name) {
  size_t num = len / size;
  for (size_t i = 0; i < num && begin_item(out, i); i++) {
    const uint8_t *at = list + i * size;
    unsigned value = size == 1 ? at[0] : (unsigned)at[0] << 8 | at[1];
    char text[kTlsNameSize];
    append(out, name(text, (uint16_t)value));
  }
  end_list(out, num);
}

static bool write_names(struct bytes *out, const CBS *list, size_t size,
                        tls_name_fn *name) {
  hello_value_names(out, CBS_data(list), CBS_len(list), size, name);
  return CBS_len(list) > 0 && CBS_len(list) % size == 0;
}

// What is not printable ASCII is shown as \xNN.
static void write_text(struct bytes *out, const CBS *text) {
  for (size_t i = 0; i < CBS_len(text); i++) {
    uint8_t octet = CBS_data(text)[i];
    if (octet < ' ' || octet >= 0x7f) {
      hello_value_format(out, "\\x%02x", octet);
    } else {
      bytes_append(out, &octet, 1);
    }
  }
}

// RFC 6066, section 3.
static bool write_server_name(struct bytes *out, CBS *body) {
  CBS list, name;
  uint8_t type;
  if (!CBS_get_u16_length_prefixed(body, &list) || CBS_len(&list) == 0) {
    return false;
  }
  size_t num = 0;
  for (; CBS_len(&list) > 0; num++) {
    if (!CBS_get_u8(&list, &type) ||
        !CBS_get_u16_length_prefixed(&list, &name) || CBS_len(&name) == 0) {
      return false;
    }
    if (begin_item(out, num)) {
      write_text(out, &name);
    }
  }
  end_list(out, num);
  return true;
}

// RFC 6066, section 8.
static bool write_status_request(struct bytes *out, CBS *body) {
  CBS responders, extensions;
  uint8_t type;
  if (!CBS_get_u8(body, &type) || type != 1 ||
      !CBS_get_u16_length_prefixed(body, &responders) ||
      !CBS_get_u16_length_prefixed(body, &extensions)) {
    return false;
  }
  append(out, "OCSP");
  return true;
}

static bool write_groups(struct bytes *out, CBS *body) {
  CBS list;
  return CBS_get_u16_length_prefixed(body, &list) &&
         write_names(out, &list, 2, tls_name_group);
}

static bool write_point_formats(struct bytes *out, CBS *body) {
  CBS list;
  return CBS_get_u8_length_prefixed(body, &list) &&
         write_names(out, &list, 1, tls_name_point_format);
}

static bool write_signatures(struct bytes *out, CBS *body) {
  CBS list;
  return CBS_get_u16_length_prefixed(body, &list) &&
         write_names(out, &list, 2, tls_name_signature);
}

// RFC 7301, section 3.1, and RFC 8701 for what is GREASE in it.
static bool write_protocols(struct bytes *out, CBS *body) {
  CBS list, name;
  size_t num = 0;
  if (!CBS_get_u16_length_prefixed(body, &list) || CBS_len(&list) == 0) {
    return false;
  }
  for (; CBS_len(&list) > 0; num++) {
    if (!CBS_get_u8_length_prefixed(&list, &name) || CBS_len(&name) == 0) {
      return false;
    }
    const uint8_t *octets = CBS_data(&name);
    if (!begin_item(out, num)) {
      continue;
    }
    if (CBS_len(&name) == 2 &&
        tls_name_is_grease((uint16_t)(octets[0] << 8 | octets[1]))) {
      append(out, "GREASE");
    } else {
      write_text(out, &name);
    }
  }
  end_list(out, num);
  return true;
}

// RFC 8879, section 3.
static bool write_compressions(struct bytes *out, CBS *body) {
  CBS list;
  return CBS_get_u8_length_prefixed(body, &list) &&
         write_names(out, &list, 2, tls_name_certificate_compression);
}

// RFC 8449, section 4.
static bool write_record_size_limit(struct bytes *out, CBS *body) {
  uint16_t limit;
  if (!CBS_get_u16(body, &limit)) {
    return false;
  }
  hello_value_octets(out, limit);
  return true;
}

static bool count_identities(CBS *body, size_t *out_num) {
  CBS list, identity;
  uint32_t age;
  size_t num = 0;
  if (!CBS_get_u16_length_prefixed(body, &list)) {
    return false;
  }
  for (; CBS_len(&list) > 0; num++) {
    if (!CBS_get_u16_length_prefixed(&list, &identity) ||
        !CBS_get_u32(&list, &age)) {
      return false;
    }
  }
  *out_num = num;
  return num > 0;
}

static bool count_binders(CBS *body, size_t *out_num) {
  CBS list, binder;
  size_t num = 0;
  if (!CBS_get_u16_length_prefixed(body, &list)) {
    return false;
  }
  for (; CBS_len(&list) > 0; num++) {
    if (!CBS_get_u8_length_prefixed(&list, &binder)) {
      return false;
    }
  }
  *out_num = num;
  return num > 0;
}

// RFC 9846, section 4.2.11.
static bool write_pre_shared_key(struct bytes *out, CBS *body) {
  size_t len = CBS_len(body);
  size_t identities, binders;
  if (!count_identities(body, &identities) || !count_binders(body, &binders)) {
    return false;
  }
  hello_value_format(out, "%zu %s, %zu %s, ", identities,
                     identities == 1 ? "identity" : "identities", binders,
                     binders == 1 ? "binder" : "binders");
  hello_value_octets(out, len);
  return true;
}

static bool write_versions(struct bytes *out, CBS *body) {
  CBS list;
  return CBS_get_u8_length_prefixed(body, &list) &&
         write_names(out, &list, 2, tls_name_version);
}

static bool write_psk_modes(struct bytes *out, CBS *body) {
  CBS list;
  return CBS_get_u8_length_prefixed(body, &list) &&
         write_names(out, &list, 1, tls_name_psk_mode);
}

// RFC 9846, section 4.2.8. An empty one asks for a HelloRetryRequest.
static bool write_key_share(struct bytes *out, CBS *body) {
  CBS list, key;
  uint16_t group;
  char name[kTlsNameSize];
  size_t num = 0;
  if (!CBS_get_u16_length_prefixed(body, &list)) {
    return false;
  }
  for (; CBS_len(&list) > 0; num++) {
    if (!CBS_get_u16(&list, &group) ||
        !CBS_get_u16_length_prefixed(&list, &key)) {
      return false;
    }
    if (begin_item(out, num)) {
      hello_value_format(out, "%s (", tls_name_group(name, group));
      hello_value_octets(out, CBS_len(&key));
      append(out, ")");
    }
  }
  end_list(out, num);
  append(out, num == 0 ? "none" : "");
  return true;
}

// RFC 9849, section 5.1.
static bool write_outer_extensions(struct bytes *out, CBS *body) {
  CBS list;
  return CBS_get_u8_length_prefixed(body, &list) &&
         write_names(out, &list, 2, tls_name_extension);
}

static bool write_ech_outer(struct bytes *out, CBS *body) {
  char kdf_name[kTlsNameSize], aead_name[kTlsNameSize];
  uint16_t kdf, aead;
  uint8_t config_id;
  CBS enc, payload;
  if (!CBS_get_u16(body, &kdf) || !CBS_get_u16(body, &aead) ||
      !CBS_get_u8(body, &config_id) ||
      !CBS_get_u16_length_prefixed(body, &enc) ||
      !CBS_get_u16_length_prefixed(body, &payload) || CBS_len(&payload) == 0) {
    return false;
  }
  hello_value_format(out, "outer, %s and %s, config id %u, enc of ",
                     tls_name_hpke_kdf(kdf_name, kdf),
                     tls_name_hpke_aead(aead_name, aead), config_id);
  hello_value_octets(out, CBS_len(&enc));
  append(out, ", payload of ");
  hello_value_octets(out, CBS_len(&payload));
  return true;
}

// RFC 9849, section 5.
static bool write_ech(struct bytes *out, CBS *body) {
  uint8_t type;
  if (!CBS_get_u8(body, &type) || type > 1) {
    return false;
  }
  if (type == 0) {
    return write_ech_outer(out, body);
  }
  append(out, "inner");
  return true;
}

// RFC 5746, section 3.2.
static bool write_renegotiation(struct bytes *out, CBS *body) {
  CBS verify_data;
  if (!CBS_get_u8_length_prefixed(body, &verify_data)) {
    return false;
  }
  if (CBS_len(&verify_data) == 0) {
    append(out, "empty");
  } else {
    hello_value_octets(out, CBS_len(&verify_data));
  }
  return true;
}

// What says all by being there.
static bool write_flag(struct bytes *out, CBS *body) {
  (void)body;
  append(out, "offered");
  return true;
}

static bool write_octets(struct bytes *out, CBS *body) {
  size_t len = CBS_len(body);
  if (len == 0) {
    append(out, "empty");
  } else {
    hello_value_octets(out, len);
  }
  return CBS_skip(body, len);
}

static const struct {
  uint16_t type;
  value_fn *write;
} kValues[] = {
    {0, write_server_name},
    {5, write_status_request},
    {10, write_groups},
    {11, write_point_formats},
    {13, write_signatures},
    {16, write_protocols},
    {18, write_flag},
    {22, write_flag},
    {23, write_flag},
    {27, write_compressions},
    {28, write_record_size_limit},
    {34, write_signatures},
    {41, write_pre_shared_key},
    {42, write_flag},
    {43, write_versions},
    {45, write_psk_modes},
    {49, write_flag},
    {50, write_signatures},
    {51, write_key_share},
    {13172, write_flag},
    {17513, write_protocols},
    {17613, write_protocols},
    {64768, write_outer_extensions},
    {65037, write_ech},
    {65281, write_renegotiation},
};

static value_fn *find_value(uint16_t type) {
  for (size_t i = 0; i < sizeof(kValues) / sizeof(kValues[0]); i++) {
    if (kValues[i].type == type) {
      return kValues[i].write;
    }
  }
  return write_octets;
}

void hello_value_extension(struct bytes *out, uint16_t type,
                           const uint8_t *body, size_t len) {
  size_t before = out->len;
  CBS cbs;
  CBS_init(&cbs, body, len);
  if (!find_value(type)(out, &cbs) || CBS_len(&cbs) != 0) {
    out->len = before;
    append(out, "malformed, ");
    hello_value_octets(out, len);
  }
}
