#include "proxy/check_targets.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "net/xalloc.h"
#include "support/leaks.h"

static bool read_text(struct check_targets *out, char error[256],
                      const char *text, size_t len) {
  FILE *in = fmemopen((void *)(uintptr_t)text, len, "r");
  cr_assert_not_null(in);
  bool ok = check_targets_read(out, in, error, 256);
  fclose(in);
  return ok;
}

Test(check_targets, are_read_one_a_line) {
  static const char kText[] =
      "# my sites\n"
      "One.test\n"
      "\n"
      "  two.test:8443 \t# the second\r\n"
      "[2001:db8::1]:444\n"
      "2001:db8::2";
  struct check_targets targets = {.items = NULL};
  char error[256] = "";
  cr_assert(read_text(&targets, error, kText, sizeof(kText) - 1), "%s", error);
  cr_assert_eq(targets.num, 4);
  cr_expect_str_eq(targets.items[0].host, "one.test");
  cr_expect_eq(targets.items[0].port, 443);
  cr_expect_str_eq(targets.items[1].host, "two.test");
  cr_expect_eq(targets.items[1].port, 8443);
  cr_expect_eq(targets.items[2].port, 444);
  cr_expect_str_eq(targets.items[3].host, "2001:db8::2");
  check_targets_cleanup(&targets);
  cr_assert(leaks_none());
}

Test(check_targets, that_were_read_are_a_list_even_if_there_is_one) {
  struct check_targets targets = {.items = NULL};
  char error[256];
  cr_assert_null(check_targets_add(&targets, "one.test"));
  cr_expect(!targets.is_list);
  check_targets_cleanup(&targets);
  cr_assert(read_text(&targets, error, "one.test\n", 9));
  cr_expect_eq(targets.num, 1);
  cr_expect(targets.is_list);
  check_targets_cleanup(&targets);
}

Test(check_targets, that_are_wrong_are_named_with_their_line) {
  char long_line[600];
  memset(long_line, 'a', sizeof(long_line));
  long_line[0] = '\n';
  const struct {
    const char *text;
    size_t len;
    const char *said;
  } cases[] = {
      {"a.test\nb c.test\n", 16, "line 2: b c.test: not a host name"},
      {"https://a.test/\n", 16, "line 1: https://a.test/: give HOST"},
      {"a.test:0\n", 9, "line 1: a.test:0: not a host name"},
      {long_line, sizeof(long_line), "line 2: the line is too long"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct check_targets targets = {.items = NULL};
    char error[256] = "";
    cr_expect(!read_text(&targets, error, cases[i].text, cases[i].len));
    cr_expect(strstr(error, cases[i].said), "%zu: %s", i, error);
    check_targets_cleanup(&targets);
  }
}

Test(check_targets, are_bounded) {
  enum { kLines = kCheckMaxTargets + 1, kLine = sizeof("a.test\n") - 1 };
  char *text = xcalloc(kLines, kLine);
  for (size_t i = 0; i < kLines; i++) {
    memcpy(text + i * kLine, "a.test\n", kLine);
  }
  struct check_targets targets = {.items = NULL};
  char error[256] = "";
  cr_expect(!read_text(&targets, error, text, (size_t)kLines * kLine));
  cr_expect_eq(targets.num, kCheckMaxTargets);
  cr_expect(strstr(error, "line 10001: a.test: there can be at most"), "%s",
            error);
  check_targets_cleanup(&targets);
  free(text);
}
