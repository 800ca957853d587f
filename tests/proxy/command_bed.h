// command_bed runs a command of the program in the test's own process: in an
// empty directory, with what it prints in the files `out` and `err` there.

#ifndef ECHPROXY_TESTS_PROXY_COMMAND_BED_H
#define ECHPROXY_TESTS_PROXY_COMMAND_BED_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "keys/support.h"

enum { kCommandBedMaxArgs = 600 };

// enter_scratch makes the directory and goes there.
static inline struct scratch enter_scratch(void) {
  struct scratch scratch = scratch_new();
  cr_assert(chdir(scratch.dir) == 0);
  return scratch;
}

// command_bed_run returns the exit code. `line` is split at its spaces.
static inline int command_bed_run(int (*command)(int argc, char **argv),
                                  char *name, const char *line) {
  static char copy[8192];
  static char *argv[kCommandBedMaxArgs + 1];
  int argc = 1;
  argv[0] = name;
  snprintf(copy, sizeof(copy), "%s", line);
  for (char *arg = strtok(copy, " "); arg != NULL; arg = strtok(NULL, " ")) {
    cr_assert(argc < kCommandBedMaxArgs);
    argv[argc++] = arg;
  }
  argv[argc] = NULL;
  cr_assert(freopen("out", "w", stdout) != NULL);
  cr_assert(freopen("err", "w", stderr) != NULL);
  int code = command(argc, argv);
  fflush(stdout);
  fflush(stderr);
  return code;
}

// printed says whether `text` is in one of the two files.
static inline bool printed(const char *file, const char *text) {
  char *all = get_file(file);
  bool found = strstr(all, text) != NULL;
  free(all);
  return found;
}

#endif
