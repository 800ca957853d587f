#include "ech/ech_offer.h"

#include <openssl/err.h>

#include "net/xalloc.h"

bool ech_offer_set(SSL *ssl, char out_public_name[kEchPublicNameSize],
                   const uint8_t *list, size_t len) {
  struct ech_config_entry entry;
  uint8_t *narrow = xmemdup(list, len);
  size_t narrow_len = 0;
  bool ok = ech_config_list_narrow(narrow, &narrow_len, list, len) &&
            ech_config_list_usable(narrow, narrow_len, &entry) &&
            SSL_set1_ech_config_list(ssl, narrow, narrow_len) == 1;
  if (ok) {
    memcpy(out_public_name, entry.public_name, sizeof(entry.public_name));
  }
  free(narrow);
  return ok;
}

bool ech_offer_was_rejected(const struct tls_error *error) {
  return ERR_GET_LIB(error->ssl_err) == ERR_LIB_SSL &&
         ERR_GET_REASON(error->ssl_err) == SSL_R_ECH_REJECTED;
}

enum ech_retry ech_offer_retry(const SSL *ssl, const uint8_t **out_list,
                               size_t *out_len) {
  struct ech_config_entry entry;
  SSL_get0_ech_retry_configs(ssl, out_list, out_len);
  if (*out_len == 0) {
    return ECH_RETRY_DISABLES;
  }
  if (ech_config_list_usable(*out_list, *out_len, &entry)) {
    return ECH_RETRY_REPLACES;
  }
  if (!ech_config_list_well_formed(*out_list, *out_len)) {
    return ECH_RETRY_UNUSABLE;
  }
  // Without any version that we know, ECH as we know it is switched off.
  size_t offset = 0;
  while (ech_config_list_next(*out_list, *out_len, &offset, &entry)) {
    if (entry.verdict != ECH_CONFIG_UNKNOWN_VERSION) {
      return ECH_RETRY_UNUSABLE;
    }
  }
  return ECH_RETRY_DISABLES;
}
