// lifecycle is how the running proxy answers signals: SIGTERM and SIGINT let
// open connections finish and then stop it, a second one stops it at once,
// SIGUSR1 logs what it has done so far, and SIGHUP makes it forget the session
// tickets and configurations that it has from sites.

#ifndef ECHPROXY_PROXY_LIFECYCLE_H
#define ECHPROXY_PROXY_LIFECYCLE_H

#include "keys/leaf.h"
#include "proxy/listener.h"
#include "proxy/proxy.h"

enum { kLifecycleDrainMs = 5000 };

struct lifecycle;

// lifecycle_open watches the signals. It takes `listener` and borrows `leaves`,
// for its count. To stop, it makes worker_run return.
struct lifecycle *lifecycle_open(struct proxy *proxy, struct listener *listener,
                                 struct leaf_cache *leaves);

// lifecycle_close closes the listener, gives the signals back and releases
// `lifecycle`. NULL does nothing.
void lifecycle_close(struct lifecycle *lifecycle);

#endif
