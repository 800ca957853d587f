// lifecycle is how the running proxy answers signals, on the first worker for
// all of them: SIGTERM and SIGINT let open connections finish and then stop it,
// a second one stops it at once, SIGUSR1 logs what it has done so far, and
// SIGHUP makes it forget the session tickets and configurations that it has
// from sites, and which certificates it has verified, and read its own
// configuration again.

#ifndef ECHPROXY_PROXY_LIFECYCLE_H
#define ECHPROXY_PROXY_LIFECYCLE_H

#include "proxy/crew.h"
#include "proxy/reload.h"
#include "status/tally.h"

enum { kLifecycleDrainMs = 5000 };

struct lifecycle;

// lifecycle_open watches the signals. It borrows all of its arguments: `tally`
// for SIGUSR1, and what SIGHUP starts. To stop, it makes crew_run return.
struct lifecycle *lifecycle_open(struct crew *crew, struct tally *tally,
                                 struct reload *reload);

// lifecycle_close gives the signals back and releases `lifecycle`, before its
// crew is freed. NULL does nothing.
void lifecycle_close(struct lifecycle *lifecycle);

#endif
