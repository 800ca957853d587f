// rule_file writes the mode of one site into the configuration file
// (rule_text.h), whole or not at all.

#ifndef ECHPROXY_PROXY_RULE_FILE_H
#define ECHPROXY_PROXY_RULE_FILE_H

#include <stdbool.h>

#include "keys/key_error.h"

// rule_file_set changes the file `path`, whose mode and owner stay and at whose
// place a symbolic link stays one. One that is not there is made, with the
// directories above it, for its owner alone. `mode` is "pass" or "strict", or
// NULL for none. `*out_line` is the line that has it now, or 0. False, with the
// reason and what to do in `out_error`, when it cannot be written, or would not
// be understood: then it is as it was.
bool rule_file_set(const char *path, const char *host, const char *mode,
                   int *out_line, struct key_error *out_error);

#endif
