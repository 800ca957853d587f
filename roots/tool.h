// tool runs the programs of others that keep a store of roots: certutil,
// update-ca-certificates and the like. No shell has a part in it.

#ifndef ECHPROXY_ROOTS_TOOL_H
#define ECHPROXY_ROOTS_TOOL_H

#include <stdbool.h>
#include <stddef.h>

enum tool_outcome {
  TOOL_DONE,       // it ended with 0
  TOOL_FAILED,     // it ended with something else
  TOOL_MISSING,    // there is no such program
  TOOL_TIMED_OUT,  // it was killed
};

// What a program left.
struct tool_run {
  enum tool_outcome outcome;
  char *output;  // standard output and error, cut at 256 KiB, NUL at its end
  size_t output_len;
};

// tool_run_init runs `argv` (NULL at its end; its first element is a path, or a
// name that is looked for on PATH) to its end, for at most `timeout_ms`. It has
// nothing to read and no terminal to ask on. Released with tool_run_cleanup.
void tool_run_init(struct tool_run *run, const char *const argv[],
                   int timeout_ms);
void tool_run_cleanup(struct tool_run *run);

// tool_last_line cuts the output down to its last line that is not empty, which
// is where programs say what was wrong, and returns it.
const char *tool_last_line(struct tool_run *run);

#endif
