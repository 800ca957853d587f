// hello_kind sorts what a browser begins its tunnel with, which READ_HELLO in
// tunnel.c has read.

#ifndef ECHPROXY_PROXY_HELLO_KIND_H
#define ECHPROXY_PROXY_HELLO_KIND_H

#include "net/tls.h"
#include "proxy/greeter.h"

enum hello_kind {
  HELLO_FOR_HOST,
  HELLO_FOR_NO_NAME,  // without SNI
  HELLO_FOR_OTHER,    // SNI of another host
  HELLO_FOR_ODD,      // SNI that is no host name
  HELLO_MALFORMED,    // a TLS record without a hello that can be read
  HELLO_IS_NOT_TLS,
  HELLO_NEVER_CAME,  // the browser closed the connection
};

// hello_kind_of returns what has come on a tunnel for `host`, from the outcome
// of the browser's session `tls` (tls_handshake_cb) and its greeting.
enum hello_kind hello_kind_of(const struct tls *tls, enum tls_status status,
                              const struct tls_error *error,
                              const struct greeting *greeting,
                              const char *host);

#endif
