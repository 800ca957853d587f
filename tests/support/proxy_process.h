// proxy_process is the real program, as a user starts it.

#ifndef ECHPROXY_TESTS_SUPPORT_PROXY_PROCESS_H
#define ECHPROXY_TESTS_SUPPORT_PROXY_PROCESS_H

#include <stdint.h>

#include "support/peer.h"
#include "support/scratch.h"

struct proxy_process;

// What SIGUSR1 makes the proxy say.
struct proxy_status {
  unsigned long open;
  unsigned long hidden;
  unsigned long passed;
  unsigned long refused;
  unsigned long minted;
};

// proxy_process_start runs `binary` on a free port with `args` (NULL at its
// end) besides `--listen`, and waits until it listens. Released with
// proxy_process_stop.
struct proxy_process *proxy_process_start(struct scratch *scratch,
                                          const char *binary,
                                          const char *const args[]);

// proxy_process_stop ends it with SIGTERM if it still runs, and asserts that it
// exits with 0, in time, and that no sanitizer had anything to say. NULL does
// nothing.
void proxy_process_stop(struct proxy_process *process);

uint16_t proxy_process_port(const struct proxy_process *process);
struct peer *proxy_process_peer(struct proxy_process *process);

// proxy_process_status asks for the counters.
struct proxy_status proxy_process_status(struct proxy_process *process);

// proxy_process_wait_idle waits until no connection is open, at most
// `timeout_ms`, and returns the counters.
struct proxy_status proxy_process_wait_idle(struct proxy_process *process,
                                            int timeout_ms);

// proxy_process_env returns what makes a program write what a sanitizer finds
// to files in `scratch`; proxy_process_assert_clean asserts that there are
// none.
const char *const *proxy_process_env(struct scratch *scratch);
void proxy_process_assert_clean(struct scratch *scratch);

#endif
