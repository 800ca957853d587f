// stub_session is plain DNS over UDP to a resolver on this machine (RFC 1035,
// section 4.2.1). Each query has a socket of its own, and with it a port and an
// id that nobody knows (RFC 5452); it is sent again when no answer comes; an
// answer that is truncated is asked for once more over TCP.

#ifndef ECHPROXY_ECH_STUB_SESSION_H
#define ECHPROXY_ECH_STUB_SESSION_H

#include "ech/dns_session.h"
#include "net/address.h"
#include "net/worker.h"

// stub_session_new asks the resolver at `address`, which it copies. Released
// with dns_session_close.
struct dns_session *stub_session_new(struct worker *worker,
                                     const struct address *address,
                                     dns_session_end_cb *on_end, void *owner);

#endif
