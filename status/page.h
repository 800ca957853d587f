// page is the source of the status page (status/page/), which is built into the
// program. Its HTML has `<!--STYLE-->` and `<!--SCRIPT-->` where the other two
// belong. There is no data in it: its script asks for them.

#ifndef ECHPROXY_STATUS_PAGE_H
#define ECHPROXY_STATUS_PAGE_H

#include <stddef.h>

// A file's octets, with a NUL behind them that does not count.
struct embedded_text {
  const char *data;
  size_t len;
};

extern const struct embedded_text kStatusPageHtml;
extern const struct embedded_text kStatusPageCss;
extern const struct embedded_text kStatusPageJs;

#endif
