#include "ech/server_name.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "net/address.h"

static const unsigned kHostFlags =
    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;

static bool is_address(const char *host) {
  struct address address;
  return address_from_ip(&address, host, 0);
}

bool server_name_ask(SSL *ssl, const char *host) {
  return is_address(host) || SSL_set_tlsext_host_name(ssl, host) == 1;
}

bool server_name_expect(X509_VERIFY_PARAM *param, const char *host) {
  X509_VERIFY_PARAM_set_hostflags(param, kHostFlags);
  return is_address(host)
             ? X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1
             : X509_VERIFY_PARAM_set1_host(param, host, strlen(host)) == 1;
}

bool server_name_require(SSL *ssl, const char *host) {
  return server_name_expect(SSL_get0_param(ssl), host) &&
         server_name_ask(ssl, host);
}
