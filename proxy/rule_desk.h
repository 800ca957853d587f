// rule_desk changes the rule of one site while the proxy runs: it writes it
// into the configuration file (rule_file.h) and has that put in force
// (reload.h), one request after the other. Any worker may ask; the work is the
// first worker's, and what takes time in it is done on a thread of its own.

#ifndef ECHPROXY_PROXY_RULE_DESK_H
#define ECHPROXY_PROXY_RULE_DESK_H

#include "net/worker.h"
#include "proxy/crew.h"
#include "proxy/reload.h"

struct rule_desk;

// What became of a request. Texts are borrowed until the callback returns.
struct rule_outcome {
  const char *why_not;  // one line; NULL: it is in force on all workers
  const char *file;
  int line;  // that has the mode; 0: none has
};

typedef void rule_desk_cb(void *owner, const struct rule_outcome *outcome);

// rule_desk_open prepares it for the first worker of `crew`. It borrows both
// until rule_desk_close.
struct rule_desk *rule_desk_open(struct crew *crew, struct reload *reload);

// rule_desk_close lets nothing more be changed, before `reload` is closed; the
// requests that are left are never answered. rule_desk_free releases it after
// its crew. NULL does nothing.
void rule_desk_close(struct rule_desk *desk);
void rule_desk_free(struct rule_desk *desk);

struct rule_request;

// rule_desk_ask asks, on the thread of `worker`, for `mode` ("pass", "strict",
// or NULL for none, static) for `host`, which is copied and spelled as struct
// authority does. `done` runs on the same thread, unless the request, which is
// valid until then, is cancelled: it is then carried out all the same.
struct rule_request *rule_desk_ask(struct rule_desk *desk,
                                   struct worker *worker, const char *host,
                                   const char *mode, rule_desk_cb *done,
                                   void *owner);

// rule_request_cancel lets `done` not run. NULL does nothing.
void rule_request_cancel(struct rule_request *request);

#endif
