// page is the HTML that a person sees when something was refused: one template,
// plain English, no link to anywhere, readable in light and dark.

#ifndef ECHPROXY_PROXY_PAGE_H
#define ECHPROXY_PROXY_PAGE_H

#include <stdbool.h>

#include "net/worker.h"

struct page {
  int status;              // HTTP status, such as 502
  const char *phrase;      // its reason phrase
  const char *title;       // "The site's certificate could not be verified"
  const char *host;        // shown, escaped; NULL when there is none to show
  const char *cause;       // what failed
  const char *protection;  // what was protected, what an observer saw
  const char *advice;      // what to do next, as for html_prose
  const char *lines;       // to be copied, under the advice; NULL for none
};

// page_write appends a whole HTTP/1.1 response that ends the connection to
// `out`. The first line of its body is a comment with the cause, so that curl
// shows it. Without a body for `head_only` (HEAD).
void page_write(struct bytes *out, const struct page *page, bool head_only);

#endif
