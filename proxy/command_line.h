// command_line reads the command lines of the commands that have no
// configuration file: options by their whole names, in any order with the
// arguments. What is wrong is said in one line on standard error.

#ifndef ECHPROXY_PROXY_COMMAND_LINE_H
#define ECHPROXY_PROXY_COMMAND_LINE_H

#include <stdbool.h>
#include <stdint.h>

// One option, by its name without the dashes. Its value is left in `*value`,
// borrowed from the command line; a flag has its own name for one.
struct command_option {
  const char *name;
  const char **value;
  bool is_flag;
};

// command_line_read reads `argv`, whose first element is the command's name,
// with `options`, a NULL name at their end. It moves what is no option to the
// front of `argv`, after that name, sets `*out_num` to how many there are, and
// leaves NULL after them. `--` ends the options, `-` alone is none, and -h is
// --help.
bool command_line_read(int *out_num, const struct command_option *options,
                       int argc, char **argv);

// command_line_wrong says that the command line of `command` is wrong, printf's
// way, and returns false.
__attribute__((format(printf, 2, 3))) bool command_line_wrong(
    const char *command, const char *format, ...);

// command_line_number reads a decimal number from `min` to `max`. `*out` stays
// as it is when `text` is NULL, the option's absence.
bool command_line_number(const char *command, const char *option,
                         const char *text, uint32_t min, uint32_t max,
                         uint32_t *out);

// command_line_duration reads a number of seconds with a unit behind it, s, m,
// h or d, of a year at most. `*out` stays as it is when `text` is NULL.
bool command_line_duration(const char *command, const char *option,
                           const char *text, uint32_t *out);

#endif
