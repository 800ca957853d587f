// What --help prints, of every command.

#include "proxy/usage.h"

#include <criterion/criterion.h>
#include <string.h>

#include "proxy/command_bed.h"
#include "proxy/command_ca.h"
#include "proxy/command_check.h"
#include "proxy/command_config.h"
#include "proxy/command_inspect.h"
#include "proxy/command_keygen.h"
#include "proxy/command_publish.h"
#include "proxy/command_rotate.h"
#include "proxy/command_run.h"
#include "proxy/command_status.h"
#include "proxy/command_trust.h"

enum { kMaxColumns = 80, kNumExamples = 2 };

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
} kCommands[] = {
    {"run", command_run},         {"check", command_check},
    {"keygen", command_keygen},   {"inspect", command_inspect},
    {"publish", command_publish}, {"rotate", command_rotate},
    {"ca", command_ca},           {"trust", command_trust},
    {"untrust", command_untrust}, {"config", command_config},
    {"status", command_status},
};

static void expect_fits(const char *name, const char *text) {
  for (const char *line = text; *line != '\0';
       line += strcspn(line, "\n") + 1) {
    int len = (int)strcspn(line, "\n");
    cr_expect(len <= kMaxColumns, "%s: %d columns: %.*s", name, len, len, line);
    cr_assert(line[len] == '\n', "%s: the last line does not end", name);
  }
}

// An example begins with two blanks, and where it goes on with six.
static int num_examples(const char *text) {
  int num = 0;
  const char *line = strstr(text, "\nExamples:\n");
  if (line == NULL) {
    return 0;
  }
  for (line += strlen("\nExamples:\n"); *line == ' ';
       line += strcspn(line, "\n") + 1) {
    num += strncmp(line, "  ", 2) == 0 && line[2] != ' ';
  }
  return num;
}

Test(usage, of_the_program_fits_a_terminal_and_names_all_commands) {
  const char *text = usage_program();
  expect_fits("echproxy", text);
  cr_expect_eq(num_examples(text), kNumExamples);
  for (size_t i = 0; i < sizeof(kCommands) / sizeof(kCommands[0]); i++) {
    cr_expect(strstr(text, kCommands[i].name), "%s", kCommands[i].name);
  }
}

Test(usage, of_each_command_fits_a_terminal_and_has_two_examples) {
  enter_scratch();
  for (size_t i = 0; i < sizeof(kCommands) / sizeof(kCommands[0]); i++) {
    char name[16];
    snprintf(name, sizeof(name), "%s", kCommands[i].name);
    cr_expect_eq(command_bed_run(kCommands[i].run, name, "--help"), 0);
    char *text = get_file("out");
    expect_fits(name, text);
    cr_expect_eq(num_examples(text), kNumExamples, "%s", name);
    cr_expect(strstr(text, "It exits with 0"), "%s", name);
    free(text);
  }
}
