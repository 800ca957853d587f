#include "proxy/command_line.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { kMaxWords = 16 };

// What was read from one line, whose words are separated by spaces.
struct reading {
  char line[256];
  char *argv[kMaxWords + 1];
  int num;
  const char *name;
  const char *force;
};

static bool read_line(struct reading *out, const char *line) {
  *out = (struct reading){.argv = {"try"}};
  const struct command_option options[] = {{"name", &out->name, false},
                                           {"force", &out->force, true},
                                           {NULL, NULL, false}};
  int argc = 1;
  snprintf(out->line, sizeof(out->line), "%s", line);
  for (char *word = strtok(out->line, " "); word != NULL;
       word = strtok(NULL, " ")) {
    out->argv[argc++] = word;
  }
  return command_line_read(&out->num, options, argc, out->argv);
}

Test(command_line, takes_options_and_arguments_in_any_order) {
  struct reading r;
  cr_assert(read_line(&r, "one --name x two --force - three"));
  cr_assert_str_eq(r.name, "x");
  cr_assert_not_null(r.force);
  cr_assert_eq(r.num, 4);
  cr_assert_str_eq(r.argv[1], "one");
  cr_assert_str_eq(r.argv[2], "two");
  cr_assert_str_eq(r.argv[3], "-");
  cr_assert_str_eq(r.argv[4], "three");
  cr_assert_null(r.argv[5]);
  cr_assert(read_line(&r, "--name=a=b -- --force"));
  cr_assert_str_eq(r.name, "a=b");
  cr_assert_null(r.force);
  cr_assert_str_eq(r.argv[1], "--force");
  cr_assert(read_line(&r, "--name="));
  cr_assert_str_empty(r.name);
  cr_assert(read_line(&r, "--name --force"));
  cr_assert_str_eq(r.name, "--force", "a value may look like an option");
}

Test(command_line, takes_whole_names_only) {
  static const char *const kWrong[] = {
      "--nam x",
      "--names x",
      "-n x",
      "--name",
      "--force=yes",
      "--for",
      "---name x",
      "--=x",
      "--name x --name y",
      "--name=x --name=y",
  };
  struct reading r;
  for (size_t i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); i++) {
    cr_expect_not(read_line(&r, kWrong[i]), "%s", kWrong[i]);
  }
}

Test(command_line, reads_numbers) {
  uint32_t value = 7;
  cr_assert(command_line_number("try", "n", NULL, 0, 9, &value));
  cr_assert_eq(value, 7U);
  cr_assert(command_line_number("try", "n", "0", 0, 9, &value));
  cr_assert_eq(value, 0U);
  cr_assert(
      command_line_number("try", "n", "4294967295", 0, UINT32_MAX, &value));
  cr_assert_eq(value, UINT32_MAX);
  static const char *const kWrong[] = {
      "",   "-1",  "+1", " 1", "1 ",
      "1x", "0x1", "10", "0",  "99999999999999999999999"};
  for (size_t i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); i++) {
    cr_expect_not(command_line_number("try", "n", kWrong[i], 1, 9, &value),
                  "%s", kWrong[i]);
  }
}

Test(command_line, reads_durations) {
  static const struct {
    const char *text;
    uint32_t seconds;
  } kRight[] = {{"1s", 1},    {"90s", 90},    {"30m", 1800},
                {"1h", 3600}, {"7d", 604800}, {"366d", 31622400}};
  static const char *const kWrong[] = {"",     "5",           "h",   "1hour",
                                       "1 h",  "-1h",         "0s",  "1w",
                                       "367d", "9999999999s", "1.5h"};
  uint32_t value = 7;
  cr_assert(command_line_duration("try", "t", NULL, &value));
  cr_assert_eq(value, 7U);
  for (size_t i = 0; i < sizeof(kRight) / sizeof(kRight[0]); i++) {
    cr_expect(command_line_duration("try", "t", kRight[i].text, &value));
    cr_expect_eq(value, kRight[i].seconds, "%s", kRight[i].text);
  }
  for (size_t i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); i++) {
    cr_expect_not(command_line_duration("try", "t", kWrong[i], &value), "%s",
                  kWrong[i]);
  }
}
