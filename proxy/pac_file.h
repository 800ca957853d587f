// pac_file writes a proxy auto-configuration file. It fails closed: when the
// proxy does not answer, nothing is loaded directly.

#ifndef ECHPROXY_PROXY_PAC_FILE_H
#define ECHPROXY_PROXY_PAC_FILE_H

#include "net/worker.h"

// pac_file_write appends one that names the proxy at `address`, "HOST:PORT".
void pac_file_write(struct bytes *out, const char *address);

#endif
