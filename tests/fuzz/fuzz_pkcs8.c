// Private keys as PKCS#8. One that was read is written and read again.

#include <openssl/mem.h>

#include "fuzz/fuzz.h"
#include "keys/ech_pkcs8.h"
#include "keys/hpke_names.h"

static void check_written(uint16_t kem_id, const uint8_t key[kEchPkcs8KeyLen],
                          bool as_nss) {
  uint8_t again[kEchPkcs8KeyLen];
  uint8_t *der = NULL;
  size_t len;
  uint16_t again_kem;
  CBB cbb;
  fuzz_require(CBB_init(&cbb, 128));
  fuzz_require(as_nss ? ech_pkcs8_write_nss(&cbb, key)
                      : ech_pkcs8_write(&cbb, kem_id, key));
  fuzz_require(CBB_finish(&cbb, &der, &len));
  fuzz_require(ech_pkcs8_read(&again_kem, again, der, len));
  fuzz_require(again_kem == kem_id);
  fuzz_require(memcmp(again, key, sizeof(again)) == 0);
  OPENSSL_free(der);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t key[kEchPkcs8KeyLen];
  uint16_t kem_id;
  if (ech_pkcs8_read(&kem_id, key, data, size)) {
    check_written(kem_id, key, false);
    if (kem_id == kHpkeKemX25519) {
      check_written(kem_id, key, true);
    }
  }
  return 0;
}
