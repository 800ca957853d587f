#include "ech/origin_session.h"

#include <stdlib.h>

#include "ech/ech_offer.h"
#include "ech/site_verifier.h"
#include "ech/ticket_cache.h"

SSL_CTX *origin_context_new(void) {
  // Without X509: certificates are parsed when there is something to verify.
  SSL_CTX *ctx = SSL_CTX_new(TLS_with_buffers_method());
  if (ctx == NULL) {
    abort();
  }
  // The outer hello offers TLS 1.2 too, as browsers do, so that a server that
  // has switched ECH off together with TLS 1.3 can say so (RFC 9849, section
  // 6.1.6). The inner one never does.
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION);
  site_verifier_enable(ctx);
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

static bool set_identity(SSL *ssl, const struct origin_identity *identity) {
  return SSL_set_chain_and_key(ssl, identity->chain, identity->chain_len,
                               identity->key, NULL) == 1;
}

SSL *origin_session_new(SSL_CTX *ctx, const struct origin_session_spec *spec) {
  SSL *ssl = SSL_new(ctx);
  if (ssl == NULL) {
    abort();
  }
  if (!site_verifier_attach(spec->verifier, ssl, spec->host) ||
      (spec->ech != NULL &&
       !ech_offer_set(ssl, spec->host, spec->ech, spec->ech_len)) ||
      (spec->alpn_len > 0 &&
       SSL_set_alpn_protos(ssl, spec->alpn, (unsigned)spec->alpn_len) != 0) ||
      (spec->identity != NULL && !set_identity(ssl, spec->identity))) {
    SSL_free(ssl);
    return NULL;
  }
  return ssl;
}
