// origin_report is what became of reaching a site (origin.h), for whoever has
// to tell people about it.

#ifndef ECHPROXY_ECH_ORIGIN_REPORT_H
#define ECHPROXY_ECH_ORIGIN_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/client_hello.h"
#include "net/address.h"
#include "net/tls.h"

#define ORIGIN_STATUSES(X)                                                  \
  X(ORIGIN_OK, "reached")                                                   \
  X(ORIGIN_NO_ADDRESS, "the site has no address to connect to")             \
  /* RFC 9460, section 7.1: no endpoint with ECH speaks what is offered */  \
  X(ORIGIN_NO_COMPATIBLE_ENDPOINT,                                          \
    "none of the site's ECH servers speaks a protocol that was offered")    \
  X(ORIGIN_UNREACHABLE, "no connection to the site's server could be made") \
  X(ORIGIN_TIMEOUT, "the site's server did not answer the TLS handshake")   \
  X(ORIGIN_TLS_FAILED, "the TLS handshake with the site failed")            \
  X(ORIGIN_BAD_CERTIFICATE, "the site's certificate could not be verified") \
  /* ECH rejected by a server that could not prove to be the public name */ \
  X(ORIGIN_BAD_PUBLIC_NAME,                                                 \
    "the server refused ECH without proving that it may")                   \
  /* the authenticated server says that it has switched ECH off */          \
  X(ORIGIN_ECH_DISABLED, "the site's server has switched ECH off")          \
  X(ORIGIN_ECH_REJECTED, "the site's server refused ECH twice")             \
  /* it asked for a client certificate, got none, and hung up */            \
  X(ORIGIN_CERTIFICATE_REQUIRED, "the site wants a client certificate")     \
  /* it asked for one, got ours, and refused it */                          \
  X(ORIGIN_CERTIFICATE_REFUSED, "the site refused the client certificate")

enum origin_status {
#define X(name, text) name,
  ORIGIN_STATUSES(X)
#undef X
};

const char *origin_status_str(enum origin_status status);

// What happened on the wire.
struct origin_report {
  struct address address;  // connected to last; port 0 when none was
  bool ech_accepted;
  bool retried;  // once more, with the server's retry configurations
  bool learned;  // with those that a retry before this dial had brought
  bool resumed;  // an earlier session, with a ticket of its
  // The site asked for a client certificate, in a handshake in which ECH was
  // not rejected: in one that was, none is ever sent.
  bool certificate_requested;
  bool answered;  // anything came back for the hello that was sent last
  char public_name[kClientHelloNameSize];  // of the configuration used last
  struct tls_error error;  // of the last handshake, all zero when it succeeded
  // The ClientHello as it was sent last, a handshake message for
  // client_hello_parse; released with the report.
  const uint8_t *hello;
  size_t hello_len;
  // The one that was encrypted in it, likewise; none without ECH.
  const uint8_t *inner_hello;
  size_t inner_hello_len;
};

enum { kOriginDetailSize = 512 };

// origin_report_detail writes what is known beyond origin_status_str: one line
// without a final dot, "" when there is nothing to add. It names no host but
// the public name. Returns `out`.
const char *origin_report_detail(char out[kOriginDetailSize],
                                 enum origin_status status,
                                 const struct origin_report *report);

#endif
