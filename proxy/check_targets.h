// check_targets are the hosts that `echproxy check` was given, on its command
// line or one a line on standard input.

#ifndef ECHPROXY_PROXY_CHECK_TARGETS_H
#define ECHPROXY_PROXY_CHECK_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "proxy/authority.h"

enum { kCheckMaxTargets = 10000 };

// Zero when empty.
struct check_targets {
  struct authority *items;  // each has a port
  size_t num;
  bool is_list;  // several were asked for, or a list was read
};

// check_targets_add adds HOST[:PORT], port 443 unless it says another; an IPv6
// address alone may stand without brackets. Otherwise it returns what is wrong,
// a static text.
const char *check_targets_add(struct check_targets *targets, const char *text);

// check_targets_read adds those of `in`, one a line. Blanks around them, empty
// lines and what is behind a '#' do not count. At the first wrong line it stops
// and says what is wrong with it in `out_error` of `size` octets.
bool check_targets_read(struct check_targets *targets, FILE *in,
                        char *out_error, size_t size);

void check_targets_cleanup(struct check_targets *targets);

#endif
