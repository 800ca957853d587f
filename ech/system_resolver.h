// system_resolver asks this machine's own resolver, for the names that public
// DNS knows nothing about: .local, single labels.

#ifndef ECHPROXY_ECH_SYSTEM_RESOLVER_H
#define ECHPROXY_ECH_SYSTEM_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "net/worker.h"

struct system_query;

// system_query_cb receives the addresses, borrowed until it returns. `err` is
// 0, a libuv error (UV_EAI_NONAME: no such name), or UV_ETIMEDOUT.
typedef void system_query_cb(void *owner, int err,
                             const struct address *addresses,
                             size_t num_addresses);

// system_query_start asks for `name`, which it copies, and puts `port` into the
// addresses, at most 16. The result is valid until `done` runs or
// system_query_cancel is called. The thread that asks may go on for longer and
// keeps the loop alive.
struct system_query *system_query_start(struct worker *worker, const char *name,
                                        uint16_t port, uint64_t timeout_ms,
                                        system_query_cb *done, void *owner);

// system_query_cancel drops `query`; `done` will not run. NULL does nothing.
void system_query_cancel(struct system_query *query);

#endif
