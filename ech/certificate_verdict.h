// certificate_verdict waits for what a server makes of a client certificate, or
// of there being none. With TLS 1.3 the client's handshake is over before the
// server has judged (RFC 8446, section 4.4.2.4); its first word afterwards is
// an alert, or else data or a ticket, which say that all is well.

#ifndef ECHPROXY_ECH_CERTIFICATE_VERDICT_H
#define ECHPROXY_ECH_CERTIFICATE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "net/tls.h"
#include "net/worker.h"

// certificate_verdict_is_about says whether an alert says that the server does
// not like our certificate, or that there was none.
bool certificate_verdict_is_about(uint8_t alert);

struct certificate_verdict;

// certificate_verdict_cb receives the outcome. `error` is NULL when the server
// goes on or has said nothing in time: the session is as it was, with what came
// unread. Otherwise it hung up, with the alert or the libuv error in `error`,
// borrowed until the callback returns, and the session is dead.
typedef void certificate_verdict_cb(void *owner, const struct tls_error *error);

// certificate_verdict_start listens to `tls`, whose handshake is done and which
// it borrows, for at most `timeout_ms`. `has_tickets` says that it is attached
// to a ticket cache. The result is valid until `done` runs or
// certificate_verdict_cancel is called.
struct certificate_verdict *certificate_verdict_start(
    struct worker *worker, struct tls *tls, bool has_tickets,
    uint64_t timeout_ms, certificate_verdict_cb *done, void *owner);

// certificate_verdict_cancel stops listening; `done` will not run. It comes
// before tls_close. NULL does nothing.
void certificate_verdict_cancel(struct certificate_verdict *verdict);

#endif
