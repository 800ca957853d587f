// upstream is a proxy of the user's that connections go through: SOCKS5 (RFC
// 1928, RFC 1929) or HTTP CONNECT (RFC 9110, section 9.3.6). It is asked for
// addresses, never for names, so that it learns no site's name from us. What
// passes between us and it is as clear as the protocol itself: the addresses
// asked for and the password.

#ifndef ECHPROXY_NET_UPSTREAM_H
#define ECHPROXY_NET_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

enum upstream_kind { UPSTREAM_SOCKS5, UPSTREAM_HTTP };

enum {
  kUpstreamMaxAddresses = 8,
  kUpstreamHostSize = 254,
  kUpstreamCredentialSize = 256,  // 255 octets and a NUL: RFC 1929, section 2
};

struct upstream {
  enum upstream_kind kind;
  char host[kUpstreamHostSize];  // an IP address without brackets, or a name
  uint16_t port;
  // Where it is: known at once for an IP address and localhost, otherwise from
  // upstream_resolve on.
  struct address addresses[kUpstreamMaxAddresses];
  size_t num_addresses;
  char user[kUpstreamCredentialSize];  // empty: no credentials
  char password[kUpstreamCredentialSize];
};

// upstream_new reads "socks5://[USER:PASSWORD@]HOST:PORT" or
// "http://[USER:PASSWORD@]HOST:PORT", with an IPv6 HOST in brackets, and USER
// and PASSWORD percent-encoded where RFC 3986 wants it. The result is released
// with upstream_free. On failure it is NULL and `*out_why` a static text that
// says what is wrong and repeats nothing of `url`, which may hold a password.
struct upstream *upstream_new(const char *url, const char **out_why);

// upstream_free wipes the credentials and frees. NULL does nothing.
void upstream_free(struct upstream *upstream);

// upstream_url_has_credentials says whether `url` names a user or a password,
// whatever else may be wrong with it: such a text must not be shown to others.
bool upstream_url_has_credentials(const char *url);

// upstream_resolve finds the addresses of a proxy that is known by name. It
// asks the system's resolver, so that others may see the proxy's name, but no
// site's. It blocks: call it before the loop runs. On failure `*out_why` is a
// static text.
bool upstream_resolve(struct upstream *upstream, const char **out_why);

// What may go wrong on the way through an upstream proxy, as the libuv error
// that dial tells. Other errors mean what libuv says.
#define UPSTREAM_FAULTS(X)                                                     \
  X(UV_ENOTCONN, "the upstream proxy could not be reached")                    \
  X(UV_EACCES,                                                                 \
    "the upstream proxy asks for a user name and password, or for other ones") \
  X(UV_EPROTO,                                                                 \
    "what the upstream proxy answered makes no sense; it may be a proxy of "   \
    "another kind")                                                            \
  X(UV_ECONNRESET, "the upstream proxy ended the connection")                  \
  X(UV_EPERM, "the upstream proxy does not allow the connection")              \
  X(UV_ENOTSUP, "the upstream proxy makes no connections for others")          \
  X(UV_EAFNOSUPPORT, "the upstream proxy does not know this kind of address")  \
  X(UV_ENETUNREACH, "the upstream proxy has no way to the server's network")   \
  X(UV_EHOSTUNREACH, "the upstream proxy could not reach the server")          \
  X(UV_ECONNREFUSED, "the server refused the upstream proxy's connection")     \
  X(UV_EIO, "the upstream proxy could not connect, and does not say why")      \
  X(UV_ETIMEDOUT, "no answer came through the upstream proxy in time")

// upstream_error_text says in plain English what `err` means when it came from
// a dial through an upstream proxy.
const char *upstream_error_text(int err);

// upstream_error_is_final says whether `err` is the proxy's own trouble, so
// that another address through it would fare no better.
bool upstream_error_is_final(int err);

#endif
