#include "proxy/command_line.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kMaxSeconds = 366 * 24 * 60 * 60 };

// print_line keeps what the user wrote, which is repeated in it, from making it
// two lines or steering the terminal.
static void print_line(char *text) {
  for (char *c = text; *c != '\0'; c++) {
    if ((unsigned char)*c < 0x20 || *c == 0x7f) {
      *c = '?';
    }
  }
  fprintf(stderr, "%s\n", text);
}

bool command_line_wrong(const char *command, const char *format, ...) {
  char text[512];
  int len = snprintf(text, sizeof(text), "echproxy %s: ", command);
  va_list args;
  va_start(args, format);
  vsnprintf(text + len, sizeof(text) - (size_t)len, format, args);
  va_end(args);
  print_line(text);
  return false;
}

// find_option finds the option that `word` names, with "=VALUE" or without.
static const struct command_option *find_option(
    const struct command_option *options, const char *word) {
  size_t len = strcspn(word, "=");
  for (; options->name != NULL; options++) {
    if (strlen(options->name) == len &&
        strncmp(options->name, word, len) == 0) {
      return options;
    }
  }
  return NULL;
}

// take_option takes the option at `argv[*at]`, and its value behind it.
static bool take_option(const struct command_option *options, int *at,
                        char **argv) {
  const char *command = argv[0];
  const char *word = strcmp(argv[*at], "-h") == 0 ? "--help" : argv[*at];
  const struct command_option *option =
      strncmp(word, "--", 2) == 0 ? find_option(options, word + 2) : NULL;
  const char *equals = strchr(word, '=');
  if (option == NULL) {
    return command_line_wrong(
        command, "unknown option '%s' (see echproxy %s --help)", word, command);
  }
  if (option->is_flag && equals != NULL) {
    return command_line_wrong(command, "option --%s takes no value",
                              option->name);
  }
  if (*option->value != NULL && !option->is_flag) {
    return command_line_wrong(command, "option --%s is given twice",
                              option->name);
  }
  *option->value = option->is_flag  ? option->name
                   : equals != NULL ? equals + 1
                                    : argv[++*at];
  return *option->value != NULL ||
         command_line_wrong(command, "option --%s needs a value", option->name);
}

bool command_line_read(int *out_num, const struct command_option *options,
                       int argc, char **argv) {
  int num = 0;
  bool options_ended = false;
  for (int at = 1; at < argc; at++) {
    char *word = argv[at];
    if (options_ended || word[0] != '-' || word[1] == '\0') {
      argv[++num] = word;
    } else if (strcmp(word, "--") == 0) {
      options_ended = true;
    } else if (!take_option(options, &at, argv)) {
      return false;
    }
  }
  argv[num + 1] = NULL;
  *out_num = num;
  return true;
}

// read_number reads the digits at the start of `text`.
static bool read_number(const char *text, uint32_t max, const char **out_end,
                        uint32_t *out) {
  uint64_t value = 0;
  const char *c = text;
  for (; *c >= '0' && *c <= '9'; c++) {
    value = value * 10 + (uint64_t)(*c - '0');
    if (value > max) {
      return false;
    }
  }
  *out_end = c;
  *out = (uint32_t)value;
  return c > text;
}

bool command_line_number(const char *command, const char *option,
                         const char *text, uint32_t min, uint32_t max,
                         uint32_t *out) {
  const char *end;
  uint32_t value;
  if (text == NULL) {
    return true;
  }
  if (!read_number(text, max, &end, &value) || *end != '\0' || value < min) {
    return command_line_wrong(command,
                              "--%s must be a number from %u to %u, not '%s'",
                              option, min, max, text);
  }
  *out = value;
  return true;
}

bool command_line_duration(const char *command, const char *option,
                           const char *text, uint32_t *out) {
  static const char kUnits[] = "smhd";
  static const uint32_t kSeconds[] = {1, 60, 60 * 60, 24 * 60 * 60};
  const char *end;
  uint32_t value;
  if (text == NULL) {
    return true;
  }
  if (read_number(text, kMaxSeconds, &end, &value) && value > 0 &&
      end[0] != '\0' && end[1] == '\0' && strchr(kUnits, end[0]) != NULL) {
    uint64_t seconds =
        (uint64_t)value * kSeconds[strchr(kUnits, end[0]) - kUnits];
    if (seconds <= kMaxSeconds) {
      *out = (uint32_t)seconds;
      return true;
    }
  }
  return command_line_wrong(
      command,
      "--%s must be a time of a year at most such as 90s, 30m, 1h or 7d, "
      "not '%s'",
      option, text);
}
