// doh_session is HTTP/2 on one connection to a DoH server: it posts DNS
// messages (RFC 8484, section 4.1) and collects the answers.

#ifndef ECHPROXY_ECH_DOH_SESSION_H
#define ECHPROXY_ECH_DOH_SESSION_H

#include "ech/dns_server.h"
#include "ech/dns_session.h"
#include "net/stream.h"
#include "net/worker.h"

// doh_session_new speaks HTTP/2 with `server`, which it borrows, over `stream`,
// which it takes. Released with dns_session_close.
struct dns_session *doh_session_new(struct worker *worker,
                                    struct stream *stream,
                                    const struct dns_server *server,
                                    dns_session_end_cb *on_end, void *owner);

#endif
