#include "proxy/rule_request.h"

#include <stdatomic.h>
#include <stdio.h>

#include "net/xalloc.h"
#include "proxy/authority.h"

struct rule_request {
  const struct rule_inbox *inbox;
  char host[kAuthorityHostSize];
  const char *mode;
  atomic_uint num_refs;  // whoever asked, and who carries it out
  // For the thread of whoever asked.
  struct worker *worker;
  rule_request_cb *done;  // NULL: cancelled
  void *owner;
  // The answer, once it is sent.
  char *why_not;
  char *file;
  int line;
};

static void unref(struct rule_request *q) {
  if (--q->num_refs == 0) {
    free(q->why_not);
    free(q->file);
    free(q);
  }
}

// Runs on the inbox's thread.
static void on_sent(void *owner) {
  struct rule_request *q = owner;
  q->inbox->receive(q->inbox->owner, q);
}

struct rule_request *rule_request_send(const struct rule_inbox *inbox,
                                       struct worker *worker, const char *host,
                                       const char *mode, rule_request_cb *done,
                                       void *owner) {
  struct rule_request *q = xcalloc(1, sizeof(*q));
  q->inbox = inbox;
  q->worker = worker;
  snprintf(q->host, sizeof(q->host), "%s", host);
  q->mode = mode;
  q->done = done;
  q->owner = owner;
  q->num_refs = 2;
  worker_post(inbox->worker, on_sent, q);
  return q;
}

void rule_request_cancel(struct rule_request *q) {
  if (q != NULL) {
    q->done = NULL;
    unref(q);
  }
}

const char *rule_request_host(const struct rule_request *q) { return q->host; }

const char *rule_request_mode(const struct rule_request *q) { return q->mode; }

// Runs on the thread of whoever asked, or, when that has ended, on the main
// thread: then it was cancelled.
static void on_answered(void *owner) {
  struct rule_request *q = owner;
  rule_request_cb *done = q->done;
  if (done != NULL) {
    const struct rule_outcome outcome = {q->why_not, q->file, q->line};
    done(q->owner, &outcome);
    unref(q);  // whoever asked has no request any more
  }
  unref(q);
}

void rule_request_answer(struct rule_request *q,
                         const struct rule_outcome *outcome) {
  q->why_not = xstrdup(outcome->why_not);
  q->file = xstrdup(outcome->file);
  q->line = outcome->line;
  worker_post(q->worker, on_answered, q);
}

void rule_request_drop(struct rule_request *q) { unref(q); }
