// status_watch is `echproxy status --watch`: it shows what a proxy does as it
// does it, on the whole terminal, until somebody types q.

#ifndef ECHPROXY_PROXY_STATUS_WATCH_H
#define ECHPROXY_PROXY_STATUS_WATCH_H

#include "proxy/running_list.h"
#include "proxy/status_client.h"

// status_watch_possible says whether standard input and output are a terminal
// on which it can be shown.
bool status_watch_possible(void);

// status_watch_run shows `running` on the terminal, which it leaves as it was,
// also when it is interrupted. STATUS_MORE when somebody has ended it, with the
// signal in `*out_signal` if it was one that ends programs and 0 otherwise;
// else why there is nothing more to show: the proxy has stopped, or does not
// answer.
enum status_outcome status_watch_run(const struct running *running,
                                     int *out_signal);

#endif
