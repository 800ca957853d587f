#include "ech/svcb.h"

#include <openssl/bytestring.h>
#include <string.h>

enum svc_key {
  KEY_MANDATORY = 0,
  KEY_ALPN = 1,
  KEY_NO_DEFAULT_ALPN = 2,
  KEY_PORT = 3,
  KEY_IPV4HINT = 4,
  KEY_ECH = 5,
  KEY_IPV6HINT = 6,
  kNumKnownKeys,
  KEY_INVALID = 65535,  // RFC 9460, section 14.3.2
};

// get_param takes the next SvcParam. Keys strictly ascend; `*io_min_key` is the
// lowest that may come (RFC 9460, section 2.2).
static bool get_param(CBS *params, uint32_t *io_min_key, uint16_t *out_key,
                      CBS *out_value) {
  if (!CBS_get_u16(params, out_key) ||
      !CBS_get_u16_length_prefixed(params, out_value) ||
      *out_key < *io_min_key || *out_key == KEY_INVALID) {
    return false;
  }
  *io_min_key = (uint32_t)*out_key + 1;
  return true;
}

static bool has_param(CBS params, uint16_t wanted) {
  uint32_t min_key = 0;
  uint16_t key;
  CBS value;
  while (get_param(&params, &min_key, &key, &value)) {
    if (key == wanted) {
      return true;
    }
  }
  return false;
}

// parse_mandatory reads the keys without which the record is of no use. They
// ascend too, so one walk over `params` finds them all: a key that is passed
// over is not there.
static bool parse_mandatory(struct svcb *out, CBS keys, CBS params) {
  if (CBS_len(&keys) == 0) {
    return false;
  }
  uint32_t min_key = 0;
  uint16_t present = 0;
  uint32_t last = KEY_MANDATORY;
  while (CBS_len(&keys) > 0) {
    uint16_t wanted;
    if (!CBS_get_u16(&keys, &wanted) || wanted <= last) {
      return false;
    }
    last = wanted;
    while (present < wanted) {
      CBS value;
      if (!get_param(&params, &min_key, &present, &value)) {
        return false;
      }
    }
    if (present != wanted) {
      return false;
    }
    out->compatible = out->compatible && wanted < kNumKnownKeys;
  }
  return true;
}

static bool parse_alpn(struct svcb *out, CBS value) {
  out->alpn = CBS_data(&value);
  out->alpn_len = CBS_len(&value);
  if (out->alpn_len == 0) {
    return false;
  }
  while (CBS_len(&value) > 0) {
    CBS id;
    if (!CBS_get_u8_length_prefixed(&value, &id) || CBS_len(&id) == 0) {
      return false;
    }
  }
  return true;
}

static bool parse_port(struct svcb *out, CBS value) {
  out->has_port = true;
  return CBS_get_u16(&value, &out->port) && CBS_len(&value) == 0;
}

static bool parse_hints(struct svcb *out, CBS value, size_t address_len) {
  if (CBS_len(&value) == 0 || CBS_len(&value) % address_len != 0) {
    return false;
  }
  while (CBS_len(&value) > 0 && out->num_hints < kSvcbMaxHints) {
    struct address *hint = &out->hints[out->num_hints++];
    hint->is_ipv6 = address_len == 16;
    if (!CBS_copy_bytes(&value, hint->ip, address_len)) {
      return false;
    }
  }
  return true;
}

// parse_value reads the value of one parameter of `params`. Keys that are not
// known may hold anything.
static bool parse_value(struct svcb *out, uint16_t key, CBS value, CBS params) {
  switch (key) {
    case KEY_MANDATORY:
      return parse_mandatory(out, value, params);
    case KEY_ALPN:
      return parse_alpn(out, value);
    case KEY_NO_DEFAULT_ALPN:
      // RFC 9460, section 7.1.1.
      out->no_default_alpn = true;
      return CBS_len(&value) == 0 && has_param(params, KEY_ALPN);
    case KEY_PORT:
      return parse_port(out, value);
    case KEY_IPV4HINT:
      return parse_hints(out, value, 4);
    case KEY_ECH:
      out->ech = CBS_data(&value);
      out->ech_len = CBS_len(&value);
      return true;
    case KEY_IPV6HINT:
      return parse_hints(out, value, 16);
    default:
      return true;
  }
}

static bool parse_params(struct svcb *out, CBS params) {
  CBS rest = params;
  uint32_t min_key = 0;
  while (CBS_len(&rest) > 0) {
    uint16_t key;
    CBS value;
    if (!get_param(&rest, &min_key, &key, &value)) {
      return false;
    }
    // AliasMode has no use for parameters (RFC 9460, section 2.4.2).
    if (out->priority != 0 && !parse_value(out, key, value, params)) {
      return false;
    }
  }
  return true;
}

bool svcb_parse(struct svcb *out, const uint8_t *rdata, size_t len) {
  struct svcb svcb = {.compatible = true};
  CBS cbs;
  CBS_init(&cbs, rdata, len);
  if (!CBS_get_u16(&cbs, &svcb.priority) ||
      !wire_name_read(svcb.target, &cbs) || !parse_params(&svcb, cbs)) {
    return false;
  }
  *out = svcb;
  return true;
}
