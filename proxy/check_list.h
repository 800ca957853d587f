// check_list tells what checks of several hosts found out: a line for each, and
// what they come to.

#ifndef ECHPROXY_PROXY_CHECK_LIST_H
#define ECHPROXY_PROXY_CHECK_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/check_report.h"
#include "proxy/check_targets.h"

struct check_list {
  bool colour;
  int width;  // of the column of hosts
  size_t counts[CHECK_UNKNOWN + 1];
};

// check_list_init makes room for the names of `targets`.
void check_list_init(struct check_list *list, bool colour,
                     const struct check_targets *targets);

// check_list_print writes the line of one check to standard output.
void check_list_print(struct check_list *list,
                      const struct check_report *report);

// check_list_print_sum writes what all came to.
void check_list_print_sum(const struct check_list *list);

#endif
