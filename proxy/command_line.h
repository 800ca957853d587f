// command_line splits the words behind a command into options and arguments, by
// one rule for all commands: `--name VALUE` and `--name=VALUE` with the whole
// name, letters behind one dash, `--` before arguments that begin with a dash.

#ifndef ECHPROXY_PROXY_COMMAND_LINE_H
#define ECHPROXY_PROXY_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum {
  kCommandLineMaxOptions = 32,
  kCommandLineArgument = -1,
};

// An option that a command has. A table of them ends in one without a name.
struct command_option {
  const char *name;  // without dashes
  char letter;       // the short option, or 0
  bool has_value;
};

// One option as it was given, or an argument.
struct command_word {
  int option;         // its place in the table, or kCommandLineArgument
  const char *value;  // NULL for an option without one; else points into argv
};

struct command_line {
  struct command_word *words;  // in the order of the command line
  size_t num_words;
  char error[512];  // one line that says what is wrong
};

// command_line_parse reads `argv`, whose first word is the name of the command
// and skipped. False with `error` for an option that is not in the table, or
// that lacks its value or has one too many. It is released with
// command_line_cleanup either way, and its values live as long as `argv`.
bool command_line_parse(struct command_line *line,
                        const struct command_option *options,
                        const char *command, int argc, char **argv);

void command_line_cleanup(struct command_line *line);

// command_line_one_argument returns the one argument, or NULL with `error` when
// there is none or several. `what` is what the argument is, such as "FILE".
const char *command_line_one_argument(struct command_line *line,
                                      const char *what);

// command_line_number takes decimal digits only. False when `text` is anything
// else or is not from `min` to `max`.
bool command_line_number(long *out, const char *text, long min, long max);

// command_line_take_number does that for the option `name`, and sets `error`
// when it is not so.
bool command_line_take_number(struct command_line *line, long *out,
                              const char *name, const char *text, long min,
                              long max);

// command_line_set_error writes the message, printf's way, and returns false.
// What the user wrote is repeated in it without its control characters.
__attribute__((format(printf, 2, 3))) bool command_line_set_error(
    struct command_line *line, const char *format, ...);

// command_line_complain prints such a message for `command`, in one line on
// standard error.
__attribute__((format(printf, 2, 3))) void command_line_complain(
    const char *command, const char *format, ...);

#endif
