// worker is what the connections of one thread share: the libuv loop, the
// buffers that bytes pass through, and a queue for callbacks that must not run
// before the function that asked for them has returned. Every stream, dial and
// lookup belongs to one worker and is used on its thread only. What other
// threads want of them is posted.

#ifndef ECHPROXY_NET_WORKER_H
#define ECHPROXY_NET_WORKER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "net/burst.h"
#include "net/bytes.h"
#include "net/splice.h"

enum {
  // What one read from a socket takes at most, and what one write to a socket
  // that was filled by TLS is made of.
  kWorkerReadSize = 256 * 1024,
  // Plaintext that a TLS session hands on at most at once: the largest record,
  // which stays in the processor's cache until it is encrypted again.
  kWorkerPlainSize = 16 * 1024,
};

struct worker;

// A task is a callback to be run by `worker_defer`. It is embedded in the
// object that it calls, zero at first. Its fields belong to the worker.
struct task {
  void (*run)(void *owner);
  void *owner;
  struct task *next;
  struct task *prev;
};

// worker_new returns a worker with a loop of its own, released with
// `worker_free`. It aborts when the kernel denies it an event loop.
struct worker *worker_new(void);

// worker_free runs what was posted before it, closes the loop, which must have
// no active handle but the worker's own, and frees `worker`. It returns 0, or
// the error of `uv_loop_close` (UV_EBUSY) when something was left open: a leak.
int worker_free(struct worker *worker);

// worker_run runs the loop until no handle but the worker's own is active.
void worker_run(struct worker *worker);

// worker_loop returns the loop, which lives as long as `worker`.
uv_loop_t *worker_loop(struct worker *worker);

// worker_read_buffer and worker_plain_buffer return the buffers for incoming
// bytes (kWorkerReadSize) and for decrypted ones (kWorkerPlainSize). What they
// hold is only valid until the callback that filled them returns.
uint8_t *worker_read_buffer(struct worker *worker);
uint8_t *worker_plain_buffer(struct worker *worker);

// worker_out_buffer returns the buffer that collects the TLS records of one
// write. Whoever uses it sets `len` to 0 first and is done with it when it
// returns: nothing that it calls in between runs a callback.
struct bytes *worker_out_buffer(struct worker *worker);

// worker_burst returns what gathers the writes of one event.
struct burst *worker_burst(struct worker *worker);

// worker_pipes returns the pipes through which bytes go from socket to socket.
struct splice_pool *worker_pipes(struct worker *worker);

// worker_defer calls `run(owner)` from the loop, soon, and never before
// worker_defer returns. A `task` that is already queued is left where it is.
void worker_defer(struct worker *worker, struct task *task,
                  void (*run)(void *owner), void *owner);

// worker_post calls `run(owner)` from `worker`'s loop, in the order of the
// posts. It alone may be called on any thread, until worker_free is. It keeps
// no loop running: what is posted to one that has nothing else to do waits
// until it has, or for worker_free.
void worker_post(struct worker *worker, void (*run)(void *owner), void *owner);

// worker_undefer takes `task` out of the queue; one that is not in it is left
// alone.
void worker_undefer(struct worker *worker, struct task *task);

#endif
