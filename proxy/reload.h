// reload reads the configuration again, the command line and the file, while
// the proxy runs, and puts it in force. What takes time in that, files and the
// names of upstream proxies, is done on a thread of its own.

#ifndef ECHPROXY_PROXY_RELOAD_H
#define ECHPROXY_PROXY_RELOAD_H

#include <openssl/x509.h>

#include "proxy/crew.h"

struct reload;

// reload_open prepares reloads for `crew`, for its first worker's thread, by
// the command line `argv` that the proxy was started with. It borrows all of
// its arguments; `own_ca` is the CA that sites must not use.
struct reload *reload_open(struct crew *crew, X509 *own_ca, int argc,
                           char **argv);

// reload_done_cb is told that what reload_start was asked for is over:
// `why_not` is NULL when the new configuration is in force on all workers, else
// one line, borrowed until it returns.
typedef void reload_done_cb(void *owner, const char *why_not);

// reload_require_users says that the proxy listens where other machines can
// reach it: a configuration without users is wrong from now on.
void reload_require_users(struct reload *reload);

// reload_start begins to read, or, when that is under way, will do it once more
// after that. In the end the new configuration is in force (crew_apply), or,
// when anything in it is wrong, the old one still is, and one line in the log
// says which. What no reload can change, and would, is told in another line and
// stays. `done`, which may be NULL, then runs, unless reload_close is called
// before; only one at a time may wait for it.
void reload_start(struct reload *reload, reload_done_cb *done, void *owner);

// reload_close releases `reload`, before its crew is freed: nothing is put in
// force any more. NULL does nothing.
void reload_close(struct reload *reload);

#endif
