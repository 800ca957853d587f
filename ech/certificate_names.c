#include "ech/certificate_names.h"

#include <openssl/mem.h>
#include <string.h>

#include "net/address.h"

// What is looked for.
struct wanted {
  const char *host;
  struct address address;
  bool is_address;
};

// The GeneralNames of sites (RFC 5280, section 4.2.1.6).
static const unsigned kDnsName = CBS_ASN1_CONTEXT_SPECIFIC | 2;
static const unsigned kIpAddress = CBS_ASN1_CONTEXT_SPECIFIC | 7;

static bool skip(CBS *cbs, unsigned tag) {
  return CBS_get_asn1(cbs, NULL, tag);
}

static bool get_whole(CBS *cbs, CBS *out, unsigned tag) {
  return CBS_get_asn1(cbs, out, tag) && CBS_len(cbs) == 0;
}

// get_extensions walks TBSCertificate (RFC 5280, section 4.1). The unique
// identifiers that may come before the extensions are nowhere in use.
static bool get_extensions(CBS certificate, CBS *out) {
  static const unsigned kFields =
      CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED;
  CBS fields, tbs, wrapped;
  return get_whole(&certificate, &fields, CBS_ASN1_SEQUENCE) &&
         CBS_get_asn1(&fields, &tbs, CBS_ASN1_SEQUENCE) &&
         skip(&tbs, kFields | 0) &&        // version
         skip(&tbs, CBS_ASN1_INTEGER) &&   // serialNumber
         skip(&tbs, CBS_ASN1_SEQUENCE) &&  // signature
         skip(&tbs, CBS_ASN1_SEQUENCE) &&  // issuer
         skip(&tbs, CBS_ASN1_SEQUENCE) &&  // validity
         skip(&tbs, CBS_ASN1_SEQUENCE) &&  // subject
         skip(&tbs, CBS_ASN1_SEQUENCE) &&  // subjectPublicKeyInfo
         get_whole(&tbs, &wrapped, kFields | 3) &&
         get_whole(&wrapped, out, CBS_ASN1_SEQUENCE);
}

static bool get_extension(CBS *extensions, CBS *out_oid, CBS *out_value) {
  CBS extension;
  return CBS_get_asn1(extensions, &extension, CBS_ASN1_SEQUENCE) &&
         CBS_get_asn1(&extension, out_oid, CBS_ASN1_OBJECT) &&
         CBS_get_optional_asn1(&extension, NULL, NULL, CBS_ASN1_BOOLEAN) &&
         get_whole(&extension, out_value, CBS_ASN1_OCTETSTRING);
}

// get_alt_names finds the one subjectAltName among all extensions.
static bool get_alt_names(CBS extensions, CBS *out) {
  static const uint8_t kSubjectAltName[] = {0x55, 0x1d, 17};  // 2.5.29.17
  bool found = false;
  while (CBS_len(&extensions) > 0) {
    CBS oid, value;
    if (!get_extension(&extensions, &oid, &value)) {
      return false;
    }
    if (CBS_mem_equal(&oid, kSubjectAltName, sizeof kSubjectAltName)) {
      if (found || !get_whole(&value, out, CBS_ASN1_SEQUENCE)) {
        return false;
      }
      found = true;
    }
  }
  return found;
}

static bool equals(const CBS *name, size_t from, const char *text) {
  size_t len = CBS_len(name) - from;
  return len == strlen(text) &&
         OPENSSL_strncasecmp((const char *)CBS_data(name) + from, text, len) ==
             0;
}

// is_plain says whether `host` has nothing but letters, digits and, within its
// labels, hyphens.
static bool is_plain(const char *host) {
  static const char kCharacters[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
  for (;; host++) {
    size_t len = strspn(host, kCharacters);
    if (len == 0 || host[0] == '-' || host[len - 1] == '-') {
      return false;
    }
    host += len;
    if (*host != '.') {
      return *host == '\0';
    }
  }
}

// is_wildcard_of: the star is all of the first label and stands for one label,
// and no such name is as broad as "*.test".
static bool is_wildcard_of(const CBS *name, const char *host) {
  const char *rest = strchr(host, '.');
  return rest != NULL && strchr(rest + 1, '.') != NULL && is_plain(host) &&
         CBS_len(name) > 0 && CBS_data(name)[0] == '*' && equals(name, 1, rest);
}

static bool is_wanted(const struct wanted *wanted, unsigned tag,
                      const CBS *name) {
  if (wanted->is_address) {
    return tag == kIpAddress && CBS_mem_equal(name, wanted->address.ip,
                                              wanted->address.is_ipv6 ? 16 : 4);
  }
  return tag == kDnsName &&
         (equals(name, 0, wanted->host) || is_wildcard_of(name, wanted->host));
}

bool certificate_names_hold(CBS certificate, const char *host) {
  struct wanted wanted = {.host = host};
  wanted.is_address = address_from_ip(&wanted.address, host, 0);
  CBS extensions, names;
  if (!get_extensions(certificate, &extensions) ||
      !get_alt_names(extensions, &names)) {
    return false;
  }
  bool held = false;
  while (CBS_len(&names) > 0) {
    CBS name;
    unsigned tag;
    if (!CBS_get_any_asn1(&names, &name, &tag) ||
        (tag != kDnsName && tag != kIpAddress)) {
      return false;
    }
    held = held || is_wanted(&wanted, tag, &name);
  }
  return held;
}
