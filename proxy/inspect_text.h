// inspect_text tells people what `echproxy inspect` found.

#ifndef ECHPROXY_PROXY_INSPECT_TEXT_H
#define ECHPROXY_PROXY_INSPECT_TEXT_H

#include "proxy/inspect_report.h"

// inspect_text_print prints `report` to standard output.
void inspect_text_print(const struct inspect_report *report);

#endif
