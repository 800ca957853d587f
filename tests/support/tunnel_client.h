// tunnel_client is a browser's side of a tunnel, byte by byte, for what curl
// does not do. All of it blocks.

#ifndef ECHPROXY_TESTS_SUPPORT_TUNNEL_CLIENT_H
#define ECHPROXY_TESTS_SUPPORT_TUNNEL_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

// tunnel_client_connect asks the proxy on `proxy_port` for `host`:`port` with
// CONNECT and returns the socket after its 200, or -1.
int tunnel_client_connect(uint16_t proxy_port, const char *host, uint16_t port);

// tunnel_client_connect_as does so with `credentials`, which is the base64 of
// NAME:PASSWORD.
int tunnel_client_connect_as(uint16_t proxy_port, const char *host,
                             uint16_t port, const char *credentials);

// tunnel_client_context makes a context for clients that verify their site with
// the certificates in the file `ca_path`. Released with SSL_CTX_free.
SSL_CTX *tunnel_client_context(const char *ca_path);

// tunnel_client_tls makes a TLS session for `host` over `fd`, which it takes;
// NULL when that fails. Released with tunnel_client_close.
SSL *tunnel_client_tls(SSL_CTX *ctx, int fd, const char *host);
void tunnel_client_close(SSL *ssl);

// tunnel_client_send sends `len` bytes of 'x'; with a NULL `ssl`, on `fd`.
bool tunnel_client_send(SSL *ssl, int fd, size_t len);

// tunnel_client_echoes sends as many and says whether as many come back.
bool tunnel_client_echoes(SSL *ssl, size_t len);

// tunnel_client_count reads until the peer has ended its direction and returns
// how many bytes there were, or -1 when it ended in any other way.
ssize_t tunnel_client_count(SSL *ssl, int fd);

#endif
