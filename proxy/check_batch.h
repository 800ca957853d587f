// check_batch makes the checks of `echproxy check`, several at a time on one
// loop, with one resolver and one memory of sites: each looks its site up and
// connects to it as the proxy would.

#ifndef ECHPROXY_PROXY_CHECK_BATCH_H
#define ECHPROXY_PROXY_CHECK_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/check_report.h"
#include "proxy/options.h"
#include "proxy/trust.h"

enum { kCheckAtOnce = 8 };

// Who is told. What is borrowed is so until the call returns.
struct check_watcher {
  void *owner;
  // Of each target in the order given, as soon as it and those before it are
  // done.
  void (*on_report)(void *owner, const struct check_report *report);
  // Before the first, and whenever one more is done.
  void (*on_progress)(void *owner, size_t num_done);
};

// check_batch_run checks all targets of `options` and returns when they are
// done. False when the event loop ended before them, or was not empty then.
bool check_batch_run(const struct options *options, const struct trust *trust,
                     const struct check_watcher *watcher);

#endif
