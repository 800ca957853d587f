// dns_session is one open way to a DNS server: messages go in, answers come
// out, many at a time. dns_channel.h decides what is asked in which session.
// There are three kinds: doh_session.h, framed_session.h (DNS over TLS and over
// TCP) and stub_session.h (UDP).

#ifndef ECHPROXY_ECH_DNS_SESSION_H
#define ECHPROXY_ECH_DNS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_STATUSES(X)                                                    \
  X(CHANNEL_OK, "answered")                                                    \
  X(CHANNEL_UNREACHABLE, "the DNS resolver could not be reached")              \
  X(CHANNEL_NO_WAY,                                                            \
    "the upstream proxy made no connection to the DNS resolver")               \
  X(CHANNEL_UNTRUSTED, "the DNS resolver's certificate could not be verified") \
  X(CHANNEL_TLS_FAILED, "the TLS handshake with the DNS resolver failed")      \
  X(CHANNEL_ECH_REJECTED,                                                      \
    "the DNS resolver refused ECH, and its name is not sent without")          \
  X(CHANNEL_HTTP_ERROR, "the DNS resolver answered with an HTTP error")        \
  X(CHANNEL_NOT_DNS,                                                           \
    "the DNS resolver answered with something that is not DNS")                \
  X(CHANNEL_BUSY, "too many DNS queries are waiting")                          \
  X(CHANNEL_BROKEN, "the connection to the DNS resolver broke")                \
  X(CHANNEL_TIMEOUT, "the DNS resolver did not answer in time")

enum channel_status {
#define X(name, text) name,
  CHANNEL_STATUSES(X)
#undef X
};

const char *channel_status_str(enum channel_status status);

struct dns_session;

// dns_session_end_cb says that the session is of no more use: it broke, or it
// takes no new exchange and has none left. All exchanges have had their
// outcome. The session does nothing any more; its owner closes it.
typedef void dns_session_end_cb(void *owner, struct dns_session *session);

// dns_session_close drops the session and its exchanges; none of their
// callbacks runs. NULL does nothing.
void dns_session_close(struct dns_session *session);

// dns_session_fail ends the session as if its connection had broken.
void dns_session_fail(struct dns_session *session);

// dns_session_retire keeps new exchanges away; those that run may finish.
void dns_session_retire(struct dns_session *session);

// dns_session_is_open says whether the session takes new exchanges.
bool dns_session_is_open(const struct dns_session *session);

// dns_session_probe makes a living server say something.
void dns_session_probe(struct dns_session *session);

// dns_session_last_heard returns when the server last said anything, in
// uv_now's time.
uint64_t dns_session_last_heard(const struct dns_session *session);

struct dns_exchange;

// dns_exchange_cb receives the outcome. On CHANNEL_OK it takes `message`,
// released with `free`, otherwise that is NULL. `untouched` says that no part
// of an answer came, so that the query may be sent again. It runs inside the
// session, whose functions, and those of its exchanges, it must not call.
typedef void dns_exchange_cb(void *owner, enum channel_status status,
                             bool untouched, uint8_t *message, size_t len);

// dns_session_post sends `query`, a message with id 0, borrowed until the
// outcome, in a session that is open. Its answer has id 0 again. The result is
// valid until `done` runs or dns_exchange_drop is called.
struct dns_exchange *dns_session_post(struct dns_session *session,
                                      const uint8_t *query, size_t len,
                                      dns_exchange_cb *done, void *owner);

// dns_exchange_drop forgets the exchange; `done` will not run.
void dns_exchange_drop(struct dns_exchange *exchange);

#endif
