// framed_session is DNS over one stream, each message after two octets with its
// length (RFC 7766, section 8): over TLS that is DoT (RFC 7858). Queries do not
// wait for each other, and answers come in any order: they are known by id and
// question.

#ifndef ECHPROXY_ECH_FRAMED_SESSION_H
#define ECHPROXY_ECH_FRAMED_SESSION_H

#include "ech/dns_session.h"
#include "net/stream.h"
#include "net/worker.h"

// framed_session_new speaks DNS over `stream`, which it takes. An answer to
// nothing that was asked is passed over; one that is no DNS message at all ends
// the session. Released with dns_session_close.
struct dns_session *framed_session_new(struct worker *worker,
                                       struct stream *stream,
                                       dns_session_end_cb *on_end, void *owner);

#endif
