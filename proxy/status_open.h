// status_open opens the status page in the user's browser. The page's address
// has the token, which everybody on the machine could see on a command line: so
// the browser is given a file, which only the user can read and which leads
// there.

#ifndef ECHPROXY_PROXY_STATUS_OPEN_H
#define ECHPROXY_PROXY_STATUS_OPEN_H

#include <stdbool.h>

#include "keys/key_error.h"
#include "proxy/running_list.h"

enum { kStatusUrlSize = 256 };

// status_url writes the address of the page of `running` and returns `out`.
const char *status_url(char out[kStatusUrlSize], const struct running *running);

// status_open writes the file into the running/ of `state_dir`, from where the
// proxy removes it when it stops, and has xdg-open open it, which goes on by
// itself. False with `out_error` when either was not
// possible.
bool status_open(const char *state_dir, const char *url,
                 struct key_error *out_error);

#endif
