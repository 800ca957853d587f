// rule_desk changes the rule of one site while the proxy runs: it writes it
// into the configuration file (rule_file.h) and has that put in force
// (reload.h), one request after the other. Any worker may ask
// (rule_request.h); the work is the first worker's, and what takes time in it
// is done on a thread of its own.

#ifndef ECHPROXY_PROXY_RULE_DESK_H
#define ECHPROXY_PROXY_RULE_DESK_H

#include "proxy/crew.h"
#include "proxy/reload.h"
#include "proxy/rule_request.h"

struct rule_desk;

// rule_desk_open prepares it for the first worker of `crew`. It borrows both
// until rule_desk_close.
struct rule_desk *rule_desk_open(struct crew *crew, struct reload *reload);

// rule_desk_inbox returns where to ask, valid until rule_desk_free.
const struct rule_inbox *rule_desk_inbox(const struct rule_desk *desk);

// rule_desk_close lets nothing more be changed, before its reload is closed;
// the requests that are left are never answered. rule_desk_free releases it
// after its crew. NULL does nothing.
void rule_desk_close(struct rule_desk *desk);
void rule_desk_free(struct rule_desk *desk);

#endif
