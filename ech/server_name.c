#include "ech/server_name.h"

#include <openssl/x509v3.h>

#include "net/address.h"

bool server_name_require(SSL *ssl, const char *host) {
  struct address address;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                             X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (address_from_ip(&address, host, 0)) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
  }
  return SSL_set1_host(ssl, host) == 1 &&
         SSL_set_tlsext_host_name(ssl, host) == 1;
}
