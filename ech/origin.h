// origin reaches a site: it connects to one of the endpoints that a lookup gave
// and makes a TLS session with Encrypted ClientHello (RFC 9849), so that the
// site's name and certificates are inside the encrypted handshake. It never
// falls back to a hello in the clear; who wants one asks for ORIGIN_CLEAR.

#ifndef ECHPROXY_ECH_ORIGIN_H
#define ECHPROXY_ECH_ORIGIN_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/client_hello.h"
#include "ech/lookup.h"
#include "net/tls.h"
#include "net/upstream.h"
#include "net/worker.h"

#define ORIGIN_STATUSES(X)                                                  \
  X(ORIGIN_OK, "reached")                                                   \
  X(ORIGIN_NO_ADDRESS, "the site has no address to connect to")             \
  X(ORIGIN_UNREACHABLE, "no connection to the site's server could be made") \
  X(ORIGIN_TIMEOUT, "the site's server did not answer the TLS handshake")   \
  X(ORIGIN_TLS_FAILED, "the TLS handshake with the site failed")            \
  X(ORIGIN_BAD_CERTIFICATE, "the site's certificate could not be verified") \
  /* ECH rejected by a server that could not prove to be the public name */ \
  X(ORIGIN_BAD_PUBLIC_NAME,                                                 \
    "the server refused ECH without proving that it may")                   \
  /* the authenticated server says that it has switched ECH off */          \
  X(ORIGIN_ECH_DISABLED, "the site's server has switched ECH off")          \
  X(ORIGIN_ECH_REJECTED, "the site's server refused ECH twice")

enum origin_status {
#define X(name, text) name,
  ORIGIN_STATUSES(X)
#undef X
};

const char *origin_status_str(enum origin_status status);

enum { kOriginTimeoutMs = 15000 };  // for all attempts of one dial together

enum origin_privacy {
  ORIGIN_PRIVATE,  // ECH or nothing; needs LOOKUP_ECH
  ORIGIN_CLEAR,    // plain TLS with the name in the clear, to the host's own
                   // addresses; only for a name without ECH
};

// What happened on the wire, for people to read.
struct origin_report {
  struct address address;  // connected to last; port 0 when none was
  bool ech_accepted;
  bool retried;  // once more, with the server's retry configurations
  char public_name[kClientHelloNameSize];  // of the configuration used last
  struct tls_error error;  // of the last handshake, all zero when it succeeded
  // The ClientHello as it was sent last, a handshake message for
  // client_hello_parse; released with the report.
  const uint8_t *hello;
  size_t hello_len;
};

struct origin;

// origin_new makes what the connections to all sites share. Certificates are
// verified against `trust`, of which it keeps a reference. Released with
// origin_free, after all dials.
struct origin *origin_new(struct worker *worker, X509_STORE *trust);
void origin_free(struct origin *origin);

struct origin_dial;

// origin_dial_cb receives the outcome. On ORIGIN_OK it takes `tls`, a session
// that is ready for data, with ECH accepted unless it was ORIGIN_CLEAR;
// otherwise `tls` is NULL. `report` is borrowed until it returns.
typedef void origin_dial_cb(void *owner, enum origin_status status,
                            struct tls *tls,
                            const struct origin_report *report);

// What to reach, and how. Everything is borrowed until origin_dial_start
// returns, which copies what it keeps.
struct origin_request {
  const char *host;
  struct lookup_answer *answer;  // kept by reference
  enum origin_privacy privacy;
  const uint8_t *alpn;  // to offer: u8 length and protocol, repeated
  size_t alpn_len;      // 0: none
  // The proxy to go through, which outlives the dial; NULL: none.
  const struct upstream *via;
};

// origin_dial_start connects to the host as the request's answer says. The
// result is valid until `done` runs or origin_dial_cancel is called.
struct origin_dial *origin_dial_start(struct origin *origin,
                                      const struct origin_request *request,
                                      origin_dial_cb *done, void *owner);

// origin_dial_cancel drops `dial`; `done` will not run. NULL does nothing.
void origin_dial_cancel(struct origin_dial *dial);

#endif
