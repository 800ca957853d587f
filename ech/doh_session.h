// doh_session is HTTP/2 on one connection to a DoH server: it posts DNS
// messages (RFC 8484, section 4.1) and collects the answers. doh.h decides what
// is posted on which connection.

#ifndef ECHPROXY_ECH_DOH_SESSION_H
#define ECHPROXY_ECH_DOH_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/doh.h"
#include "net/stream.h"
#include "net/worker.h"

struct doh_session;

// doh_session_end_cb says that the connection is of no more use: it broke, or
// it takes no new exchange and has none left. All exchanges have had their
// outcome. The session does nothing any more; its owner closes it.
typedef void doh_session_end_cb(void *owner, struct doh_session *session);

// doh_session_new speaks HTTP/2 with `server`, which it borrows, over `stream`,
// which it takes. Released with doh_session_close.
struct doh_session *doh_session_new(struct worker *worker,
                                    struct stream *stream,
                                    const struct doh_server *server,
                                    doh_session_end_cb *on_end, void *owner);

// doh_session_close drops the connection and its exchanges; none of their
// callbacks runs.
void doh_session_close(struct doh_session *session);

// doh_session_fail ends the session as if its connection had broken.
void doh_session_fail(struct doh_session *session);

// doh_session_retire keeps new exchanges away; those that run may finish.
void doh_session_retire(struct doh_session *session);

// doh_session_is_open says whether the session takes new exchanges.
bool doh_session_is_open(const struct doh_session *session);

// doh_session_probe sends a PING, so that a living server says something.
void doh_session_probe(struct doh_session *session);

// doh_session_last_heard returns when the server last said anything, in
// uv_now's time.
uint64_t doh_session_last_heard(const struct doh_session *session);

struct doh_exchange;

// doh_exchange_cb receives the outcome. On DOH_OK it takes `message`, released
// with `free`, otherwise that is NULL. `untouched` says that no part of an
// answer came, so that the query may be sent again. It runs inside the session,
// whose functions, and those of its exchanges, it must not call.
typedef void doh_exchange_cb(void *owner, enum doh_status status,
                             bool untouched, uint8_t *message, size_t len);

// doh_session_post posts `body`, borrowed until the outcome, on a session that
// is open. The result is valid until `done` runs or doh_exchange_drop is
// called.
struct doh_exchange *doh_session_post(struct doh_session *session,
                                      const uint8_t *body, size_t len,
                                      doh_exchange_cb *done, void *owner);

// doh_exchange_drop resets the exchange; `done` will not run.
void doh_exchange_drop(struct doh_exchange *exchange);

#endif
