// service_manager is how the proxy works with whoever starts it as a service,
// systemd as a rule: it may be handed sockets that listen already
// (sd_listen_fds(3)), and says when it is ready (sd_notify(3)). Both protocols
// are a few environment variables, so that no library is needed for them.

#ifndef ECHPROXY_PROXY_SERVICE_MANAGER_H
#define ECHPROXY_PROXY_SERVICE_MANAGER_H

#include <stdbool.h>
#include <stddef.h>

#include "keys/key_error.h"
#include "net/address.h"

enum { kServiceManagerMaxSockets = 8 };

// The sockets that were passed, none as a rule.
struct service_sockets {
  size_t num;
  int fds[kServiceManagerMaxSockets];
  struct address addresses[kServiceManagerMaxSockets];
};

// service_manager_sockets takes the sockets out of the environment, before
// there are other threads. Each is one that listens for TCP connections; the
// caller owns it. False with `out_error` when one is anything else: none is
// owned then.
bool service_manager_sockets(struct service_sockets *out,
                             struct key_error *out_error);

// service_manager_check says whether all sockets are at loopback addresses, as
// they must be where there are no users; else `out_error` says which is not.
bool service_manager_check(const struct service_sockets *sockets,
                           struct key_error *out_error);

// service_manager_say tells the service manager `state`, such as "READY=1".
// Where there is none, or it does not listen, nothing happens.
void service_manager_say(const char *state);

#endif
