// crew is the workers of the running proxy. Each has a loop, a listener, a
// resolver's sessions and its connections to itself, and the same
// configuration, greeter and answers as all others (proxy.h, terms.h). The
// first worker is on the thread that calls all of this, the main thread, and
// the others have threads of their own, so that a crew of one is a program of
// one thread.

#ifndef ECHPROXY_PROXY_CREW_H
#define ECHPROXY_PROXY_CREW_H

#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "proxy/config.h"
#include "proxy/proxy.h"
#include "proxy/service_manager.h"

struct crew;

// crew_new makes `num_workers` > 0 workers. Each gets a copy of `common`, what
// it shares being borrowed while the crew lives, and terms for `config`, of
// which it keeps a reference. Released with crew_free.
struct crew *crew_new(size_t num_workers, const struct proxy *common,
                      struct config *config);

// crew_apply puts `config`, of which it keeps a reference, in force for all
// connections that begin from now on; the others go on with what they began
// with. `done(owner)` runs when all workers have it, unless the crew is freed
// first; until then nothing else is applied. For the main thread, once the crew
// has started.
void crew_apply(struct crew *crew, struct config *config,
                void (*done)(void *owner), void *owner);

// crew_config returns the configuration in force, borrowed until the next is
// applied. For the main thread.
struct config *crew_config(const struct crew *crew);

// crew_listen opens all listeners at one address, as listener_open does. False
// with the libuv error in `out_err`.
bool crew_listen(struct crew *crew, struct address *out_bound, int *out_err,
                 const struct address *address);

// crew_listen_on has all workers listen on `sockets` instead, one at least,
// which it takes.
bool crew_listen_on(struct crew *crew, int *out_err,
                    const struct service_sockets *sockets);

// crew_start starts the threads of all workers but the first. False with the
// libuv error in `out_err` when there can be no more threads.
bool crew_start(struct crew *crew, int *out_err);

// crew_run runs the first worker until crew_stop is called, or all connections
// have ended after crew_drain.
void crew_run(struct crew *crew);

// crew_drain closes all listeners, and stops the crew when no connection is
// open any more.
void crew_drain(struct crew *crew);

// crew_stop makes crew_run return, and the other workers close what is open.
void crew_stop(struct crew *crew);

// crew_num_open returns how many connections all workers have.
size_t crew_num_open(const struct crew *crew);

// crew_worker returns the first worker.
struct worker *crew_worker(const struct crew *crew);

// crew_free stops the crew, closes all connections, waits for the threads and
// releases the workers. It returns 0, or the error of worker_free when
// something was left open. NULL does nothing.
int crew_free(struct crew *crew);

#endif
