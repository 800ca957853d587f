// rule_request is a wish to change the rule of one site, on its way from the
// worker where it came up to who carries it out (rule_desk.h), and the answer
// on its way back.

#ifndef ECHPROXY_PROXY_RULE_REQUEST_H
#define ECHPROXY_PROXY_RULE_REQUEST_H

#include "net/worker.h"

struct rule_request;

// Where requests go: on `worker`'s thread `receive(owner, request)` takes each
// and answers or drops it.
struct rule_inbox {
  struct worker *worker;
  void (*receive)(void *owner, struct rule_request *request);
  void *owner;
};

// What became of a request. Texts are borrowed until the callback returns.
struct rule_outcome {
  const char *why_not;  // one line; NULL: it is in force on all workers
  const char *file;     // NULL: there is none
  int line;             // that has the mode; 0: none has
};

typedef void rule_request_cb(void *owner, const struct rule_outcome *outcome);

// rule_request_send asks `inbox`, on the thread of `worker`, for `mode`
// ("pass", "strict", or NULL for none, static) for `host`, which is copied and
// spelled as struct authority does. `done` runs on the same thread, unless the
// request, which is valid until then, is cancelled or the proxy stops: it may
// be carried out all the same.
struct rule_request *rule_request_send(const struct rule_inbox *inbox,
                                       struct worker *worker, const char *host,
                                       const char *mode, rule_request_cb *done,
                                       void *owner);

// rule_request_cancel lets `done` not run. NULL does nothing.
void rule_request_cancel(struct rule_request *request);

// rule_request_host and rule_request_mode are what is asked for. They are for
// who received it, like the next two.
const char *rule_request_host(const struct rule_request *request);
const char *rule_request_mode(const struct rule_request *request);

// rule_request_answer sends `outcome`, which it copies, back, and ends
// `request`; rule_request_drop ends it without.
void rule_request_answer(struct rule_request *request,
                         const struct rule_outcome *outcome);
void rule_request_drop(struct rule_request *request);

#endif
