#include "keys/ech_pkcs8.h"

#include <criterion/criterion.h>
#include <openssl/mem.h>
#include <string.h>

#include "keys/hpke_names.h"
#include "keys/support.h"
#include "support/hex.h"
#include "support/mutate.h"

// An X25519 key as RFC 8410 has it, and as NSS writes it.
static const char kX25519[] =
    "30 2e 02 01 00 30 05 06 03 2b 65 6e 04 22 04 20"
    "77 07 6d 0a 73 18 a5 7d 3c 16 c1 72 51 b2 66 45"
    "df 4c 2f 92 eb c0 99 2a c1 77 fb a5 1d b9 2c 2a";
static const char kNss[] =
    "30 67 02 01 00 30 14 06 07 2a 86 48 ce 3d 02 01 06 09 2b 06 01 04 01 da"
    "47 0f 01 04 4c 30 4a 02 01 01 04 20"
    "77 07 6d 0a 73 18 a5 7d 3c 16 c1 72 51 b2 66 45"
    "df 4c 2f 92 eb c0 99 2a c1 77 fb a5 1d b9 2c 2a"
    "a1 23 03 21 00"
    "f8 a9 53 5a 2d 2f f6 05 e8 e1 44 d5 4f 4e f5 c6"
    "23 13 a2 05 5d bb 21 fd dd 3f d9 c2 99 eb 01 5d";
enum { kNssPublicKeyAt = 73, kMaxDer = 256 };

// The private key in both.
static const char kKey[] =
    "77 07 6d 0a 73 18 a5 7d 3c 16 c1 72 51 b2 66 45"
    "df 4c 2f 92 eb c0 99 2a c1 77 fb a5 1d b9 2c 2a";

static void expect_key(const char *der_hex, uint16_t kem_id,
                       const char *key_hex) {
  uint8_t der[kMaxDer], wanted[32], key[kEchPkcs8KeyLen];
  uint16_t found;
  size_t len = hex_decode(der, sizeof(der), der_hex);
  hex_decode(wanted, sizeof(wanted), key_hex);
  cr_assert(ech_pkcs8_read(&found, key, der, len));
  cr_assert_eq(found, kem_id);
  cr_assert_arr_eq(key, wanted, sizeof(key));
}

Test(ech_pkcs8, reads_the_forms_of_rfc_8410_and_of_nss) {
  expect_key(kX25519, kHpkeKemX25519, kKey);
  expect_key(kNss, kHpkeKemX25519, kKey);
}

Test(ech_pkcs8, writes_what_it_reads) {
  uint8_t der[kMaxDer], key[32], *written;
  size_t len, written_len;
  hex_decode(key, sizeof(key), kKey);
  for (int nss = 0; nss < 2; nss++) {
    CBB cbb;
    len = hex_decode(der, sizeof(der), nss ? kNss : kX25519);
    cr_assert(CBB_init(&cbb, 64));
    cr_assert(nss ? ech_pkcs8_write_nss(&cbb, key)
                  : ech_pkcs8_write(&cbb, kHpkeKemX25519, key));
    cr_assert(CBB_finish(&cbb, &written, &written_len));
    cr_assert_eq(written_len, len);
    cr_assert_arr_eq(written, der, len);
    OPENSSL_free(written);
  }
  cr_assert(no_leaks());
}

// P-256 is read with every BoringSSL: an OpenSSL 4 server may have such a key.
Test(ech_pkcs8, reads_and_writes_p256) {
  uint8_t key[32] = {0}, again[32], *der;
  uint16_t kem_id;
  size_t len;
  CBB cbb;
  key[31] = 7;
  cr_assert(CBB_init(&cbb, 64) && ech_pkcs8_write(&cbb, kHpkeKemP256, key) &&
            CBB_finish(&cbb, &der, &len));
  cr_assert(ech_pkcs8_read(&kem_id, again, der, len));
  cr_assert_eq(kem_id, kHpkeKemP256);
  cr_assert_arr_eq(again, key, sizeof(key));
  OPENSSL_free(der);
  cr_assert(CBB_init(&cbb, 64));
  cr_assert_not(ech_pkcs8_write(&cbb, 0x0021, key), "X448");
  key[31] = 0;
  cr_assert_not(ech_pkcs8_write(&cbb, kHpkeKemP256, key), "no scalar");
  CBB_cleanup(&cbb);
  cr_assert(no_leaks());
}

// selfserv would start with it, and decrypt nothing.
Test(ech_pkcs8, refuses_a_public_key_that_is_not_the_private_key_s) {
  uint8_t der[kMaxDer], key[kEchPkcs8KeyLen];
  uint16_t kem_id;
  size_t len = hex_decode(der, sizeof(der), kNss);
  for (size_t i = 0; i < 32; i++) {
    der[kNssPublicKeyAt + i] ^= 1;
    cr_assert_not(ech_pkcs8_read(&kem_id, key, der, len), "%zu", i);
    der[kNssPublicKeyAt + i] ^= 1;
  }
  cr_assert(ech_pkcs8_read(&kem_id, key, der, len));
}

static void refuses(void *owner, const uint8_t *der, size_t len) {
  uint8_t key[kEchPkcs8KeyLen];
  uint16_t kem_id;
  (void)owner;
  cr_assert_not(ech_pkcs8_read(&kem_id, key, der, len));
}

Test(ech_pkcs8, refuses_any_truncation) {
  uint8_t der[kMaxDer];
  size_t len = hex_decode(der, sizeof(der), kX25519);
  mutate_truncate(der, len, refuses, NULL);
  refuses(NULL, der, len + 1);
  len = hex_decode(der, sizeof(der), kNss);
  mutate_truncate(der, len, refuses, NULL);
  refuses(NULL, der, len + 1);
  cr_assert(no_leaks());
}
