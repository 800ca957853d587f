// status_shell is the status page as it is sent (status/page.h): its style and
// script under a nonce, and no data.

#ifndef ECHPROXY_PROXY_STATUS_SHELL_H
#define ECHPROXY_PROXY_STATUS_SHELL_H

#include "net/worker.h"

// status_shell_write appends the page, whose style and script may run by
// `nonce`.
void status_shell_write(struct bytes *out, const char *nonce);

#endif
