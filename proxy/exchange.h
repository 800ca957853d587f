// exchange carries one HTTP/1.1 request from a browser to an origin and the
// answer back, with back-pressure both ways. Bodies are framed anew, so that
// what is cut short on one side is seen to be so on the other.

#ifndef ECHPROXY_PROXY_EXCHANGE_H
#define ECHPROXY_PROXY_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/stream.h"
#include "net/worker.h"
#include "proxy/http_head.h"

enum { kExchangeIdleMs = 5 * 60 * 1000 };  // without a byte either way

// What is to be known of a request besides its head.
struct exchange_request {
  enum http_framing framing;  // of its body
  uint64_t length;
  bool is_head;
  bool is_http_1_0;  // the browser knows no chunks and no 1xx
};

struct exchange_result {
  const char *cause;  // NULL: the answer was carried in whole
  // What to answer instead: 400, 502 or 504. 0: the answer has begun, and the
  // connection must end now so that it is seen to be cut short, or nobody is
  // there to be answered.
  int status;
};

struct exchange_events {
  // moved tells of octets, `up` from the browser, `down` from the origin: as
  // they were received, but for the request's head, which is as the origin gets
  // it. It must not cancel the exchange.
  void (*moved)(void *owner, size_t up, size_t down);

  // done receives the outcome; `result` is borrowed until it returns. The
  // browser has been sent everything that there was, and is the caller's again.
  void (*done)(void *owner, const struct exchange_result *result);
};

struct exchange;

// exchange_start sends `head` (of `head_len` bytes, as the origin wants it) and
// then the body that follows on `browser`, which it borrows until `done` runs
// or exchange_cancel returns. It takes `origin`; `events` is static. A browser
// that is HTTP/1.0 and gets a body without a length cannot see that it was cut
// short.
struct exchange *exchange_start(struct worker *worker, struct stream *browser,
                                struct stream *origin,
                                const struct exchange_request *request,
                                const uint8_t *head, size_t head_len,
                                const struct exchange_events *events,
                                void *owner);

// exchange_cancel drops the exchange and its origin; `done` will not run. NULL
// does nothing.
void exchange_cancel(struct exchange *exchange);

#endif
