// status_text is the summary that `echproxy status` prints: what runs, what it
// has done, and what there is to do.

#ifndef ECHPROXY_PROXY_STATUS_TEXT_H
#define ECHPROXY_PROXY_STATUS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "net/address.h"
#include "proxy/status_view.h"
#include "proxy/terminal.h"

enum { kStatusTextRows = 5 };  // of the newest connections

// status_text_print writes the summary of the proxy at `address` to `out`.
void status_text_print(FILE *out, const struct address *address,
                       const struct status_view *view,
                       const struct status_row *rows, size_t num_rows,
                       bool colour);

// status_text_verdict is how the verdict of a row is coloured.
enum terminal_style status_text_verdict(const char *verdict);

// status_text_seen is what can be told of a row: why it was refused, or the
// name that an observer saw. Borrowed from `row`, or static.
const char *status_text_seen(const struct status_row *row);

#endif
