#include "proxy/status_rows.h"

#include <string.h>

void status_rows_put(struct status_rows *rows, const struct status_row *row) {
  size_t at = 0;
  while (at < rows->num && rows->items[at].id > row->id) {
    at++;
  }
  if (at == kStatusRowsMax) {
    return;
  }
  if (at == rows->num || rows->items[at].id != row->id) {
    size_t kept = rows->num < kStatusRowsMax ? rows->num : kStatusRowsMax - 1;
    memmove(&rows->items[at + 1], &rows->items[at],
            (kept - at) * sizeof(*rows->items));
    rows->num = kept + 1;
  }
  rows->items[at] = *row;
}
