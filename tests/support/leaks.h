// leaks lets a test fail when it leaks: Criterion passes one that does.

#ifndef ECHPROXY_TESTS_SUPPORT_LEAKS_H
#define ECHPROXY_TESTS_SUPPORT_LEAKS_H

#include <stdbool.h>
#include <stddef.h>

// LeakSanitizer's, absent from a build without sanitizers.
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

// leaks_none says whether all memory that was allocated so far is still in
// reach or free. It is always so in a build without LeakSanitizer.
static inline bool leaks_none(void) {
  return __lsan_do_recoverable_leak_check == NULL ||
         __lsan_do_recoverable_leak_check() == 0;
}

#endif
