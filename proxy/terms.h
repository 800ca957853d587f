// terms are what a connection goes by: what one configuration says, and the
// worker's resolver for that. After a reload the worker has other terms for the
// connections that come (config_terms.h), and those that began before keep
// theirs, with all that they borrow from there: the rule of their site, its
// client certificate, the upstream proxy, a lookup under way. A tunnel lets go
// of them when its site is reached and there are only bytes to pass on. They
// belong to the worker's thread.

#ifndef ECHPROXY_PROXY_TERMS_H
#define ECHPROXY_PROXY_TERMS_H

#include "net/worker.h"
#include "proxy/proxy.h"

struct terms {
  struct worker *worker;
  struct resolver *resolver;        // ech/lookup.h
  struct origin *origin;            // ech/origin.h
  enum proxy_mode mode;             // but for sites whose rule has another
  const struct upstream *upstream;  // to reach sites through, or NULL; likewise
  const struct site_rules *sites;   // proxy/site_rule.h; NULL: none
  const struct user_list *users;    // proxy/user_list.h; NULL: everybody
  struct config *config;            // that owns what is borrowed here
  unsigned num_refs;                // terms_ref's own
  struct task task;
  void (*release)(void *terms);  // what the last reference ends with
};

// terms_ref adds a reference and returns `terms`. terms_unref drops one; with
// the last, all goes, from the loop: its caller may be a callback of what goes.
// NULL does nothing.
struct terms *terms_ref(struct terms *terms);
void terms_unref(struct terms *terms);

#endif
