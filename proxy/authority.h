// authority is where a request wants to go: the host and port of a CONNECT
// target, a Host field or an http:// URL (RFC 3986, section 3.2), read strictly
// and kept in one spelling.

#ifndef ECHPROXY_PROXY_AUTHORITY_H
#define ECHPROXY_PROXY_AUTHORITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/worker.h"

enum { kAuthorityHostSize = 254 };  // 253 octets and a NUL

struct authority {
  // A DNS name in lower case without its final dot, or an IP address without
  // brackets, as inet_ntop writes it.
  char host[kAuthorityHostSize];
  uint16_t port;  // 0 when none was given
  bool is_ip;
  bool is_ipv6;
};

// authority_from_host reads a host alone, an IPv6 address with or without
// brackets. The port is 0.
bool authority_from_host(struct authority *out, const char *text, size_t len);

// authority_from_text reads HOST or HOST:PORT, an IPv6 address in brackets,
// PORT 1 to 65535. User information is refused (RFC 9110, section 4.2.4).
bool authority_from_text(struct authority *out, const char *text, size_t len);

// authority_from_url reads the authority of an http:// URL without a fragment.
// `*out_path` is the offset of its path and query, which may be empty or begin
// with the '?'.
bool authority_from_url(struct authority *out, size_t *out_path,
                        const char *url, size_t len);

// authority_write appends the host, in brackets when it is an IPv6 address, and
// the port unless that is 0 or `default_port`.
void authority_write(struct bytes *out, const struct authority *authority,
                     uint16_t default_port);

#endif
