// keygen_options reads the command line of `echproxy keygen`.

#ifndef ECHPROXY_PROXY_KEYGEN_OPTIONS_H
#define ECHPROXY_PROXY_KEYGEN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/ech_key.h"
#include "proxy/command_line.h"

// What is asked for. Texts are of the command line.
struct keygen_options {
  bool help;
  bool force;
  enum ech_key_format format;
  const char *out;   // NULL: PUBLIC_NAME.ech
  const char *name;  // the site; never NULL
  uint16_t port;
  struct ech_key_spec spec;  // a config_id was picked if it was not given
};

// keygen_options_parse reads `argv`, whose first word is skipped, and the files
// of --avoid. It returns EX_OK, or the exit code with one line in `line->error`
// that says what is wrong. `options` is valid as long as `argv`; `line` is
// released with command_line_cleanup.
int keygen_options_parse(struct keygen_options *options,
                         struct command_line *line, int argc, char **argv);

#endif
