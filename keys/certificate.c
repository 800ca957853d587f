#include "keys/certificate.h"

#include <openssl/digest.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

// The last octet of the id-ce OIDs (2.5.29.x, RFC 5280, section 4.2.1).
enum extension_id {
  kSubjectKeyId = 14,
  kKeyUsage = 15,
  kSubjectAltName = 17,
  kBasicConstraints = 19,
  kAuthorityKeyId = 35,
  kExtKeyUsage = 37,
};

// The last octet of the id-at OIDs (2.5.4.x).
enum attribute_id { kCommonName = 3, kOrganization = 10, kDnQualifier = 46 };

// AlgorithmIdentifier ecdsa-with-SHA256, 1.2.840.10045.4.3.2 (RFC 5758).
static const uint8_t kEcdsaSha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                       0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
// SEQUENCE of id-kp-serverAuth, 1.3.6.1.5.5.7.3.1.
static const uint8_t kServerAuth[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06,
                                      0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
// BIT STRINGs: keyCertSign (bit 5) and digitalSignature (bit 0). No cRLSign:
// this CA publishes no revocation lists.
static const uint8_t kKeyCertSign[] = {0x03, 0x02, 0x02, 0x04};
static const uint8_t kDigitalSignature[] = {0x03, 0x02, 0x07, 0x80};
// cA TRUE, pathLenConstraint 0: only leaves below it.
static const uint8_t kCaPathZero[] = {0x30, 0x06, 0x01, 0x01,
                                      0xff, 0x02, 0x01, 0x00};

// What differs between certificates.
struct fields {
  CBS issuer;
  CBS subject;
  CBS extensions;  // Extension structures, one after the other
  const struct certificate_public_key *subject_key;
  struct certificate_period period;
};

EVP_PKEY *certificate_new_key(void) {
  EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  EVP_PKEY *key = EVP_PKEY_new();
  if (ec == NULL || key == NULL || !EC_KEY_generate_key(ec) ||
      !EVP_PKEY_set1_EC_KEY(key, ec)) {
    EVP_PKEY_free(key);
    key = NULL;
  }
  EC_KEY_free(ec);
  return key;
}

bool certificate_key_is_p256(const EVP_PKEY *key) {
  const EC_KEY *ec = EVP_PKEY_get0_EC_KEY(key);
  return ec != NULL &&
         EC_GROUP_get_curve_name(EC_KEY_get0_group(ec)) == NID_X9_62_prime256v1;
}

// key_id_of is method 1 of RFC 7093: the first 160 bits of the public key's
// SHA-256.
static bool key_id_of(const EVP_PKEY *key, uint8_t out[kCertificateKeyIdLen]) {
  const EC_KEY *ec = EVP_PKEY_get0_EC_KEY(key);
  uint8_t point[65];
  uint8_t digest[SHA256_DIGEST_LENGTH];
  if (ec == NULL ||
      EC_POINT_point2oct(EC_KEY_get0_group(ec), EC_KEY_get0_public_key(ec),
                         POINT_CONVERSION_UNCOMPRESSED, point, sizeof(point),
                         NULL) != sizeof(point)) {
    return false;
  }
  SHA256(point, sizeof(point), digest);
  memcpy(out, digest, kCertificateKeyIdLen);
  return true;
}

// finish_fixed ends a CBB over a buffer of the caller's, which has a part on
// the heap all the same, whether writing it went well so far (`ok`) or not.
static bool finish_fixed(CBB *cbb, bool ok, size_t *out_len) {
  ok = ok && CBB_finish(cbb, NULL, out_len);
  CBB_cleanup(cbb);
  return ok;
}

static bool finish_fixed_cbs(CBB *cbb, bool ok, const uint8_t *buffer,
                             CBS *out) {
  size_t len;
  if (!finish_fixed(cbb, ok, &len)) {
    return false;
  }
  CBS_init(out, buffer, len);
  return true;
}

static bool add_oid(CBB *cbb, const uint8_t *oid, size_t len) {
  CBB child;
  return CBB_add_asn1(cbb, &child, CBS_ASN1_OBJECT) &&
         CBB_add_bytes(&child, oid, len) && CBB_flush(cbb);
}

static bool add_extension(CBB *extensions, enum extension_id id, bool critical,
                          const uint8_t *value, size_t len) {
  const uint8_t oid[] = {0x55, 0x1d, (uint8_t)id};
  CBB extension;
  return CBB_add_asn1(extensions, &extension, CBS_ASN1_SEQUENCE) &&
         add_oid(&extension, oid, sizeof(oid)) &&
         (!critical || CBB_add_asn1_bool(&extension, 1)) &&
         CBB_add_asn1_octet_string(&extension, value, len) &&
         CBB_flush(extensions);
}

static bool add_subject_key_id(CBB *extensions,
                               const struct certificate_public_key *key) {
  uint8_t value[2 + kCertificateKeyIdLen] = {CBS_ASN1_OCTETSTRING,
                                             kCertificateKeyIdLen};
  memcpy(value + 2, key->id, sizeof(key->id));
  return add_extension(extensions, kSubjectKeyId, false, value, sizeof(value));
}

static bool add_authority_key_id(CBB *extensions, const CBS *key_id) {
  uint8_t value[64];
  size_t len;
  CBB cbb, sequence, child;
  bool ok = CBB_init_fixed(&cbb, value, sizeof(value)) &&
            CBB_add_asn1(&cbb, &sequence, CBS_ASN1_SEQUENCE) &&
            CBB_add_asn1(&sequence, &child, CBS_ASN1_CONTEXT_SPECIFIC | 0) &&
            CBB_add_bytes(&child, CBS_data(key_id), CBS_len(key_id));
  return finish_fixed(&cbb, ok, &len) &&
         add_extension(extensions, kAuthorityKeyId, false, value, len);
}

// add_subject_alt_name is critical because the subject is empty (RFC 5280,
// section 4.2.1.6).
static bool add_subject_alt_name(CBB *extensions,
                                 const struct certificate_host *host) {
  enum { kDnsName = 2, kIpAddress = 7 };
  uint8_t value[sizeof(host->bytes) + 16];
  size_t len;
  CBB cbb, names, name;
  bool ok = CBB_init_fixed(&cbb, value, sizeof(value)) &&
            CBB_add_asn1(&cbb, &names, CBS_ASN1_SEQUENCE) &&
            CBB_add_asn1(&names, &name,
                         CBS_ASN1_CONTEXT_SPECIFIC |
                             (host->is_ip ? kIpAddress : kDnsName)) &&
            CBB_add_bytes(&name, host->bytes, host->len);
  return finish_fixed(&cbb, ok, &len) &&
         add_extension(extensions, kSubjectAltName, true, value, len);
}

// add_attribute adds one AttributeTypeAndValue, alone in its SET, to a Name.
static bool add_attribute(CBB *name, enum attribute_id id, unsigned string_type,
                          const char *text) {
  const uint8_t oid[] = {0x55, 0x04, (uint8_t)id};
  CBB set, attribute, value;
  return CBB_add_asn1(name, &set, CBS_ASN1_SET) &&
         CBB_add_asn1(&set, &attribute, CBS_ASN1_SEQUENCE) &&
         add_oid(&attribute, oid, sizeof(oid)) &&
         CBB_add_asn1(&attribute, &value, string_type) &&
         CBB_add_bytes(&value, (const uint8_t *)text, strlen(text)) &&
         CBB_flush(name);
}

// add_time: UTCTime through 2049, GeneralizedTime from 2050 on (RFC 5280,
// section 4.1.2.5).
static bool add_time(CBB *validity, int64_t when) {
  time_t seconds = (time_t)when;
  struct tm t;
  if (gmtime_r(&seconds, &t) == NULL || t.tm_year < 50 || t.tm_year > 8099) {
    return false;
  }
  bool is_utc = t.tm_year < 150;
  char text[64];
  int len = snprintf(text, sizeof(text), "%04d%02d%02d%02d%02d%02dZ",
                     t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                     t.tm_min, t.tm_sec);
  size_t skip = is_utc ? 2 : 0;  // the century
  CBB child;
  return CBB_add_asn1(validity, &child,
                      is_utc ? CBS_ASN1_UTCTIME : CBS_ASN1_GENERALIZEDTIME) &&
         CBB_add_bytes(&child, (const uint8_t *)text + skip,
                       (size_t)len - skip) &&
         CBB_flush(validity);
}

static bool add_validity(CBB *tbs, const struct certificate_period *period) {
  CBB validity;
  return CBB_add_asn1(tbs, &validity, CBS_ASN1_SEQUENCE) &&
         add_time(&validity, period->not_before) &&
         add_time(&validity, period->not_after) && CBB_flush(tbs);
}

// add_serial: 128 random bits below an octet that keeps the number positive, in
// its shortest form, and under the 20 octets of RFC 5280, section 4.1.2.2.
static bool add_serial(CBB *tbs) {
  uint8_t serial[17] = {0x01};
  CBB child;
  return RAND_bytes(serial + 1, sizeof(serial) - 1) &&
         CBB_add_asn1(tbs, &child, CBS_ASN1_INTEGER) &&
         CBB_add_bytes(&child, serial, sizeof(serial)) && CBB_flush(tbs);
}

static bool add_version_3(CBB *tbs) {
  CBB version;
  return CBB_add_asn1(tbs, &version,
                      CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0) &&
         CBB_add_asn1_uint64(&version, 2) && CBB_flush(tbs);
}

static bool add_extensions(CBB *tbs, const CBS *extensions) {
  CBB outer, sequence;
  return CBB_add_asn1(tbs, &outer,
                      CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 3) &&
         CBB_add_asn1(&outer, &sequence, CBS_ASN1_SEQUENCE) &&
         CBB_add_bytes(&sequence, CBS_data(extensions), CBS_len(extensions)) &&
         CBB_flush(tbs);
}

// write_tbs writes the part that is signed (RFC 5280, section 4.1.2).
static bool write_tbs(CBB *out, const struct fields *fields) {
  CBB tbs;
  return CBB_add_asn1(out, &tbs, CBS_ASN1_SEQUENCE) && add_version_3(&tbs) &&
         add_serial(&tbs) &&
         CBB_add_bytes(&tbs, kEcdsaSha256, sizeof(kEcdsaSha256)) &&
         CBB_add_bytes(&tbs, CBS_data(&fields->issuer),
                       CBS_len(&fields->issuer)) &&
         add_validity(&tbs, &fields->period) &&
         CBB_add_bytes(&tbs, CBS_data(&fields->subject),
                       CBS_len(&fields->subject)) &&
         CBB_add_bytes(&tbs, fields->subject_key->spki,
                       sizeof(fields->subject_key->spki)) &&
         add_extensions(&tbs, &fields->extensions) && CBB_flush(out);
}

static bool sign(EVP_PKEY *key, const uint8_t *data, size_t len,
                 uint8_t *out_signature, size_t *inout_len) {
  EVP_MD_CTX context;
  EVP_MD_CTX_init(&context);
  bool ok = EVP_DigestSignInit(&context, NULL, EVP_sha256(), NULL, key) &&
            EVP_DigestSign(&context, out_signature, inout_len, data, len);
  EVP_MD_CTX_cleanup(&context);
  return ok;
}

static bool write_signed(CBB *out, const struct fields *fields, EVP_PKEY *key) {
  uint8_t tbs[2048];
  uint8_t signature[80];
  size_t tbs_len;
  size_t signature_len = sizeof(signature);
  CBB cbb, certificate, bits;
  bool ok = CBB_init_fixed(&cbb, tbs, sizeof(tbs)) && write_tbs(&cbb, fields);
  return finish_fixed(&cbb, ok, &tbs_len) &&
         sign(key, tbs, tbs_len, signature, &signature_len) &&
         CBB_add_asn1(out, &certificate, CBS_ASN1_SEQUENCE) &&
         CBB_add_bytes(&certificate, tbs, tbs_len) &&
         CBB_add_bytes(&certificate, kEcdsaSha256, sizeof(kEcdsaSha256)) &&
         CBB_add_asn1(&certificate, &bits, CBS_ASN1_BITSTRING) &&
         CBB_add_u8(&bits, 0) &&  // no unused bits
         CBB_add_bytes(&bits, signature, signature_len) && CBB_flush(out);
}

static bool write_certificate(const struct fields *fields, EVP_PKEY *key,
                              uint8_t **out_der, size_t *out_len) {
  CBB cbb;
  CBB_zero(&cbb);
  bool ok = CBB_init(&cbb, 768) && write_signed(&cbb, fields, key) &&
            CBB_finish(&cbb, out_der, out_len);
  CBB_cleanup(&cbb);
  return ok;
}

bool certificate_public_key_of(struct certificate_public_key *out,
                               const EVP_PKEY *key) {
  size_t len;
  CBB cbb;
  bool ok = CBB_init_fixed(&cbb, out->spki, sizeof(out->spki)) &&
            EVP_marshal_public_key(&cbb, key);
  return finish_fixed(&cbb, ok, &len) && len == sizeof(out->spki) &&
         key_id_of(key, out->id);
}

// write_root_name tells CAs apart that one machine makes on one day by a random
// dnQualifier, which is what that attribute is for.
static bool write_root_name(const char *label, uint8_t *buffer, size_t size,
                            CBS *out) {
  uint32_t random;
  char qualifier[16];
  RAND_bytes((uint8_t *)&random, sizeof(random));
  snprintf(qualifier, sizeof(qualifier), "%08x", (unsigned)random);
  CBB cbb, name;
  bool ok =
      CBB_init_fixed(&cbb, buffer, size) &&
      CBB_add_asn1(&cbb, &name, CBS_ASN1_SEQUENCE) &&
      add_attribute(&name, kOrganization, CBS_ASN1_UTF8STRING, "echproxy") &&
      add_attribute(&name, kDnQualifier, CBS_ASN1_PRINTABLESTRING, qualifier) &&
      add_attribute(&name, kCommonName, CBS_ASN1_UTF8STRING, label);
  return finish_fixed_cbs(&cbb, ok, buffer, out);
}

static bool write_root_extensions(const struct certificate_public_key *key,
                                  uint8_t *buffer, size_t size, CBS *out) {
  CBS own_id;
  CBS_init(&own_id, key->id, sizeof(key->id));
  CBB cbb;
  bool ok = CBB_init_fixed(&cbb, buffer, size) &&
            add_extension(&cbb, kBasicConstraints, true, kCaPathZero,
                          sizeof(kCaPathZero)) &&
            add_extension(&cbb, kKeyUsage, true, kKeyCertSign,
                          sizeof(kKeyCertSign)) &&
            add_extension(&cbb, kExtKeyUsage, false, kServerAuth,
                          sizeof(kServerAuth)) &&
            add_subject_key_id(&cbb, key) &&
            add_authority_key_id(&cbb, &own_id);
  return finish_fixed_cbs(&cbb, ok, buffer, out);
}

bool certificate_write_root(EVP_PKEY *key, const char *label,
                            struct certificate_period period, uint8_t **out_der,
                            size_t *out_len) {
  uint8_t name[256];
  uint8_t extensions[256];
  struct certificate_public_key public_key;
  struct fields fields = {.subject_key = &public_key, .period = period};
  if (!certificate_public_key_of(&public_key, key) ||
      !write_root_name(label, name, sizeof(name), &fields.subject) ||
      !write_root_extensions(&public_key, extensions, sizeof(extensions),
                             &fields.extensions)) {
    return false;
  }
  fields.issuer = fields.subject;
  return write_certificate(&fields, key, out_der, out_len);
}

static bool write_leaf_extensions(const struct certificate_issuer *issuer,
                                  const struct certificate_host *host,
                                  const struct certificate_public_key *key,
                                  uint8_t *buffer, size_t size, CBS *out) {
  CBB cbb;
  bool ok = CBB_init_fixed(&cbb, buffer, size) &&
            add_extension(&cbb, kKeyUsage, true, kDigitalSignature,
                          sizeof(kDigitalSignature)) &&
            add_extension(&cbb, kExtKeyUsage, false, kServerAuth,
                          sizeof(kServerAuth)) &&
            add_subject_key_id(&cbb, key) &&
            add_authority_key_id(&cbb, &issuer->key_id) &&
            add_subject_alt_name(&cbb, host);
  return finish_fixed_cbs(&cbb, ok, buffer, out);
}

static struct certificate_period overlap(struct certificate_period a,
                                         struct certificate_period b) {
  return (struct certificate_period){
      .not_before = a.not_before > b.not_before ? a.not_before : b.not_before,
      .not_after = a.not_after < b.not_after ? a.not_after : b.not_after,
  };
}

bool certificate_write_leaf(const struct certificate_issuer *issuer,
                            const struct certificate_host *host,
                            const struct certificate_public_key *key,
                            struct certificate_period period, uint8_t **out_der,
                            size_t *out_len) {
  static const uint8_t kEmptyName[] = {0x30, 0x00};
  uint8_t extensions[512];
  struct fields fields = {
      .issuer = issuer->name,
      .subject_key = key,
      .period = overlap(period, issuer->period),
  };
  CBS_init(&fields.subject, kEmptyName, sizeof(kEmptyName));
  return write_leaf_extensions(issuer, host, key, extensions,
                               sizeof(extensions), &fields.extensions) &&
         write_certificate(&fields, issuer->key, out_der, out_len);
}
