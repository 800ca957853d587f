// inspect_json tells programs what `echproxy inspect` found (docs/KEYS.md).

#ifndef ECHPROXY_PROXY_INSPECT_JSON_H
#define ECHPROXY_PROXY_INSPECT_JSON_H

#include "proxy/inspect_report.h"

// inspect_json_print prints `report` to standard output as one object.
void inspect_json_print(const struct inspect_report *report);

#endif
