// refusal puts into words why an intercepted site was not reached, for the page
// that the browser gets instead.

#ifndef ECHPROXY_PROXY_REFUSAL_H
#define ECHPROXY_PROXY_REFUSAL_H

#include "ech/origin.h"
#include "proxy/page.h"

// A page and the texts that it borrows from.
struct refusal {
  struct page page;
  char cause[640];
  char protection[512];
  char lines[512];
};

// refusal_for_origin fills `out` for `host`, which `out` borrows, from what
// origin_dial_start reported. `status` is not ORIGIN_OK.
void refusal_for_origin(struct refusal *out, const char *host,
                        enum origin_status status,
                        const struct origin_report *report);

#endif
