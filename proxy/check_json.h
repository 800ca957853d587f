// check_json tells what a check found out in one JSON object. Its shape is
// promised in docs/CHECK.md: what is there keeps its name and meaning.

#ifndef ECHPROXY_PROXY_CHECK_JSON_H
#define ECHPROXY_PROXY_CHECK_JSON_H

#include "proxy/check_report.h"

// check_json_print writes `report` to standard output, without a newline at its
// end.
void check_json_print(const struct check_report *report);

#endif
