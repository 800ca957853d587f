#include "proxy/terminal.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int open_terminal(unsigned short columns, unsigned short rows) {
  int master;
  int slave;
  const struct winsize size = {rows, columns, 0, 0};
  cr_assert_eq(openpty(&master, &slave, NULL, NULL, &size), 0);
  return slave;  // the master stays open until the test ends
}

static void set(const char *name, const char *value) {
  cr_assert_eq(value != NULL ? setenv(name, value, 1) : unsetenv(name), 0);
}

Test(terminal, has_colour_where_that_is_wanted) {
  static const struct {
    const char *term;
    const char *no_color;
    bool is_terminal;
    bool has_colour;
  } kCases[] = {
      {"xterm", NULL, true, true}, {"xterm", "", true, true},
      {"xterm", "1", true, false}, {"dumb", NULL, false, false},
      {"", NULL, false, false},    {NULL, NULL, false, false},
  };
  int fd = open_terminal(80, 24);
  int file = open("/dev/null", O_WRONLY);
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    set("TERM", kCases[i].term);
    set("NO_COLOR", kCases[i].no_color);
    cr_expect_eq(terminal_is(fd), kCases[i].is_terminal, "%zu", i);
    cr_expect_eq(terminal_has_colour(fd), kCases[i].has_colour, "%zu", i);
    cr_expect(!terminal_is(file) && !terminal_has_colour(file), "%zu", i);
  }
  close(file);
  close(fd);
}

Test(terminal, writes_no_sequence_without_colour) {
  cr_expect_str_eq(terminal_style(false, TERMINAL_BAD), "");
  cr_expect_str_eq(terminal_style(false, TERMINAL_PLAIN), "");
  cr_expect_str_eq(terminal_style(true, TERMINAL_GOOD), "\x1b[32m");
}

Test(terminal, has_a_size_always) {
  unsigned columns;
  unsigned rows;
  int fd = open_terminal(132, 50);
  int untold = open_terminal(0, 0);
  int file = open("/dev/null", O_WRONLY);
  terminal_size(fd, &columns, &rows);
  cr_expect(columns == 132 && rows == 50);
  terminal_size(untold, &columns, &rows);
  cr_expect(columns == 80 && rows == 24);
  terminal_size(file, &columns, &rows);
  cr_expect(columns == 80 && rows == 24);
  close(fd);
  close(untold);
  close(file);
}

Test(terminal, is_not_driven_by_what_others_write) {
  static const struct {
    const char *text;
    const char *shown;
  } kCases[] = {
      {"secret.example", "secret.example"},
      {"b\xc3\xbc"
       "cher \xe2\x82\xac \xf0\x9f\x94\x92",
       "b\xc3\xbc"
       "cher \xe2\x82\xac \xf0\x9f\x94\x92"},
      {"\x1b[2Jx\r\n\t\x7f", "?[2Jx????"},
      {"\xc2\x9b"
       "2J",
       "?2J"},  // CSI as one C1 character
      {"a\xe2\x80\xae"
       "b\xe2\x81\xa6",
       "a?b?"},                           // right to left
      {"\xff\xc3", "??"},                 // no UTF-8
      {"\xc0\x9b\xe0\x82\x9b", "?????"},  // too long for what they are
      {"\xf4\x90\x80\x80", "????"},       // beyond Unicode
  };
  char out[64];
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    cr_expect_str_eq(terminal_copy(out, sizeof(out), kCases[i].text),
                     kCases[i].shown, "%zu: %s", i, out);
  }
}

Test(terminal, copies_no_half_of_a_character) {
  char out[4];
  cr_expect_str_eq(terminal_copy(out, sizeof(out), "ab\xc3\xbc"), "ab");
  cr_expect_str_eq(terminal_copy(out, sizeof(out), "abcd"), "abc");
  cr_expect_str_eq(terminal_copy(out, 1, "a"), "");
}

Test(terminal, cuts_and_counts_characters) {
  static const struct {
    const char *text;
    size_t columns;
    const char *cut;
  } kCases[] = {
      {"abc", 3, "abc"}, {"abcd", 3, "ab~"},
      {"abc", 0, ""},    {"\xc3\xbc\xc3\xbc\xc3\xbc", 2, "\xc3\xbc~"},
      {"", 0, ""},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    char text[16];
    strcpy(text, kCases[i].text);
    terminal_cut(text, kCases[i].columns);
    cr_expect_str_eq(text, kCases[i].cut, "%zu", i);
  }
  cr_expect_eq(terminal_columns("a\xe2\x82\xac"
                                "b"),
               3);
}
