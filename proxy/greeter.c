#include "proxy/greeter.h"

#include <assert.h>
#include <openssl/nid.h>
#include <string.h>

#include "net/xalloc.h"
#include "proxy/authority.h"

enum {
  kExtensionServerName = 0,  // RFC 6066, section 3
  kExtensionAlpn = 16,       // RFC 7301
  kExtensionKeyShare = 51,   // RFC 8446, section 4.2.8
};

enum { kGroupX25519 = 29 };  // RFC 8446, section 4.2.7

// Browsers use a ticket of TLS 1.3 once, and get the next with the session that
// it resumed.
enum { kTicketsPerSession = 1 };

struct greeter {
  struct leaf_cache *leaves;
  SSL_CTX *ctx;
};

// get_host_name finds the one host_name of the SNI extension (RFC 6066, section
// 3).
static bool get_host_name(const uint8_t *data, size_t len, CBS *out_name) {
  CBS extension, list;
  uint8_t type;
  CBS_init(&extension, data, len);
  return CBS_get_u16_length_prefixed(&extension, &list) &&
         CBS_len(&extension) == 0 && CBS_get_u8(&list, &type) && type == 0 &&
         CBS_get_u16_length_prefixed(&list, out_name) && CBS_len(&list) == 0;
}

// read_server_name keeps the name in the spelling of struct authority, without
// the final dot that no client should send and some do.
static void read_server_name(struct greeting *greeting,
                             const SSL_CLIENT_HELLO *hello) {
  const uint8_t *data;
  size_t len;
  CBS name;
  struct authority site;
  if (!SSL_early_callback_ctx_extension_get(hello, kExtensionServerName, &data,
                                            &len)) {
    return;
  }
  if (get_host_name(data, len, &name) &&
      authority_from_host(&site, (const char *)CBS_data(&name),
                          CBS_len(&name))) {
    memcpy(greeting->server_name, site.host, sizeof site.host);
  } else {
    greeting->odd_server_name = true;
  }
}

// read_alpn keeps the protocols that the browser offers, as far as they fit.
static void read_alpn(struct greeting *greeting,
                      const SSL_CLIENT_HELLO *hello) {
  const uint8_t *data;
  size_t len;
  CBS extension, list, protocol;
  if (!SSL_early_callback_ctx_extension_get(hello, kExtensionAlpn, &data,
                                            &len)) {
    return;
  }
  CBS_init(&extension, data, len);
  if (!CBS_get_u16_length_prefixed(&extension, &list)) {
    return;
  }
  while (CBS_get_u8_length_prefixed(&list, &protocol)) {
    size_t protocol_len = CBS_len(&protocol);
    if (protocol_len == 0 ||
        protocol_len + 1 > sizeof greeting->alpn - greeting->alpn_len) {
      return;
    }
    greeting->alpn[greeting->alpn_len++] = (uint8_t)protocol_len;
    memcpy(greeting->alpn + greeting->alpn_len, CBS_data(&protocol),
           protocol_len);
    greeting->alpn_len += protocol_len;
  }
}

static bool has_share(const SSL_CLIENT_HELLO *hello, uint16_t wanted) {
  const uint8_t *data;
  size_t len;
  CBS extension, shares, share;
  uint16_t group;
  if (!SSL_early_callback_ctx_extension_get(hello, kExtensionKeyShare, &data,
                                            &len)) {
    return false;
  }
  CBS_init(&extension, data, len);
  if (!CBS_get_u16_length_prefixed(&extension, &shares)) {
    return false;
  }
  while (CBS_get_u16(&shares, &group) &&
         CBS_get_u16_length_prefixed(&shares, &share)) {
    if (group == wanted) {
      return true;
    }
  }
  return false;
}

// prefer_x25519 leaves ML-KEM aside, which browsers prefer: it is for who
// records a connection now and has a quantum computer later, and nobody records
// one over loopback. A browser that has made no share of X25519 is not asked
// for one, which would take another round trip.
static void prefer_x25519(const SSL_CLIENT_HELLO *hello) {
  static const int kX25519[] = {NID_X25519};
  if (has_share(hello, kGroupX25519) &&
      !SSL_set1_curves(hello->ssl, kX25519, 1)) {
    abort();
  }
}

// on_client_hello pauses the handshake the first time, and lets it go on when
// the greeting has an answer.
static enum ssl_select_cert_result_t on_client_hello(
    const SSL_CLIENT_HELLO *hello) {
  struct greeting *greeting = SSL_get_app_data(hello->ssl);
  if (greeting->may_answer) {
    return ssl_select_cert_success;
  }
  read_server_name(greeting, hello);
  read_alpn(greeting, hello);
  if (greeting->over_loopback) {
    prefer_x25519(hello);
  }
  return ssl_select_cert_retry;
}

static int on_select_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_len,
                          const uint8_t *offered, unsigned offered_len,
                          void *arg) {
  (void)offered;
  (void)offered_len;
  (void)arg;
  const struct greeting *greeting = SSL_get_app_data(ssl);
  if (greeting->chosen_alpn_len == 0) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = greeting->chosen_alpn;
  *out_len = (uint8_t)greeting->chosen_alpn_len;
  return SSL_TLSEXT_ERR_OK;
}

struct greeter *greeter_new(struct leaf_cache *leaves) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_with_buffers_method());
  if (ctx == NULL) {
    return NULL;
  }
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  // Browsers resume by tickets, whose keys BoringSSL makes, changes every other
  // day and keeps in memory: we keep nothing of their sessions. Leaves say what
  // a ticket is good for (leaf_cache_use). Early data is off unless asked for.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(ctx, kTicketsPerSession);
  SSL_CTX_set_select_certificate_cb(ctx, on_client_hello);
  SSL_CTX_set_alpn_select_cb(ctx, on_select_alpn, NULL);
  struct greeter *greeter = xcalloc(1, sizeof *greeter);
  greeter->leaves = leaves;
  greeter->ctx = ctx;
  return greeter;
}

void greeter_free(struct greeter *greeter) {
  if (greeter != NULL) {
    SSL_CTX_free(greeter->ctx);
    free(greeter);
  }
}

SSL *greeter_ssl_new(struct greeter *greeter, struct greeting *greeting,
                     bool over_loopback) {
  SSL *ssl = SSL_new(greeter->ctx);
  if (ssl == NULL) {
    abort();
  }
  *greeting = (struct greeting){.over_loopback = over_loopback};
  SSL_set_app_data(ssl, greeting);
  return ssl;
}

enum leaf_use greeter_prepare(struct greeter *greeter, SSL *ssl,
                              const char *host) {
  return leaf_cache_use(greeter->leaves, ssl, host);
}

void greeter_choose(struct greeting *greeting, const uint8_t *alpn,
                    size_t alpn_len) {
  assert(alpn_len <= sizeof greeting->chosen_alpn);
  if (alpn_len > 0) {
    memcpy(greeting->chosen_alpn, alpn, alpn_len);
  }
  greeting->chosen_alpn_len = alpn_len;
  greeting->may_answer = true;
}
