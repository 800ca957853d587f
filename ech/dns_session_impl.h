// dns_session_impl is what the kinds of session share and nobody else sees: the
// list of exchanges, their outcomes, the session's end, and the operations that
// a kind brings.

#ifndef ECHPROXY_ECH_DNS_SESSION_IMPL_H
#define ECHPROXY_ECH_DNS_SESSION_IMPL_H

#include "ech/dns_session.h"
#include "net/worker.h"

// dns_session_ops is one kind of session. None of its functions runs a
// callback of the session or of an exchange.
struct dns_session_ops {
  size_t exchange_size;  // of the kind's own struct
  // disconnect lets the server go; a second call does nothing. NULL: there is
  // nothing to let go.
  void (*disconnect)(struct dns_session *session);
  // cleanup releases what is left but for the session's own memory; NULL: none.
  void (*cleanup)(struct dns_session *session);
  // wake comes back to dns_session_end_if_over from the loop; NULL: that is all
  // that is to be done.
  void (*wake)(struct dns_session *session);
  // is_open says whether the peer takes more; NULL: it does.
  bool (*is_open)(const struct dns_session *session);
  void (*probe)(struct dns_session *session);
  // post sends an exchange that is in the list already.
  void (*post)(struct dns_exchange *exchange);
  // drop tells the peer, where that is possible, that no answer is wanted; NULL
  // when it is not.
  void (*drop)(struct dns_exchange *exchange);
  // release frees what the exchange holds but for its own memory; NULL: none.
  void (*release)(struct dns_exchange *exchange);
};

// dns_session is embedded first in every kind's own struct.
struct dns_session {
  const struct dns_session_ops *ops;
  struct worker *worker;
  dns_session_end_cb *on_end;
  void *owner;
  struct dns_exchange *exchanges;
  uint64_t last_heard;
  bool retired;
  struct task ender;  // ends a session that is over
};

// dns_exchange is embedded first in every kind's own struct.
struct dns_exchange {
  struct dns_session *session;
  struct dns_exchange *next;
  struct dns_exchange *prev;
  dns_exchange_cb *done;
  void *owner;
  const uint8_t *query;
  size_t query_len;
  bool touched;  // part of an answer has come
};

// dns_session_init sets up `session`, which is zero.
void dns_session_init(struct dns_session *session,
                      const struct dns_session_ops *ops, struct worker *worker,
                      dns_session_end_cb *on_end, void *owner);

// dns_session_hear notes that the server has said something.
void dns_session_hear(struct dns_session *session);

// dns_session_end ends the session: what has no answer yet will get none here.
// The session may be gone afterwards.
void dns_session_end(struct dns_session *session);

// dns_session_end_if_over ends a session that takes no new exchange and has
// none left; it may be gone afterwards.
void dns_session_end_if_over(struct dns_session *session);

// dns_exchange_finish takes the exchange out of its session and tells the
// outcome. It takes `message`, NULL unless `status` is CHANNEL_OK.
void dns_exchange_finish(struct dns_exchange *exchange,
                         enum channel_status status, uint8_t *message,
                         size_t len);

#endif
