#include "ech/origin_session.h"

#include <openssl/x509v3.h>
#include <strings.h>

#include "ech/config_list.h"
#include "ech/ticket_cache.h"
#include "net/address.h"
#include "net/xalloc.h"

SSL_CTX *origin_context_new(X509_STORE *trust) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  if (ctx == NULL) {
    abort();
  }
  // The outer hello offers TLS 1.2 too, as browsers do, so that a server that
  // has switched ECH off together with TLS 1.3 can say so (RFC 9849, section
  // 6.1.6). The inner one never does.
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION);
  X509_STORE_up_ref(trust);
  SSL_CTX_set_cert_store(ctx, trust);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  // Early data, which could be replayed (RFC 8446, section 8), is off unless
  // asked for.
  ticket_cache_enable(ctx);
  // As Chromium's hellos, which ours then resemble.
  SSL_CTX_set_grease_enabled(ctx, 1);
  SSL_CTX_set_permute_extensions(ctx, 1);
  SSL_CTX_enable_ocsp_stapling(ctx);
  SSL_CTX_enable_signed_cert_timestamps(ctx);
  return ctx;
}

// set_name makes `ssl` ask for the host and accept its certificate only. While
// ECH is rejected, BoringSSL verifies for the public name instead.
static bool set_name(SSL *ssl, const char *host) {
  struct address address;
  if (address_from_ip(&address, host, 0)) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
  }
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                             X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return SSL_set1_host(ssl, host) == 1 &&
         SSL_set_tlsext_host_name(ssl, host) == 1;
}

// set_ech offers the configuration that is to be used, and nothing but that: a
// list in which nothing is supported is success for SSL_set1_ech_config_list,
// and a hello in the clear follows. Nor may the public name be the host's own:
// that would be just as clear, whoever published it.
static bool set_ech(SSL *ssl, const struct origin_session_spec *spec) {
  struct ech_config_entry entry;
  uint8_t *list = xmemdup(spec->ech, spec->ech_len);
  size_t list_len = 0;
  bool ok = ech_config_list_narrow(list, &list_len, spec->ech, spec->ech_len) &&
            ech_config_list_usable(list, list_len, &entry) &&
            strcasecmp(entry.public_name, spec->host) != 0 &&
            SSL_set1_ech_config_list(ssl, list, list_len) == 1;
  free(list);
  return ok;
}

static bool set_identity(SSL *ssl, const struct origin_identity *identity) {
  return SSL_set_chain_and_key(ssl, identity->chain, identity->chain_len,
                               identity->key, NULL) == 1;
}

SSL *origin_session_new(SSL_CTX *ctx, const struct origin_session_spec *spec) {
  SSL *ssl = SSL_new(ctx);
  if (ssl == NULL) {
    abort();
  }
  if (!set_name(ssl, spec->host) ||
      (spec->ech != NULL && !set_ech(ssl, spec)) ||
      (spec->alpn_len > 0 &&
       SSL_set_alpn_protos(ssl, spec->alpn, (unsigned)spec->alpn_len) != 0) ||
      (spec->identity != NULL && !set_identity(ssl, spec->identity))) {
    SSL_free(ssl);
    return NULL;
  }
  return ssl;
}
