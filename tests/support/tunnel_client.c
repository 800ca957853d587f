#include "support/tunnel_client.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/loopback.h"

enum { kChunk = 16384 };

// Asks with `fields`, lines of more fields.
static int connect_with(uint16_t proxy_port, const char *host, uint16_t port,
                        const char *fields) {
  char request[1024];
  char answer[512];
  size_t len = 0;
  int fd = loopback_connect(proxy_port);
  if (fd < 0) {
    return -1;
  }
  snprintf(request, sizeof(request),
           "CONNECT %s:%u HTTP/1.1\r\nHost: %s:%u\r\n%s\r\n", host, port, host,
           port, fields);
  bool ok = loopback_send(fd, request, strlen(request));
  while (ok && (len < 4 || memcmp(answer + len - 4, "\r\n\r\n", 4) != 0)) {
    ok = len < sizeof(answer) && loopback_recv(fd, answer + len, 1);
    len++;
  }
  if (!ok || strncmp(answer, "HTTP/1.1 200", 12) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

int tunnel_client_connect(uint16_t proxy_port, const char *host,
                          uint16_t port) {
  return connect_with(proxy_port, host, port, "");
}

int tunnel_client_connect_as(uint16_t proxy_port, const char *host,
                             uint16_t port, const char *credentials) {
  char fields[512];
  snprintf(fields, sizeof(fields), "Proxy-Authorization: Basic %s\r\n",
           credentials);
  return connect_with(proxy_port, host, port, fields);
}

SSL_CTX *tunnel_client_context(const char *ca_path) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  if (SSL_CTX_load_verify_locations(ctx, ca_path, NULL) != 1) {
    SSL_CTX_free(ctx);
    return NULL;
  }
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  return ctx;
}

SSL *tunnel_client_tls(SSL_CTX *ctx, int fd, const char *host) {
  SSL *ssl = SSL_new(ctx);
  SSL_set_tlsext_host_name(ssl, host);
  SSL_set1_host(ssl, host);
  SSL_set_fd(ssl, fd);
  if (SSL_connect(ssl) != 1) {
    tunnel_client_close(ssl);
    return NULL;
  }
  return ssl;
}

void tunnel_client_close(SSL *ssl) {
  close(SSL_get_fd(ssl));
  SSL_free(ssl);
}

bool tunnel_client_send(SSL *ssl, int fd, size_t len) {
  char chunk[kChunk];
  memset(chunk, 'x', sizeof(chunk));
  while (len > 0) {
    size_t now = len < sizeof(chunk) ? len : sizeof(chunk);
    bool ok = ssl == NULL ? loopback_send(fd, chunk, now)
                          : SSL_write(ssl, chunk, (int)now) == (int)now;
    if (!ok) {
      return false;
    }
    len -= now;
  }
  return true;
}

bool tunnel_client_echoes(SSL *ssl, size_t len) {
  char chunk[kChunk];
  bool ok = tunnel_client_send(ssl, -1, len);
  while (ok && len > 0) {
    int got = SSL_read(ssl, chunk, (int)(len < sizeof(chunk) ? len : kChunk));
    ok = got > 0;
    len -= ok ? (size_t)got : 0;
  }
  return ok;
}

ssize_t tunnel_client_count(SSL *ssl, int fd) {
  char chunk[kChunk];
  ssize_t total = 0;
  ssize_t got;
  do {
    got = ssl == NULL ? recv(fd, chunk, sizeof(chunk), 0)
                      : SSL_read(ssl, chunk, sizeof(chunk));
    total += got > 0 ? got : 0;
  } while (got > 0);
  bool ended = ssl == NULL
                   ? got == 0
                   : SSL_get_error(ssl, (int)got) == SSL_ERROR_ZERO_RETURN;
  return ended ? total : -1;
}
