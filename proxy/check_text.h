// check_text tells what a check found out in plain English.

#ifndef ECHPROXY_PROXY_CHECK_TEXT_H
#define ECHPROXY_PROXY_CHECK_TEXT_H

#include <stdbool.h>

#include "proxy/check_report.h"

// check_text_print writes `report` to standard output, its verdict in colour if
// that is wanted.
void check_text_print(const struct check_report *report, bool colour);

#endif
