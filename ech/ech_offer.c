#include "ech/ech_offer.h"

#include <openssl/err.h>

#include "ech/config_list.h"
#include "net/xalloc.h"

bool ech_offer_set(SSL *ssl, const char *host, const uint8_t *list,
                   size_t len) {
  struct ech_config_entry entry;
  uint8_t *narrow = xmemdup(list, len);
  size_t narrow_len = 0;
  bool ok = ech_config_list_narrow(narrow, &narrow_len, list, len) &&
            ech_config_list_hides(narrow, narrow_len, host, &entry) &&
            SSL_set1_ech_config_list(ssl, narrow, narrow_len) == 1;
  free(narrow);
  return ok;
}

bool ech_offer_was_rejected(const struct tls_error *error) {
  return ERR_GET_LIB(error->ssl_err) == ERR_LIB_SSL &&
         ERR_GET_REASON(error->ssl_err) == SSL_R_ECH_REJECTED;
}
