// tls makes the contexts of the bench's programs: servers with one certificate,
// and clients that may verify, offer ECH and resume.

#ifndef ECHPROXY_TESTS_BENCH_TLS_H
#define ECHPROXY_TESTS_BENCH_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

// tls_server_new returns a context that speaks TLS 1.3, and 1.2 to who has no
// more, with the chain and the key in these PEM files, and `alpn` (NULL: none)
// when it is offered. `ech_key_path`, NULL or an RFC 9934 file, lets it accept
// ECH. Every error ends the program. Released with SSL_CTX_free; `alpn` is
// borrowed.
SSL_CTX *tls_server_new(const char *cert_path, const char *key_path,
                        const char *alpn, const char *ech_key_path,
                        bool tickets);

// tls_set_groups leaves `ctx` with these groups (`X25519:P-256`) in place of
// BoringSSL's own choice, which has X25519MLKEM768 where BoringSSL has it. NULL
// changes nothing. An unknown group ends the program.
void tls_set_groups(SSL_CTX *ctx, const char *groups);

// tls_client is what makes client sessions: TLS 1.3, a context without X509
// objects, as small as a session can be.
struct tls_client;

// tls_client_new: with `ca_path`, each chain and its name are verified anew;
// with NULL none is, though the handshake's signature always is. `ech_path` is
// NULL or a file that holds an ECHConfigList, as it is or in a PEM block
// ECHCONFIG. With `resume` the latest ticket for each name is used, over and
// over. `alpn` is NULL or one protocol.
struct tls_client *tls_client_new(const char *ca_path, const char *ech_path,
                                  const char *alpn, bool resume);

// tls_client_context returns the context, borrowed while `client` lives.
SSL_CTX *tls_client_context(struct tls_client *client);

// tls_client_allow_tls12 lets sessions from now on offer TLS 1.2 too, for a
// proxy that has no more.
void tls_client_allow_tls12(struct tls_client *client);

// tls_client_free releases it. NULL does nothing.
void tls_client_free(struct tls_client *client);

// tls_client_session returns a new session for `name`, for conn_start_tls.
SSL *tls_client_session(struct tls_client *client, const char *name);

// tls_client_agrees says whether a finished handshake has ECH accepted, when
// `client` offers it.
bool tls_client_agrees(const struct tls_client *client, const SSL *ssl);

#endif
