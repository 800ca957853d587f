// upstream_reply reads what upstream proxies answer, strictly: every octet has
// to be one that the protocol has at its place.
//
// Each function looks at the `len` bytes that have come so far. It returns 0
// and in `*out_used` how many bytes the reply has, UV_EAGAIN when more must
// come, or the error that upstream_error_text explains: UV_EPROTO for a reply
// that is none, others for refusals. It decides as soon as it can.

#ifndef ECHPROXY_NET_UPSTREAM_REPLY_H
#define ECHPROXY_NET_UPSTREAM_REPLY_H

#include <stddef.h>
#include <stdint.h>

enum {
  kSocks5NoPassword = 0x00,  // methods: RFC 1928, section 3
  kSocks5Password = 0x02,    //
  kUpstreamReplyMax = 8192,  // no reply is longer
};

// upstream_reply_method reads a SOCKS5 proxy's choice of method, which is then
// data[1]: one of the two above.
int upstream_reply_method(const uint8_t *data, size_t len, size_t *out_used);

// upstream_reply_password reads what a SOCKS5 proxy says of the password (RFC
// 1929, section 2).
int upstream_reply_password(const uint8_t *data, size_t len, size_t *out_used);

// upstream_reply_socks5 reads what a SOCKS5 proxy says of the connection.
int upstream_reply_socks5(const uint8_t *data, size_t len, size_t *out_used);

// upstream_reply_http reads what an HTTP proxy says of the connection, interim
// answers included. What its fields say does not matter (RFC 9110, section
// 9.3.6).
int upstream_reply_http(const uint8_t *data, size_t len, size_t *out_used);

#endif
