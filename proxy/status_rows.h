// status_rows keeps the newest connections of a proxy that is watched.

#ifndef ECHPROXY_PROXY_STATUS_ROWS_H
#define ECHPROXY_PROXY_STATUS_ROWS_H

#include <stddef.h>

#include "proxy/status_view.h"

enum { kStatusRowsMax = 256 };

// Zero when empty.
struct status_rows {
  struct status_row items[kStatusRowsMax];  // the newest first
  size_t num;
};

// status_rows_put enters a row, in place of the one with its id. With too many,
// the oldest is forgotten.
void status_rows_put(struct status_rows *rows, const struct status_row *row);

#endif
