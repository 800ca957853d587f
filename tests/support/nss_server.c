#include "support/nss_server.h"

#include <criterion/criterion.h>
#include <openssl/base64.h>
#include <openssl/bytestring.h>
#include <openssl/curve25519.h>
#include <openssl/mem.h>
#include <openssl/pkcs8.h>

#include "support/loopback.h"

static const char kPassword[] = "test";

// The DER of id-ecPublicKey (1.2.840.10045.2.1) and of the name that NSS gives
// to curve25519 (1.3.6.1.4.1.11591.15.1).
static const uint8_t kEcPublicKey[] = {0x2a, 0x86, 0x48, 0xce,
                                       0x3d, 0x02, 0x01};
static const uint8_t kCurve25519[] = {0x2b, 0x06, 0x01, 0x04, 0x01,
                                      0xda, 0x47, 0x0f, 0x01};

static bool add_oid(CBB *cbb, const uint8_t *oid, size_t len) {
  CBB child;
  return CBB_add_asn1(cbb, &child, CBS_ASN1_OBJECT) &&
         CBB_add_bytes(&child, oid, len) && CBB_flush(cbb);
}

// ECPrivateKey (RFC 5915, section 3): NSS wants the public key in it.
static bool add_ec_private_key(CBB *cbb, const uint8_t private_key[32]) {
  CBB seq, octets, tagged, bits;
  uint8_t public_key[32];
  X25519_public_from_private(public_key, private_key);
  return CBB_add_asn1(cbb, &seq, CBS_ASN1_SEQUENCE) &&
         CBB_add_asn1_uint64(&seq, 1) &&
         CBB_add_asn1(&seq, &octets, CBS_ASN1_OCTETSTRING) &&
         CBB_add_bytes(&octets, private_key, 32) &&
         CBB_add_asn1(&seq, &tagged,
                      CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 1) &&
         CBB_add_asn1(&tagged, &bits, CBS_ASN1_BITSTRING) &&
         CBB_add_u8(&bits, 0) && CBB_add_bytes(&bits, public_key, 32) &&
         CBB_flush(cbb);
}

// PrivateKeyInfo (RFC 5208, section 5) as NSS writes it for an X25519 key.
static bool add_pkcs8(CBB *cbb, const uint8_t private_key[32]) {
  CBB info, algorithm, key;
  return CBB_add_asn1(cbb, &info, CBS_ASN1_SEQUENCE) &&
         CBB_add_asn1_uint64(&info, 0) &&
         CBB_add_asn1(&info, &algorithm, CBS_ASN1_SEQUENCE) &&
         add_oid(&algorithm, kEcPublicKey, sizeof(kEcPublicKey)) &&
         add_oid(&algorithm, kCurve25519, sizeof(kCurve25519)) &&
         CBB_add_asn1(&info, &key, CBS_ASN1_OCTETSTRING) &&
         add_ec_private_key(&key, private_key) && CBB_flush(cbb);
}

// What selfserv's -X takes: u16 length, PKCS#8 key, ECHConfigList; in base64.
static const char *ech_params(struct scratch *scratch,
                              const struct ech_key *key) {
  uint8_t private_key[32];
  ech_key_private(key, private_key);
  size_t list_len;
  const uint8_t *list = ech_key_config_list(key, &list_len);
  uint8_t bytes[1024];
  uint8_t text[2048];
  size_t len = 0;
  CBB cbb, pkcs8;
  cr_assert(CBB_init_fixed(&cbb, bytes, sizeof(bytes)) &&
            CBB_add_u16_length_prefixed(&cbb, &pkcs8) &&
            add_pkcs8(&pkcs8, private_key) && CBB_flush(&cbb) &&
            CBB_add_bytes(&cbb, list, list_len) &&
            CBB_finish(&cbb, NULL, &len));
  EVP_EncodeBlock(text, bytes, len);
  return scratch_format(scratch, "%s", (const char *)text);
}

static const char *write_pkcs12(struct scratch *scratch, const char *nickname,
                                const struct test_cert *cert) {
  PKCS12 *p12 = PKCS12_create(kPassword, nickname, cert->key, cert->cert, NULL,
                              0, 0, 0, 0, 0);
  uint8_t *der = NULL;
  int len = i2d_PKCS12(p12, &der);
  cr_assert_gt(len, 0);
  const char *path = scratch_write(scratch, "site.p12", der, (size_t)len);
  OPENSSL_free(der);
  PKCS12_free(p12);
  return path;
}

static const char *make_database(struct scratch *scratch, const char *nickname,
                                 const struct test_cert *cert) {
  const char *db =
      scratch_format(scratch, "sql:%s", scratch_dir(scratch, "nss"));
  const char *p12 = write_pkcs12(scratch, nickname, cert);
  program_must((const char *const[]){"certutil", "-N", "--empty-password", "-d",
                                     db, NULL});
  program_must((const char *const[]){"pk12util", "-i", p12, "-d", db, "-W",
                                     kPassword, "-K", "", NULL});
  return db;
}

// start runs selfserv with the certificate called `nickname`. `-a NAME` has it
// take the certificate of that nickname for hellos with that name.
static struct peer *start(struct scratch *scratch, uint16_t *out_port,
                          const struct test_cert *cert,
                          const struct ech_key *key, const char *nickname,
                          const char *only_name) {
  *out_port = loopback_free_port();
  const char *const argv[] = {
      "selfserv",
      "-d",
      make_database(scratch, nickname, cert),
      "-n",
      nickname,
      "-p",
      scratch_format(scratch, "%u", *out_port),
      "-V",
      "tls1.2:tls1.3",
      "-H",
      "1",
      "-Q",
      "-X",
      ech_params(scratch, key),
      only_name == NULL ? NULL : "-v",
      "-a",
      only_name,
      NULL,
  };
  struct peer *peer = peer_start(argv, NULL);
  cr_assert(loopback_wait_for(*out_port), "selfserv: %s", peer_output(peer));
  return peer;
}

struct peer *nss_server_start(struct scratch *scratch, uint16_t *out_port,
                              const struct test_cert *cert,
                              const struct ech_key *key) {
  return start(scratch, out_port, cert, key, "site", NULL);
}

struct peer *nss_server_start_for(struct scratch *scratch, uint16_t *out_port,
                                  const struct test_cert *cert,
                                  const struct ech_key *key, const char *name) {
  return start(scratch, out_port, cert, key, name, name);
}
