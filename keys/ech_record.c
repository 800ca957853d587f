#include "keys/ech_record.h"

#include <openssl/bytestring.h>
#include <openssl/mem.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "keys/base64_text.h"
#include "keys/dns_name.h"

enum {
  kHttpsPort = 443,
  kPriority = 1,
  kKeyAlpn = 1,       // RFC 9460, section 14.3.2
  kKeyEch = 5,        // RFC 9848, section 3
  kMaxList = 0x8000,  // so that all of it fits a record
  kMaxAlpn = 1024,
  kNameSize = 256,
  kOwnerSize = kNameSize + 16,
};

struct ech_record {
  char owner[kOwnerSize];  // without the last dot, like the target
  char target[kNameSize];  // "" for the owner itself
  uint32_t ttl;
  char *alpn;    // "" for none
  char *base64;  // of the ECHConfigList
  uint8_t *rdata;
  size_t rdata_len;
};

// next_protocol cuts the first protocol off `*rest`. NULL when there is none.
static const char *next_protocol(const char **rest, size_t *out_len) {
  const char *start = *rest;
  if (start == NULL) {
    return NULL;
  }
  *out_len = strcspn(start, ",");
  *rest = start[*out_len] == ',' ? start + *out_len + 1 : NULL;
  return start;
}

// alpn_valid takes the characters that the registered protocols are made of,
// none of which has to be escaped (RFC 9460, appendix A.1).
static bool alpn_valid(const char *alpn) {
  static const char kCharacters[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-./_";
  const char *rest = alpn[0] == '\0' ? NULL : alpn;
  const char *protocol;
  size_t len;
  if (strlen(alpn) > kMaxAlpn) {
    return false;
  }
  while ((protocol = next_protocol(&rest, &len)) != NULL) {
    if (len == 0 || len > 255 || strspn(protocol, kCharacters) < len) {
      return false;
    }
  }
  return true;
}

// set_names splits what the user calls the site. A wildcard is for the default
// port only: nothing matches a name like _8443._https.*.example (RFC 4592,
// section 2.1.1).
static bool set_names(struct ech_record *record, const char *name,
                      uint16_t port) {
  char host[kNameSize];
  size_t len = strlen(name);
  if (len == 0 || len >= sizeof(host)) {
    return false;
  }
  memcpy(host, name, len + 1);
  if (host[len - 1] == '.') {
    host[len - 1] = '\0';
  }
  if (port == kHttpsPort) {
    memcpy(record->owner, host, sizeof(host));
    return dns_name_valid(strncmp(host, "*.", 2) == 0 ? host + 2 : host);
  }
  snprintf(record->owner, sizeof(record->owner), "_%u._https.%s",
           (unsigned)port, host);
  memcpy(record->target, host, sizeof(host));
  return dns_name_valid(host) && strlen(record->owner) < kNameSize - 2;
}

// add_name writes a name that dns_name_valid has seen, or the root.
static bool add_name(CBB *rdata, const char *name) {
  while (name[0] != '\0') {
    size_t len = strcspn(name, ".");
    CBB label;
    if (!CBB_add_u8_length_prefixed(rdata, &label) ||
        !CBB_add_bytes(&label, (const uint8_t *)name, len) ||
        !CBB_flush(rdata)) {
      return false;
    }
    name += len + (name[len] == '.');
  }
  return CBB_add_u8(rdata, 0);
}

// RFC 9460, section 7.1.1.
static bool add_alpn(CBB *rdata, const char *alpn) {
  CBB value, id;
  const char *rest = alpn;
  const char *protocol;
  size_t len;
  if (alpn[0] == '\0') {
    return true;
  }
  if (!CBB_add_u16(rdata, kKeyAlpn) ||
      !CBB_add_u16_length_prefixed(rdata, &value)) {
    return false;
  }
  while ((protocol = next_protocol(&rest, &len)) != NULL) {
    if (!CBB_add_u8_length_prefixed(&value, &id) ||
        !CBB_add_bytes(&id, (const uint8_t *)protocol, len) ||
        !CBB_flush(&value)) {
      return false;
    }
  }
  return CBB_flush(rdata);
}

// make_rdata writes the record's data (RFC 9460, section 2.2).
static bool make_rdata(struct ech_record *record, const uint8_t *list,
                       size_t list_len) {
  CBB rdata, value;
  CBB_zero(&rdata);
  if (CBB_init(&rdata, 256) && CBB_add_u16(&rdata, kPriority) &&
      add_name(&rdata, record->target) && add_alpn(&rdata, record->alpn) &&
      CBB_add_u16(&rdata, kKeyEch) &&
      CBB_add_u16_length_prefixed(&rdata, &value) &&
      CBB_add_bytes(&value, list, list_len) &&
      CBB_finish(&rdata, &record->rdata, &record->rdata_len)) {
    return true;
  }
  CBB_cleanup(&rdata);
  return false;
}

// check says what the caller can do something about.
static bool check(struct ech_record *record, const char *name, uint16_t port,
                  const char *alpn, size_t list_len,
                  struct key_error *out_error) {
  if (!set_names(record, name, port)) {
    key_error_set(out_error,
                  "'%.60s' is no host name that a record%s can stand at", name,
                  port == kHttpsPort ? "" : " for a port");
    return false;
  }
  if (!alpn_valid(alpn)) {
    key_error_set(out_error,
                  "'%.60s' is no list of ALPN protocols; write them with "
                  "commas between them, such as h2,http/1.1",
                  alpn);
    return false;
  }
  if (list_len > kMaxList) {
    key_error_set(out_error, "%zu bytes of configurations do not fit a record",
                  list_len);
    return false;
  }
  return true;
}

struct ech_record *ech_record_new(const char *name, uint16_t port, uint32_t ttl,
                                  const char *alpn, const uint8_t *list,
                                  size_t list_len,
                                  struct key_error *out_error) {
  key_error_set(out_error, "out of memory while making the record");
  struct ech_record *record = OPENSSL_malloc(sizeof(*record));
  if (record == NULL) {
    return NULL;
  }
  *record = (struct ech_record){.ttl = ttl};
  if (check(record, name, port, alpn, list_len, out_error) &&
      (record->alpn = OPENSSL_strdup(alpn)) != NULL &&
      (record->base64 = base64_text_encode(list, list_len)) != NULL &&
      make_rdata(record, list, list_len)) {
    return record;
  }
  ech_record_free(record);
  return NULL;
}

void ech_record_free(struct ech_record *record) {
  if (record == NULL) {
    return;
  }
  OPENSSL_free(record->alpn);
  OPENSSL_free(record->base64);
  OPENSSL_free(record->rdata);
  OPENSSL_free(record);
}

// print returns a text in printf's form, released with OPENSSL_free.
__attribute__((format(printf, 2, 3))) static char *print(
    const struct ech_record *record, const char *format, ...) {
  // Each form has the names at most three times and the data at most once.
  size_t size = 3 * sizeof(record->owner) + strlen(record->alpn) +
                2 * record->rdata_len + 256;
  char *text = OPENSSL_malloc(size);
  if (text != NULL) {
    va_list args;
    va_start(args, format);
    vsnprintf(text, size, format, args);
    va_end(args);
  }
  return text;
}

char *ech_record_zone_line(const struct ech_record *record) {
  bool has_alpn = record->alpn[0] != '\0';
  return print(record, "%s. %u IN HTTPS %d %s. %s%s%sech=%s", record->owner,
               (unsigned)record->ttl, (int)kPriority, record->target,
               has_alpn ? "alpn=\"" : "", record->alpn, has_alpn ? "\" " : "",
               record->base64);
}

// print_generic puts the type and the data after `before`, the owner and TTL.
static char *print_generic(const struct ech_record *record,
                           const char *before_type, const char *after) {
  static const char kDigits[] = "0123456789abcdef";
  char *hex = OPENSSL_malloc(2 * record->rdata_len + 1);
  if (hex == NULL) {
    return NULL;
  }
  for (size_t i = 0; i < record->rdata_len; i++) {
    hex[2 * i] = kDigits[record->rdata[i] >> 4];
    hex[2 * i + 1] = kDigits[record->rdata[i] & 15];
  }
  hex[2 * record->rdata_len] = '\0';
  char *text = print(record, "%sTYPE65 \\# %zu %s%s", before_type,
                     record->rdata_len, hex, after);
  OPENSSL_free(hex);
  return text;
}

char *ech_record_generic_line(const struct ech_record *record) {
  char before[sizeof(record->owner) + 32];
  snprintf(before, sizeof(before), "%s. %u IN ", record->owner,
           (unsigned)record->ttl);
  return print_generic(record, before, "");
}

// The type by its number, because an older nsupdate does not know its name.
char *ech_record_nsupdate(const struct ech_record *record) {
  char before[2 * sizeof(record->owner) + 64];
  snprintf(before, sizeof(before),
           "update delete %s. TYPE65\nupdate add %s. %u ", record->owner,
           record->owner, (unsigned)record->ttl);
  return print_generic(record, before, "\nsend\n");
}

const char *ech_record_target(const struct ech_record *record) {
  return record->target;
}

const char *ech_record_base64(const struct ech_record *record) {
  return record->base64;
}
