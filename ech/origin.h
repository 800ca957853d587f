// origin reaches a site: it connects to one of the endpoints that a lookup gave
// and makes a TLS session with Encrypted ClientHello (RFC 9849), so that the
// site's name, its certificates and the user's are inside the encrypted
// handshake. It never falls back to a hello in the clear; who wants one asks
// for ORIGIN_CLEAR.
//
// Endpoints that share no protocol with the client are not used (RFC 9460,
// section 7.1). Of the others the first that a TCP connection can be made to is
// (endpoint_race.h), with its own configuration. When the handshake there fails
// by the network, the other addresses and endpoints follow; a certificate that
// does not verify and a rejection of ECH are the site's answer and end the
// dial, but for one retry with the configurations that the server, proving to
// be the public name, sent along (RFC 9849, section 6.1.6).
//
// What such retries brought and the tickets of earlier sessions are kept for
// later dials: see learned_configs.h and ticket_cache.h for what that shows to
// an observer. On a handshake in which ECH is rejected neither a ticket nor a
// client certificate is ever sent.
//
// A struct origin is thread-safe: all workers share one. A dial belongs to one
// worker.

#ifndef ECHPROXY_ECH_ORIGIN_H
#define ECHPROXY_ECH_ORIGIN_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/lookup_answer.h"
#include "ech/origin_report.h"
#include "ech/origin_session.h"
#include "net/tls.h"
#include "net/upstream.h"
#include "net/worker.h"

enum { kOriginTimeoutMs = 15000 };  // for all attempts of one dial together

enum origin_privacy {
  ORIGIN_PRIVATE,  // ECH or nothing; needs LOOKUP_ECH
  ORIGIN_CLEAR,    // plain TLS with the name in the clear, to the host's own
                   // addresses; only for a name without ECH
};

struct origin;

// origin_new makes what the connections to all sites share. Certificates are
// verified against `trust`, of which it keeps a reference; it must not change
// afterwards, because what was verified is remembered. Released with
// origin_free, after all dials; the sessions that they made may live on.
struct origin *origin_new(X509_STORE *trust);
void origin_free(struct origin *origin);

// origin_forget drops all session tickets, those included that are still to
// come from sessions that exist, all learned configurations, and what is
// remembered of chains that were verified.
void origin_forget(struct origin *origin);

struct origin_dial;

// origin_dial_cb receives the outcome. On ORIGIN_OK it takes `tls`, a session
// that is ready for data, with ECH accepted unless it was ORIGIN_CLEAR;
// otherwise `tls` is NULL. `report` is borrowed until it returns.
typedef void origin_dial_cb(void *owner, enum origin_status status,
                            struct tls *tls,
                            const struct origin_report *report);

// What to reach, and how. Everything is borrowed until origin_dial_start
// returns, which copies what it keeps, but for what `identity` points to.
struct origin_request {
  const char *host;
  uint16_t port;                 // that was asked for; endpoints have their own
  struct lookup_answer *answer;  // kept by reference
  enum origin_privacy privacy;
  // What the client speaks, which is all that is offered: u8 length and
  // protocol, repeated. 0: none, which stands for http/1.1.
  const uint8_t *alpn;
  size_t alpn_len;
  // Sent when the site asks for one and ECH is accepted, and so never with
  // ORIGIN_CLEAR; NULL for none. What it points to is borrowed until `done` has
  // run or the dial is cancelled.
  const struct origin_identity *identity;
  // The proxy to go through, which outlives the dial; NULL: none.
  const struct upstream *via;
  uint64_t timeout_ms;  // 0: kOriginTimeoutMs
};

// origin_dial_start connects to the host as the request's answer says, on the
// thread of `worker`. The result is valid until `done` runs or
// origin_dial_cancel is called.
//
// With TLS 1.3 a client's handshake is over before the server has judged its
// certificate. So when one was asked for, the dial waits for the server's first
// word (an alert, data or a ticket), for about a round trip and at most a
// second, and reports ORIGIN_CERTIFICATE_REQUIRED or _REFUSED when the server
// hangs up. A verdict that takes longer comes as the end of the stream, and
// tls_alert tells it.
struct origin_dial *origin_dial_start(struct origin *origin,
                                      struct worker *worker,
                                      const struct origin_request *request,
                                      origin_dial_cb *done, void *owner);

// origin_dial_prepare makes a dial whose TCP connection is begun ahead, while
// it is not known yet what the client speaks: to an endpoint for HTTP/2 or
// HTTP/1.1. Nothing is sent on it, so that whoever listens learns an address
// and that it is connected to, and no ClientHello. The request's `alpn` and
// `timeout_ms` are not looked at. Through an upstream proxy nothing is begun.
// No callback runs before origin_dial_begin.
struct origin_dial *origin_dial_prepare(struct origin *origin,
                                        struct worker *worker,
                                        const struct origin_request *request);

// origin_dial_begin goes on as origin_dial_start does, with the protocols
// `alpn`, once. What was begun ahead is used if a dial for these would have
// done the same.
void origin_dial_begin(struct origin_dial *dial, const uint8_t *alpn,
                       size_t alpn_len, uint64_t timeout_ms,
                       origin_dial_cb *done, void *owner);

// origin_dial_cancel drops `dial`; `done` will not run. NULL does nothing.
void origin_dial_cancel(struct origin_dial *dial);

#endif
