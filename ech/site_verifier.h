// site_verifier verifies the certificates of sites: for the host that was asked
// for, or, where ECH was rejected, for the public name (RFC 9849, section
// 6.1.7). BoringSSL hands it their octets. The signatures are checked only when
// the very same chain is not remembered as good, and the leaf's names are
// compared only when it is not remembered as good for the very same name
// (verified_chains.h, certificate_names.h). It is thread-safe.

#ifndef ECHPROXY_ECH_SITE_VERIFIER_H
#define ECHPROXY_ECH_SITE_VERIFIER_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct site_verifier;

// site_verifier_new verifies against `trust`, of which it keeps a reference and
// which must not change any more. Released with site_verifier_free, after the
// handshakes that it is attached to.
struct site_verifier *site_verifier_new(X509_STORE *trust);
void site_verifier_free(struct site_verifier *verifier);

// site_verifier_forget drops all that is remembered.
void site_verifier_forget(struct site_verifier *verifier);

// site_verifier_enable makes the clients of `ctx`, which is made with
// TLS_with_buffers_method, accept no certificate but by a verifier.
void site_verifier_enable(SSL_CTX *ctx);

// site_verifier_attach makes `ssl`, a client of such a context, ask for `host`
// and accept its certificates only. False when `host` is neither a DNS name nor
// an IP address.
bool site_verifier_attach(struct site_verifier *verifier, SSL *ssl,
                          const char *host);

// site_verifier_remembers says whether the certificates of `session` are known
// to be good, now, for the host that `ssl` asks for. Resuming a session skips
// their verification.
bool site_verifier_remembers(const SSL *ssl, const SSL_SESSION *session);

#endif
