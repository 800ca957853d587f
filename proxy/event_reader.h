// event_reader takes a stream of server-sent events apart (text/event-stream of
// the HTML standard): an event's name and its data. Comments, ids and what else
// there may be are left out.

#ifndef ECHPROXY_PROXY_EVENT_READER_H
#define ECHPROXY_PROXY_EVENT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/bytes.h"

enum {
  kEventNameSize = 32,
  kEventDataMax = 1024 * 1024,  // of one event, and of one line
};

// Zero at first; released with event_reader_cleanup.
struct event_reader {
  struct bytes line;  // so far
  char name[kEventNameSize];
  struct bytes data;
};

// event_reader_cb receives an event that is complete. The texts are borrowed
// until it returns.
typedef void event_reader_cb(void *owner, const char *name, const char *data,
                             size_t data_len);

// event_reader_feed reads `len` octets and calls `on_event` for each event that
// they end. False when an event or a line is longer than kEventDataMax: then
// nothing more can be read.
bool event_reader_feed(struct event_reader *reader, const uint8_t *data,
                       size_t len, event_reader_cb *on_event, void *owner);

void event_reader_cleanup(struct event_reader *reader);

#endif
