#include "proxy/command_line.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/key_error.h"
#include "net/xalloc.h"

bool command_line_set_error(struct command_line *line, const char *format,
                            ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(line->error, sizeof(line->error), format, args);
  va_end(args);
  key_error_make_plain(line->error);
  return false;
}

void command_line_complain(const char *command, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  key_error_make_plain(text);
  fprintf(stderr, "echproxy %s: %s\n", command, text);
}

// What getopt_long is told.
struct getopt_tables {
  struct option longs[kCommandLineMaxOptions + 1];
  char shorts[2 * kCommandLineMaxOptions + 3];
};

static void tables_init(struct getopt_tables *t,
                        const struct command_option *options) {
  memset(t, 0, sizeof(*t));
  // '-' has other arguments returned where they stand, ':' tells a missing
  // value from an unknown option.
  char *shorts = t->shorts;
  *shorts++ = '-';
  *shorts++ = ':';
  for (size_t i = 0; options[i].name != NULL; i++) {
    assert(i < kCommandLineMaxOptions);
    t->longs[i] = (struct option){
        options[i].name, options[i].has_value ? required_argument : no_argument,
        NULL, 0};
    if (options[i].letter != 0) {
      *shorts++ = options[i].letter;
    }
    if (options[i].letter != 0 && options[i].has_value) {
      *shorts++ = ':';
    }
  }
}

static int by_letter(const struct command_option *options, int letter) {
  int i = 0;
  while (options[i].letter != letter) {
    i++;
  }
  return i;
}

// getopt_long takes `--res` for `--resolver`; a later option could then change
// what a script means. So only whole names count.
static bool is_whole_name(const char *word, const char *name) {
  size_t len = strlen(name);
  return strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, len) == 0 &&
         (word[2 + len] == '\0' || word[2 + len] == '=');
}

static void add_word(struct command_line *line, int option, const char *value) {
  line->words[line->num_words++] = (struct command_word){option, value};
}

// take adds what getopt_long has found at `word`.
static bool take(struct command_line *line,
                 const struct command_option *options, const char *command,
                 int found, int index, const char *word) {
  switch (found) {
    case 0:
      if (!is_whole_name(word, options[index].name)) {
        break;
      }
      add_word(line, index, optarg);
      return true;
    case 1:
      add_word(line, kCommandLineArgument, optarg);
      return true;
    case ':':
      return command_line_set_error(line, "option '%s' needs a value", word);
    case '?':
      break;
    default:
      add_word(line, by_letter(options, found), optarg);
      return true;
  }
  return command_line_set_error(
      line, "unknown option '%s' (see echproxy %s --help)", word, command);
}

static bool read_words(struct command_line *line,
                       const struct command_option *options,
                       const char *command, int argc, char **argv) {
  struct getopt_tables tables;
  tables_init(&tables, options);
  optind = 0;  // glibc's way to begin anew
  opterr = 0;
  for (int at = 1;; at = optind) {
    int index = 0;
    int found = getopt_long(argc, argv, tables.shorts, tables.longs, &index);
    if (found == -1) {
      break;
    }
    // `at` is 1 for the first word, and stays for letters behind one dash.
    if (!take(line, options, command, found, index, argv[at])) {
      return false;
    }
  }
  for (int i = optind; i < argc; i++) {  // behind "--"
    add_word(line, kCommandLineArgument, argv[i]);
  }
  return true;
}

bool command_line_parse(struct command_line *line,
                        const struct command_option *options,
                        const char *command, int argc, char **argv) {
  // No word holds more options than it has letters.
  size_t most = 1;
  for (int i = 1; i < argc; i++) {
    most += strlen(argv[i]) + 1;
  }
  *line = (struct command_line){.words = xcalloc(most, sizeof(*line->words))};
  return read_words(line, options, command, argc, argv);
}

void command_line_cleanup(struct command_line *line) {
  free(line->words);
  *line = (struct command_line){.words = NULL};
}

const char *command_line_one_argument(struct command_line *line,
                                      const char *what) {
  const char *argument = NULL;
  for (size_t i = 0; i < line->num_words; i++) {
    if (line->words[i].option != kCommandLineArgument) {
      continue;
    }
    if (argument != NULL) {
      command_line_set_error(line, "one %s, not several: '%s' is too many",
                             what, line->words[i].value);
      return NULL;
    }
    argument = line->words[i].value;
  }
  if (argument == NULL) {
    command_line_set_error(line, "no %s is given", what);
  }
  return argument;
}

bool command_line_number(long *out, const char *text, long min, long max) {
  char *end;
  long value = strtol(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || value < min ||
      value > max) {
    return false;
  }
  *out = value;
  return true;
}

bool command_line_take_number(struct command_line *line, long *out,
                              const char *name, const char *text, long min,
                              long max) {
  return command_line_number(out, text, min, max) ||
         command_line_set_error(
             line, "--%s must be a number from %ld to %ld, not '%s'", name, min,
             max, text);
}
