#include "proxy/process_memory.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "build_config.h"

void process_memory_protect(void) {
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, ECHPROXY_DUMPABLE);
}
