// proxy is what all connections of one worker of the running program share, and
// the list of those that are open. Everything in it belongs to the worker's
// thread, but for what says that it is thread-safe.

#ifndef ECHPROXY_PROXY_PROXY_H
#define ECHPROXY_PROXY_PROXY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/lookup_answer.h"
#include "net/upstream.h"
#include "net/worker.h"
#include "proxy/guesses.h"
#include "proxy/log.h"

enum proxy_mode {
  MODE_PREFER,  // ECH where there is one, else the browser's own bytes
  MODE_STRICT,  // ECH or nothing
  MODE_PASS,    // always the browser's own bytes; for single sites only, whose
                // names the user wants to be in the clear
};

// An open connection of any kind, embedded in the object that it stands for.
// Its fields belong to proxy_add and proxy_remove.
struct connection {
  void (*close)(void *owner);
  void *owner;
  struct connection *next;
  struct connection *prev;
};

// How many connections all workers together have, and may have, and the pipes
// besides, which are open files too. Thread-safe.
struct proxy_limit {
  size_t max_connections;  // each other worker may go one beyond
  unsigned max_pipes;      // of each worker (net/splice.h)
  atomic_size_t num_connections;
  atomic_bool complained;  // that there are too many: once is enough
};

struct proxy {
  // The worker's own.
  struct worker *worker;
  struct guesses guesses;          // wrong passwords that wait for an answer
  struct terms *terms;             // terms.h: for connections that begin now
  const struct log *log;           // of the configuration in force
  struct connection *connections;  // the open ones, newest first
  struct connection *watchers;     // those that only look on, likewise
  atomic_size_t num_connections;   // as many; read by any thread

  // The same for all workers, thread-safe or never changed, and borrowed.
  struct proxy_limit *limit;
  struct greeter *greeter;  // proxy/greeter.h
  const char *ca_path;      // of the CA's certificate, for messages and pages
  const char *ca_pem;       // the certificate itself; NULL when unknown
  // What was done since the start (status/, ech/resolver_health.h).
  struct journal *journal;
  struct tally *tally;
  struct advice_book *advice;
  struct resolver_health *resolver_health;
  struct local_site *local;  // of the proxy's own pages; local_site.h
};

// proxy_add puts `connection` on the list; `close(owner)` must drop `owner`
// at once, and proxy_remove it.
void proxy_add(struct proxy *proxy, struct connection *connection,
               void (*close)(void *owner), void *owner);
void proxy_remove(struct proxy *proxy, struct connection *connection);

// proxy_add_watcher and proxy_remove_watcher do the same for a connection that
// watches what the others do. It does not count among them: nobody waits for
// its end, and proxy_close_watchers ends it when the others are waited for.
void proxy_add_watcher(struct proxy *proxy, struct connection *connection,
                       void (*close)(void *owner), void *owner);
void proxy_remove_watcher(struct proxy *proxy, struct connection *connection);
void proxy_close_watchers(struct proxy *proxy);

// proxy_is_full says whether there are as many connections as there may be.
bool proxy_is_full(const struct proxy *proxy);

// proxy_via returns the upstream proxy to reach the site of `answer` through,
// or NULL: there is none, or the site is on this machine.
const struct upstream *proxy_via(const struct upstream *upstream,
                                 const struct lookup_answer *answer);

// proxy_keeps_from says why a client may not reach the site of `answer`, or
// NULL: this machine's loopback, by whatever name, is for who `is_from_here`,
// on a connection over loopback himself.
const char *proxy_keeps_from(const struct lookup_answer *answer,
                             bool is_from_here);

// proxy_close_all closes every open connection, watchers too.
void proxy_close_all(struct proxy *proxy);

#endif
