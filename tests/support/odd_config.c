#include "support/odd_config.h"

#include <openssl/bytestring.h>
#include <openssl/curve25519.h>
#include <stdlib.h>
#include <string.h>

const char *odd_config_str(enum odd_config config) {
  switch (config) {
#define X(name) \
  case name:    \
    return #name;
    ODD_CONFIGS(X)
#undef X
  }
  return "unknown";
}

// What an ECHConfig is made of.
struct fields {
  uint16_t version;
  uint16_t kem;
  size_t key_len;
  const char *suites;
  size_t suites_len;
  const char *name;
  const char *extensions;
  size_t extensions_len;
};

static struct fields fields_of(enum odd_config config) {
  // HKDF-SHA256 and AES-128-GCM.
  struct fields f = {.version = 0xfe0d,
                     .kem = 0x0020,
                     .key_len = 32,
                     .suites = "\x00\x01\x00\x01",
                     .suites_len = 4,
                     .name = "public.test"};
  switch (config) {
    case CONFIG_OTHER_NAME:
      f.name = "other.test";
      break;
    case CONFIG_EMPTY_KEY:
      f.key_len = 0;
      break;
    case CONFIG_SHORT_KEY:
      f.key_len = 31;
      break;
    case CONFIG_EMPTY_NAME:
      f.name = "";
      break;
    case CONFIG_ADDRESS_NAME:
      f.name = "192.0.2.1";
      break;
    case CONFIG_BAD_NAME:
      f.name = "public test";
      break;
    case CONFIG_ODD_SUITES:
      f.suites_len = 3;
      break;
    case CONFIG_NO_SUITES:
      f.suites_len = 0;
      break;
    case CONFIG_UNKNOWN_SUITE:
      f.suites = "\x7f\x01\x7f\x01";
      break;
    case CONFIG_UNKNOWN_KEM:
      f.kem = 0x7f20;
      break;
    case CONFIG_MANDATORY:
      f.extensions = "\xff\x01\x00\x00";
      f.extensions_len = 4;
      break;
    case CONFIG_UNKNOWN_VERSION:
      f.version = 0xfe0a;
      break;
    default:
      break;
  }
  return f;
}

static bool add_entry(CBB *list, const struct fields *f, bool trailing) {
  uint8_t key[32], private_key[32];
  CBB contents, child;
  X25519_keypair(key, private_key);
  return CBB_add_u16(list, f->version) &&
         CBB_add_u16_length_prefixed(list, &contents) &&
         CBB_add_u8(&contents, 7) && CBB_add_u16(&contents, f->kem) &&
         CBB_add_u16_length_prefixed(&contents, &child) &&
         CBB_add_bytes(&child, key, f->key_len) &&
         CBB_add_u16_length_prefixed(&contents, &child) &&
         CBB_add_bytes(&child, (const uint8_t *)f->suites, f->suites_len) &&
         CBB_add_u8(&contents, 0) &&
         CBB_add_u8_length_prefixed(&contents, &child) &&
         CBB_add_bytes(&child, (const uint8_t *)f->name, strlen(f->name)) &&
         CBB_add_u16_length_prefixed(&contents, &child) &&
         CBB_add_bytes(&child, (const uint8_t *)f->extensions,
                       f->extensions_len) &&
         (!trailing || CBB_add_u8(&contents, 0)) && CBB_flush(list);
}

static size_t write_list(uint8_t out[kOddConfigSize], enum odd_config config) {
  CBB cbb, list;
  size_t len = 0;
  struct fields fields = fields_of(config);
  if (!CBB_init_fixed(&cbb, out, kOddConfigSize) ||
      !CBB_add_u16_length_prefixed(&cbb, &list) ||
      (config != CONFIG_EMPTY_LIST &&
       !add_entry(&list, &fields, config == CONFIG_ENTRY_TRAILING)) ||
      (config == CONFIG_HALF_ENTRY && !CBB_add_u16(&list, 0xfe0d)) ||
      !CBB_finish(&cbb, NULL, &len)) {
    abort();
  }
  return len;
}

size_t odd_config_write(uint8_t out[kOddConfigSize], enum odd_config config) {
  enum { kListLen = 1, kEntryLen = 5 };  // the low octets of two lengths
  size_t len = write_list(out, config);
  switch (config) {
    case CONFIG_NOTHING:
      return 0;
    case CONFIG_LIST_TOO_LONG:
      out[kListLen]++;
      break;
    case CONFIG_LIST_TOO_SHORT:
      out[len++] = 0;
      break;
    case CONFIG_ENTRY_TOO_LONG:
      out[kEntryLen]++;
      break;
    case CONFIG_ENTRY_TOO_SHORT:
      out[kEntryLen]--;
      out[kListLen]--;
      len--;
      break;
    default:
      break;
  }
  return len;
}
