// resolver_health is how the configured DNS servers do, as far as the lookups
// of all workers have shown. Thread-safe; resolvers write to it
// (resolver_use_health in lookup.h), and whoever shows it reads.

#ifndef ECHPROXY_ECH_RESOLVER_HEALTH_H
#define ECHPROXY_ECH_RESOLVER_HEALTH_H

#include <stdint.h>

enum resolver_state {
  RESOLVER_UNUSED,  // nothing was asked yet
  RESOLVER_OK,
  RESOLVER_FAILING,  // the last attempts have failed
};

struct resolver_health;

// resolver_health_new makes that of servers that nobody has asked. Released
// with resolver_health_free, which takes NULL.
struct resolver_health *resolver_health_new(void);
void resolver_health_free(struct resolver_health *health);

// resolver_health_answered notes that a server has answered.
void resolver_health_answered(struct resolver_health *health);

// resolver_health_failed notes that no server has, and why: a static text.
void resolver_health_failed(struct resolver_health *health, const char *why);

// Times are in milliseconds since 1970; 0: never.
struct resolver_report {
  enum resolver_state state;
  int64_t last_ok_ms;
  int64_t last_failed_ms;
  const char *last_error;  // static; NULL: there was none
};

void resolver_health_read(struct resolver_health *health,
                          struct resolver_report *out);

#endif
