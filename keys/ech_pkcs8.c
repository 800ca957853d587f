#include "keys/ech_pkcs8.h"

#include <openssl/bn.h>
#include <openssl/curve25519.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>

#include "keys/hpke_names.h"

// The DER of id-ecPublicKey (1.2.840.10045.2.1) and of the name that NSS gives
// to curve25519 (1.3.6.1.4.1.11591.15.1).
static const uint8_t kEcPublicKey[] = {0x2a, 0x86, 0x48, 0xce,
                                       0x3d, 0x02, 0x01};
static const uint8_t kCurve25519[] = {0x2b, 0x06, 0x01, 0x04, 0x01,
                                      0xda, 0x47, 0x0f, 0x01};
static const unsigned kPublicKeyTag =
    CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 1;

static bool is_oid(CBS *cbs, const uint8_t *oid, size_t len) {
  CBS child;
  return CBS_get_asn1(cbs, &child, CBS_ASN1_OBJECT) &&
         CBS_mem_equal(&child, oid, len);
}

// read_ec_private_key reads NSS's ECPrivateKey (RFC 5915, section 3), in which
// the public key is, and checks that this is the private key's.
static bool read_ec_private_key(uint8_t out[kEchPkcs8KeyLen], CBS octets) {
  CBS seq, private_key, tagged, bits;
  uint64_t version;
  uint8_t unused_bits, public_key[X25519_PUBLIC_VALUE_LEN];
  if (!CBS_get_asn1(&octets, &seq, CBS_ASN1_SEQUENCE) ||
      CBS_len(&octets) != 0 || !CBS_get_asn1_uint64(&seq, &version) ||
      version != 1 || !CBS_get_asn1(&seq, &private_key, CBS_ASN1_OCTETSTRING) ||
      CBS_len(&private_key) != kEchPkcs8KeyLen ||
      !CBS_get_asn1(&seq, &tagged, kPublicKeyTag) || CBS_len(&seq) != 0 ||
      !CBS_get_asn1(&tagged, &bits, CBS_ASN1_BITSTRING) ||
      CBS_len(&tagged) != 0 || !CBS_get_u8(&bits, &unused_bits) ||
      unused_bits != 0 || !CBS_copy_bytes(&private_key, out, kEchPkcs8KeyLen)) {
    return false;
  }
  X25519_public_from_private(public_key, out);
  return CBS_mem_equal(&bits, public_key, sizeof(public_key));
}

static bool read_nss(uint8_t out[kEchPkcs8KeyLen], CBS der) {
  CBS info, algorithm, key;
  uint64_t version;
  return CBS_get_asn1(&der, &info, CBS_ASN1_SEQUENCE) && CBS_len(&der) == 0 &&
         CBS_get_asn1_uint64(&info, &version) && version == 0 &&
         CBS_get_asn1(&info, &algorithm, CBS_ASN1_SEQUENCE) &&
         is_oid(&algorithm, kEcPublicKey, sizeof(kEcPublicKey)) &&
         is_oid(&algorithm, kCurve25519, sizeof(kCurve25519)) &&
         CBS_len(&algorithm) == 0 &&
         CBS_get_asn1(&info, &key, CBS_ASN1_OCTETSTRING) &&
         CBS_len(&info) == 0 && read_ec_private_key(out, key);
}

static bool get_p256_scalar(uint8_t out[kEchPkcs8KeyLen],
                            const EVP_PKEY *pkey) {
  const EC_KEY *ec = EVP_PKEY_get0_EC_KEY(pkey);
  return ec != NULL &&
         EC_GROUP_get_curve_name(EC_KEY_get0_group(ec)) ==
             NID_X9_62_prime256v1 &&
         BN_bn2bin_padded(out, kEchPkcs8KeyLen, EC_KEY_get0_private_key(ec));
}

// read_standard reads what BoringSSL knows as PKCS#8.
static bool read_standard(uint16_t *out_kem_id, uint8_t out[kEchPkcs8KeyLen],
                          CBS der) {
  EVP_PKEY *pkey = EVP_parse_private_key(&der);
  size_t len = kEchPkcs8KeyLen;
  bool ok = false;
  if (pkey == NULL || CBS_len(&der) != 0) {
    goto done;
  }
  switch (EVP_PKEY_id(pkey)) {
    case EVP_PKEY_X25519:
      *out_kem_id = kHpkeKemX25519;
      ok = EVP_PKEY_get_raw_private_key(pkey, out, &len);
      break;
    case EVP_PKEY_EC:
      *out_kem_id = kHpkeKemP256;
      ok = get_p256_scalar(out, pkey);
      break;
    default:
      break;
  }

done:
  EVP_PKEY_free(pkey);
  ERR_clear_error();
  return ok;
}

bool ech_pkcs8_read(uint16_t *out_kem_id, uint8_t out[kEchPkcs8KeyLen],
                    const uint8_t *der, size_t len) {
  CBS cbs;
  CBS_init(&cbs, der, len);
  if (read_nss(out, cbs)) {
    *out_kem_id = kHpkeKemX25519;
    return true;
  }
  return read_standard(out_kem_id, out, cbs);
}

static EVP_PKEY *new_x25519(const uint8_t key[kEchPkcs8KeyLen]) {
  return EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, key,
                                      kEchPkcs8KeyLen);
}

// set_p256 sets the scalar and the point that belongs to it.
static bool set_p256(EC_KEY *ec, const uint8_t key[kEchPkcs8KeyLen]) {
  const EC_GROUP *group = EC_KEY_get0_group(ec);
  BIGNUM *scalar = BN_bin2bn(key, kEchPkcs8KeyLen, NULL);
  EC_POINT *point = EC_POINT_new(group);
  bool ok = scalar != NULL && point != NULL &&
            EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) &&
            EC_KEY_set_private_key(ec, scalar) &&
            EC_KEY_set_public_key(ec, point);
  EC_POINT_free(point);
  BN_clear_free(scalar);
  return ok;
}

static EVP_PKEY *new_p256(const uint8_t key[kEchPkcs8KeyLen]) {
  EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  EVP_PKEY *pkey = EVP_PKEY_new();
  bool ok = ec != NULL && pkey != NULL && set_p256(ec, key) &&
            EVP_PKEY_set1_EC_KEY(pkey, ec);
  EC_KEY_free(ec);
  if (!ok) {
    EVP_PKEY_free(pkey);
    pkey = NULL;
  }
  return pkey;
}

bool ech_pkcs8_write(CBB *out, uint16_t kem_id,
                     const uint8_t key[kEchPkcs8KeyLen]) {
  EVP_PKEY *pkey = NULL;
  if (kem_id == kHpkeKemX25519) {
    pkey = new_x25519(key);
  } else if (kem_id == kHpkeKemP256) {
    pkey = new_p256(key);
  }
  bool ok = pkey != NULL && EVP_marshal_private_key(out, pkey);
  EVP_PKEY_free(pkey);
  return ok;
}

static bool add_oid(CBB *cbb, const uint8_t *oid, size_t len) {
  CBB child;
  return CBB_add_asn1(cbb, &child, CBS_ASN1_OBJECT) &&
         CBB_add_bytes(&child, oid, len) && CBB_flush(cbb);
}

static bool add_ec_private_key(CBB *cbb, const uint8_t key[kEchPkcs8KeyLen]) {
  CBB seq, octets, tagged, bits;
  uint8_t public_key[X25519_PUBLIC_VALUE_LEN];
  X25519_public_from_private(public_key, key);
  return CBB_add_asn1(cbb, &seq, CBS_ASN1_SEQUENCE) &&
         CBB_add_asn1_uint64(&seq, 1) &&
         CBB_add_asn1(&seq, &octets, CBS_ASN1_OCTETSTRING) &&
         CBB_add_bytes(&octets, key, kEchPkcs8KeyLen) &&
         CBB_add_asn1(&seq, &tagged, kPublicKeyTag) &&
         CBB_add_asn1(&tagged, &bits, CBS_ASN1_BITSTRING) &&
         CBB_add_u8(&bits, 0) &&
         CBB_add_bytes(&bits, public_key, sizeof(public_key)) && CBB_flush(cbb);
}

bool ech_pkcs8_write_nss(CBB *out, const uint8_t key[kEchPkcs8KeyLen]) {
  CBB info, algorithm, octets;
  return CBB_add_asn1(out, &info, CBS_ASN1_SEQUENCE) &&
         CBB_add_asn1_uint64(&info, 0) &&
         CBB_add_asn1(&info, &algorithm, CBS_ASN1_SEQUENCE) &&
         add_oid(&algorithm, kEcPublicKey, sizeof(kEcPublicKey)) &&
         add_oid(&algorithm, kCurve25519, sizeof(kCurve25519)) &&
         CBB_add_asn1(&info, &octets, CBS_ASN1_OCTETSTRING) &&
         add_ec_private_key(&octets, key) && CBB_flush(out);
}
