// front is how a browser asked for a tunnel, and so how it is answered.

#ifndef ECHPROXY_PROXY_FRONT_H
#define ECHPROXY_PROXY_FRONT_H

#include "net/stream.h"

#define FRONT_REFUSALS(X)                                            \
  /* name, HTTP status, reason phrase, SOCKS5 reply (RFC 1928, 6) */ \
  X(FRONT_FORBIDDEN, 403, "Forbidden", 2)                            \
  X(FRONT_BAD_GATEWAY, 502, "Bad Gateway", 1)                        \
  X(FRONT_NO_SUCH_HOST, 502, "Bad Gateway", 4)                       \
  X(FRONT_CONNECTION_REFUSED, 502, "Bad Gateway", 5)                 \
  X(FRONT_TIMEOUT, 504, "Gateway Timeout", 4)

enum front_refusal {
#define X(name, status, phrase, reply) name,
  FRONT_REFUSALS(X)
#undef X
};

enum front_kind { FRONT_HTTP_CONNECT, FRONT_SOCKS5 };

// front_accept tells the browser that its tunnel is open.
void front_accept(struct stream *browser, enum front_kind kind);

// front_refuse tells the browser why there is no tunnel (`why` is one sentence
// in plain English; over SOCKS5 only the code can be told), takes `browser` and
// closes it when that has left.
void front_refuse(struct stream *browser, enum front_kind kind,
                  enum front_refusal refusal, const char *why);

#endif
