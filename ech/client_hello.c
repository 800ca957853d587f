#include "ech/client_hello.h"

#include <openssl/bytestring.h>
#include <string.h>

enum {
  kHandshakeClientHello = 1,
  kRandomLen = 32,
  kSessionIdMaxLen = 32,
  kExtensionServerName = 0,
  kExtensionAlpn = 16,
  kExtensionSupportedVersions = 43,
  kExtensionEch = 0xfe0d,
  kNameTypeHost = 0,
  kEchTypeOuter = 0,
  kEchTypeInner = 1,
  kVersionSsl30 = 0x0300,
  kVersionTls12 = 0x0303,
  kVersionTls13 = 0x0304,
};

static bool is_printable(const CBS *text) {
  const uint8_t *octets = CBS_data(text);
  for (size_t i = 0; i < CBS_len(text); i++) {
    if (octets[i] <= ' ' || octets[i] >= 0x7f) {
      return false;
    }
  }
  return true;
}

// RFC 6066, section 3. host_name is the only type that ever came to be.
static bool parse_server_name(struct client_hello *out, CBS body) {
  CBS list, name;
  uint8_t type;
  if (!CBS_get_u16_length_prefixed(&body, &list) || CBS_len(&body) != 0 ||
      !CBS_get_u8(&list, &type) || type != kNameTypeHost ||
      !CBS_get_u16_length_prefixed(&list, &name) || CBS_len(&list) != 0 ||
      CBS_len(&name) == 0 || CBS_len(&name) >= kClientHelloNameSize ||
      !is_printable(&name)) {
    return false;
  }
  memcpy(out->server_name, CBS_data(&name), CBS_len(&name));
  out->server_name[CBS_len(&name)] = '\0';
  return true;
}

// RFC 7301, section 3.1.
static bool parse_alpn(struct client_hello *out, CBS body) {
  CBS list;
  if (!CBS_get_u16_length_prefixed(&body, &list) || CBS_len(&body) != 0 ||
      CBS_len(&list) == 0) {
    return false;
  }
  out->alpn = CBS_data(&list);
  out->alpn_len = CBS_len(&list);
  while (CBS_len(&list) > 0) {
    CBS protocol;
    if (!CBS_get_u8_length_prefixed(&list, &protocol) ||
        CBS_len(&protocol) == 0) {
      return false;
    }
  }
  return true;
}

// RFC 9846, section 4.2.1: it replaces what legacy_version said.
static bool parse_supported_versions(struct client_hello *out, CBS body) {
  CBS list;
  if (!CBS_get_u8_length_prefixed(&body, &list) || CBS_len(&body) != 0 ||
      CBS_len(&list) == 0) {
    return false;
  }
  out->offers_tls12 = false;
  while (CBS_len(&list) > 0) {
    uint16_t version;
    if (!CBS_get_u16(&list, &version)) {
      return false;
    }
    if (version == kVersionTls13) {
      out->offers_tls13 = true;
    } else if (version >= kVersionSsl30 && version <= kVersionTls12) {
      out->offers_tls12 = true;
    }
  }
  return true;
}

// RFC 9849, section 5. After a HelloRetryRequest `enc` is empty.
static bool parse_ech(struct client_hello *out, CBS body) {
  uint8_t type;
  uint16_t kdf, aead;
  CBS enc, payload;
  if (!CBS_get_u8(&body, &type)) {
    return false;
  }
  if (type == kEchTypeInner) {
    out->ech = CLIENT_HELLO_ECH_INNER;
    return CBS_len(&body) == 0;
  }
  if (type != kEchTypeOuter || !CBS_get_u16(&body, &kdf) ||
      !CBS_get_u16(&body, &aead) || !CBS_get_u8(&body, &out->ech_config_id) ||
      !CBS_get_u16_length_prefixed(&body, &enc) ||
      !CBS_get_u16_length_prefixed(&body, &payload) || CBS_len(&body) != 0 ||
      CBS_len(&payload) == 0) {
    return false;
  }
  out->ech = CLIENT_HELLO_ECH_OUTER;
  out->ech_payload_len = CBS_len(&payload);
  return true;
}

static bool parse_extension(struct client_hello *out, uint16_t type, CBS body) {
  switch (type) {
    case kExtensionServerName:
      return parse_server_name(out, body);
    case kExtensionAlpn:
      return parse_alpn(out, body);
    case kExtensionSupportedVersions:
      return parse_supported_versions(out, body);
    case kExtensionEch:
      return parse_ech(out, body);
    default:
      return true;
  }
}

static bool parse_extensions(struct client_hello *out, CBS extensions) {
  uint8_t seen[(UINT16_MAX + 1) / 8] = {0};  // one bit for each type
  while (CBS_len(&extensions) > 0) {
    uint16_t type;
    CBS body;
    if (!CBS_get_u16(&extensions, &type) ||
        !CBS_get_u16_length_prefixed(&extensions, &body)) {
      return false;
    }
    uint8_t bit = (uint8_t)(1u << (type % 8));
    if ((seen[type / 8] & bit) != 0 || !parse_extension(out, type, body)) {
      return false;
    }
    seen[type / 8] |= bit;
  }
  return true;
}

// parse_body reads the ClientHello without its handshake header. A hello may
// end before its extensions, as those of old clients do.
static bool parse_body(struct client_hello *out, CBS body) {
  uint16_t legacy_version;
  CBS random, session_id, suites, compressions, extensions;
  if (!CBS_get_u16(&body, &legacy_version) ||
      !CBS_get_bytes(&body, &random, kRandomLen) ||
      !CBS_get_u8_length_prefixed(&body, &session_id) ||
      CBS_len(&session_id) > kSessionIdMaxLen ||
      !CBS_get_u16_length_prefixed(&body, &suites) || CBS_len(&suites) == 0 ||
      CBS_len(&suites) % 2 != 0 ||
      !CBS_get_u8_length_prefixed(&body, &compressions) ||
      CBS_len(&compressions) == 0) {
    return false;
  }
  out->offers_tls12 = true;
  if (CBS_len(&body) == 0) {
    return true;
  }
  return CBS_get_u16_length_prefixed(&body, &extensions) &&
         CBS_len(&body) == 0 && parse_extensions(out, extensions);
}

bool client_hello_parse(struct client_hello *out, const uint8_t *message,
                        size_t len) {
  struct client_hello hello = {.ech = CLIENT_HELLO_NO_ECH};
  CBS cbs, body;
  uint8_t type;
  CBS_init(&cbs, message, len);
  if (!CBS_get_u8(&cbs, &type) || type != kHandshakeClientHello ||
      !CBS_get_u24_length_prefixed(&cbs, &body) || CBS_len(&cbs) != 0 ||
      !parse_body(&hello, body)) {
    return false;
  }
  *out = hello;
  return true;
}
