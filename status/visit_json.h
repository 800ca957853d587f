// visit_json puts what the journal knows of connections into JSON, in the form
// of status_json. Each function returns a text that is released with `free`,
// and its length.

#ifndef ECHPROXY_STATUS_VISIT_JSON_H
#define ECHPROXY_STATUS_VISIT_JSON_H

#include <stddef.h>

#include "status/journal.h"

// visit_json_row returns one row, as a watcher of /api/events gets it.
char *visit_json_row(const struct visit_row *row, size_t *out_len);

// visit_json_list returns the object of GET /api/visits: all rows of the
// journal, the newest first.
char *visit_json_list(struct journal *journal, size_t *out_len);

// visit_json_detail returns the object of GET /api/visits/ID: the row with its
// ClientHellos, their octets and fields.
char *visit_json_detail(const struct visit_row *row,
                        const struct visit_hellos *hellos, size_t *out_len);

#endif
