// lifecycle is how the running proxy answers signals, on the first worker for
// all of them: SIGTERM and SIGINT let open connections finish and then stop it,
// a second one stops it at once, SIGUSR1 logs what it has done so far, and
// SIGHUP makes it forget the session tickets and configurations that it has
// from sites, and which certificates it has verified.

#ifndef ECHPROXY_PROXY_LIFECYCLE_H
#define ECHPROXY_PROXY_LIFECYCLE_H

#include "keys/leaf.h"
#include "proxy/crew.h"
#include "proxy/proxy.h"

enum { kLifecycleDrainMs = 5000 };

struct lifecycle;

// lifecycle_open watches the signals. It borrows all of its arguments: what the
// workers of `crew` have in `common`, and `leaves`, for their count. To stop,
// it makes crew_run return.
struct lifecycle *lifecycle_open(struct crew *crew, const struct proxy *common,
                                 struct leaf_cache *leaves);

// lifecycle_close gives the signals back and releases `lifecycle`, before its
// crew is freed. NULL does nothing.
void lifecycle_close(struct lifecycle *lifecycle);

#endif
