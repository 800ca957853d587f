// killed_program runs a program and kills it in the middle, at whichever system
// call the test likes: between any two of them lies all that a crash can leave
// on a disk.

#ifndef ECHPROXY_TESTS_SUPPORT_KILLED_PROGRAM_H
#define ECHPROXY_TESTS_SUPPORT_KILLED_PROGRAM_H

#include <stdbool.h>

// killed_program_run runs `argv`, NULL at its end, whose first element is a
// path, and kills it when it is about to make its `nth` system call, from 0,
// after the first of number `after`, not counting reads and the like. It
// returns false when the program ended with 0 before that, and aborts the test
// when it ended in any other way.
bool killed_program_run(const char *const argv[], long after, int nth);

#endif
