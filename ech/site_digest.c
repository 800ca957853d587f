#include "ech/site_digest.h"

#include <string.h>

void site_digest_make(struct site_digest *out, const char *host, uint16_t port,
                      const uint8_t *scope, size_t scope_len) {
  const uint8_t port_bytes[2] = {(uint8_t)(port >> 8), (uint8_t)port};
  uint8_t scope_digest[SHA256_DIGEST_LENGTH];
  SHA256_CTX sha;
  SHA256(scope, scope_len, scope_digest);
  SHA256_Init(&sha);
  SHA256_Update(&sha, port_bytes, sizeof port_bytes);
  SHA256_Update(&sha, scope_digest, sizeof scope_digest);
  SHA256_Update(&sha, host, strlen(host));
  SHA256_Final(out->bytes, &sha);
}
