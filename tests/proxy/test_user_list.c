#include "proxy/user_list.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/leaks.h"
#include "support/scratch.h"

static bool has(const struct user_list *users, const char *text) {
  return user_list_has(users, (const uint8_t *)text, strlen(text));
}

static struct user_list *read_text(struct scratch *s, const char *text,
                                   struct key_error *error) {
  error->text[0] = '\0';
  return user_list_read(scratch_write(s, "users", text, strlen(text)), error);
}

Test(user_list, knows_its_users_and_nobody_else) {
  static const char kText[] =
      "# a comment: with a colon\n\n \t\nalice:correct horse: \xc3\xa9 #1\r\n"
      "bob smith:x\ncarol::";
  static const char *const kUsers[] = {"alice:correct horse: \xc3\xa9 #1",
                                       "bob smith:x", "carol::"};
  static const char *const kOthers[] = {"",
                                        ":",
                                        "alice",
                                        "alice:",
                                        "alice:correct horse",
                                        "alice:correct horse: \xc3\xa9 #1 ",
                                        "Alice:correct horse: \xc3\xa9 #1",
                                        "bob smith:",
                                        "bob smith:xx",
                                        "bob:x",
                                        "carol:",
                                        "# a comment: with a colon"};
  struct scratch *s = scratch_new();
  struct key_error error;
  struct user_list *users = read_text(s, kText, &error);
  cr_assert_not_null(users, "%s", error.text);
  for (size_t i = 0; i < sizeof(kUsers) / sizeof(kUsers[0]); i++) {
    cr_expect(has(users, kUsers[i]), "%s", kUsers[i]);
  }
  for (size_t i = 0; i < sizeof(kOthers) / sizeof(kOthers[0]); i++) {
    cr_expect_not(has(users, kOthers[i]), "%s", kOthers[i]);
  }
  user_list_free(users);
  scratch_free(s);
  cr_expect(leaks_none());
}

Test(user_list, says_which_line_is_wrong_and_repeats_nothing) {
  static const struct {
    const char *text;
    const char *error;
  } kCases[] = {
      {"a:sesame\nbob\n", "users:2: write NAME:PASSWORD"},
      {"\n\n:sesame\n", "users:3: neither"},
      {"sesame:\n", "users:1: neither"},
      {" sesame:x\n", "users:1: a name neither begins"},
      {"sesame :x\n", "users:1: a name neither begins"},
      {"a:ses\tame\n", "users:1: it has a control character"},
      {"a:sesame\nb:x\na:y\n", "users:3: the name stands"},
      {"", "names no user"},
      {"# sesame:x\n\n", "names no user"},
  };
  struct scratch *s = scratch_new();
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct key_error error;
    cr_expect_null(read_text(s, kCases[i].text, &error), "%zu", i);
    cr_expect_not_null(strstr(error.text, kCases[i].error), "%s", error.text);
    cr_expect_null(strstr(error.text, "ses"), "%s", error.text);
  }
  scratch_free(s);
  cr_expect(leaks_none());
}

Test(user_list, bounds_what_it_reads) {
  struct scratch *s = scratch_new();
  struct key_error error;
  char *text = calloc(1, 2 * kUserListMaxFile);
  memset(text, 'n', kUserListMaxText);
  text[kUserListMaxText] = ':';
  memset(text + kUserListMaxText + 1, 'p', kUserListMaxText);
  struct user_list *users = read_text(s, text, &error);
  cr_expect(users != NULL && has(users, text), "%s", error.text);
  user_list_free(users);
  strcat(text, "p");
  cr_expect_null(read_text(s, text, &error));
  cr_expect_not_null(strstr(error.text, "255"), "%s", error.text);
  text[0] = '\0';
  for (size_t i = 0, len = 0; i <= kUserListMaxUsers; i++) {
    len += (size_t)sprintf(text + len, "user%zu:x\n", i);
  }
  cr_expect_null(read_text(s, text, &error));
  cr_expect_not_null(strstr(error.text, "users:1001: there can be at most"),
                     "%s", error.text);
  memset(text, '\n', 2 * kUserListMaxFile - 1);
  cr_expect_null(read_text(s, text, &error));
  cr_expect_not_null(strstr(error.text, "more than"), "%s", error.text);
  free(text);
  scratch_free(s);
}

Test(user_list, is_refused_when_others_may_read_or_write_it) {
  static const mode_t kModes[] = {0640, 0604, 0620, 0602, 0644};
  struct scratch *s = scratch_new();
  struct key_error error;
  const char *path = scratch_write(s, "users", "a:b\n", 4);
  for (size_t i = 0; i < sizeof(kModes) / sizeof(kModes[0]); i++) {
    chmod(path, kModes[i]);
    cr_expect_null(user_list_read(path, &error), "%o", kModes[i]);
    cr_expect_not_null(strstr(error.text, "chmod 600"), "%s", error.text);
  }
  cr_expect_null(user_list_read(scratch_path(s, "nothing"), &error));
  scratch_free(s);
}
