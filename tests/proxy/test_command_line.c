#include "proxy/command_line.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/leaks.h"

enum { kMaxArgs = 12 };

static const struct command_option kOptions[] = {
    {"out", 'o', true},    {"output-format", 0, true}, {"force", 'f', false},
    {"quiet", 'q', false}, {NULL, 0, false},
};

// parse splits `text` at its spaces; the words live in `copy`.
static bool parse(struct command_line *line, const char *text) {
  static char copy[256];
  char *argv[kMaxArgs + 1] = {"test"};
  int argc = 1;
  snprintf(copy, sizeof(copy), "%s", text);
  for (char *arg = strtok(copy, " "); arg != NULL; arg = strtok(NULL, " ")) {
    argv[argc++] = arg;
  }
  return command_line_parse(line, kOptions, "test", argc, argv);
}

static void expect_words(const char *text, const struct command_word *wanted,
                         size_t num) {
  struct command_line line;
  cr_assert(parse(&line, text), "%s: %s", text, line.error);
  cr_assert_eq(line.num_words, num, "%s", text);
  for (size_t i = 0; i < num; i++) {
    cr_expect_eq(line.words[i].option, wanted[i].option, "%s: %zu", text, i);
    if (wanted[i].value == NULL) {
      cr_expect(line.words[i].value == NULL, "%s: %zu", text, i);
    } else {
      cr_expect_str_eq(line.words[i].value, wanted[i].value);
    }
  }
  command_line_cleanup(&line);
}

Test(command_line, takes_options_and_arguments_in_any_order) {
  static const struct command_word kWords[] = {{kCommandLineArgument, "a"},
                                               {0, "x"},
                                               {2, NULL},
                                               {3, NULL},
                                               {kCommandLineArgument, "-"},
                                               {0, "y"},
                                               {1, "z"},
                                               {kCommandLineArgument, "-f"}};
  expect_words("a --out x --force -q - -oy --output-format=z -- -f", kWords, 8);
  static const struct command_word kLetters[] = {
      {2, NULL}, {3, NULL}, {0, "x"}};
  expect_words("-fqo x", kLetters, 3);
  expect_words("", NULL, 0);
  cr_assert(leaks_none());
}

// A script that abbreviates would mean another option once there is one more.
Test(command_line, refuses_all_but_whole_names) {
  static const char *const kWrong[] = {"--for",  "--ou x",      "--output z",
                                       "--none", "--force=x",   "-x",
                                       "--q",    "--output-f=z"};
  for (size_t i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); i++) {
    struct command_line line;
    cr_expect_not(parse(&line, kWrong[i]), "%s", kWrong[i]);
    cr_expect(strstr(line.error, "unknown option"), "%s", line.error);
    command_line_cleanup(&line);
  }
  struct command_line line;
  cr_assert_not(parse(&line, "--force --out"));
  cr_assert_str_eq(line.error, "option '--out' needs a value");
  command_line_cleanup(&line);
  cr_assert(leaks_none());
}

Test(command_line, wants_exactly_one_argument) {
  struct command_line line;
  cr_assert(parse(&line, "--force one"));
  cr_assert_str_eq(command_line_one_argument(&line, "FILE"), "one");
  command_line_cleanup(&line);
  cr_assert(parse(&line, "--force"));
  cr_assert(command_line_one_argument(&line, "FILE") == NULL);
  cr_assert_str_eq(line.error, "no FILE is given");
  command_line_cleanup(&line);
  cr_assert(parse(&line, "one t\x1bwo"));
  cr_assert(command_line_one_argument(&line, "FILE") == NULL);
  cr_assert_str_eq(line.error, "one FILE, not several: 't?wo' is too many");
  command_line_cleanup(&line);
}

Test(command_line, takes_decimal_numbers_in_their_bounds) {
  static const char *const kWrong[] = {
      "", "-1", "+1", "4x", "256", " 1", "1 ", "0x1", "99999999999999999"};
  long number = -1;
  for (size_t i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); i++) {
    cr_expect_not(command_line_number(&number, kWrong[i], 0, 255), "%s",
                  kWrong[i]);
  }
  cr_assert_eq(number, -1);
  cr_assert(command_line_number(&number, "255", 0, 255) && number == 255);
  cr_assert(command_line_number(&number, "0", 0, 255) && number == 0);
}
