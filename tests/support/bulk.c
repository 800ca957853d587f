#include "support/bulk.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kBlock = 65536 };

static void write_number(uint8_t *out, uint32_t number) {
  for (int i = 0; i < 4; i++) {
    out[i] = (uint8_t)(number >> (24 - 8 * i));
  }
}

uint8_t *bulk_new(void) {
  uint8_t *bulk = malloc(kBulkSize);
  if (bulk == NULL) {
    abort();
  }
  for (uint32_t i = 0; i < kBlock; i++) {
    bulk[i] = (uint8_t)(i * 167 + (i >> 8) * 13);
  }
  write_number(bulk, 0);
  for (uint32_t number = 1; number < kBulkSize / kBlock; number++) {
    uint8_t *block = bulk + (size_t)number * kBlock;
    memcpy(block, bulk, kBlock);
    write_number(block, number);
  }
  return bulk;
}

const char *bulk_hash(char out[65], const void *data, size_t len) {
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(data, len, digest);
  for (size_t i = 0; i < sizeof(digest); i++) {
    snprintf(out + 2 * i, 3, "%02x", digest[i]);
  }
  return out;
}
