#include "proxy/state_dir.h"

#include <criterion/criterion.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void expect_path(const char *override, const char *wanted) {
  char *path = state_dir_path(override);
  cr_assert_str_eq(path, wanted);
  free(path);
}

Test(state_dir, is_the_one_that_is_named) {
  setenv("XDG_STATE_HOME", "/xdg", 1);
  expect_path("/named", "/named");
  expect_path("relative/to/here", "relative/to/here");
  expect_path("", "/xdg/echproxy");
}

Test(state_dir, follows_the_xdg_specification) {
  setenv("HOME", "/home/someone", 1);
  setenv("XDG_STATE_HOME", "/xdg", 1);
  expect_path(NULL, "/xdg/echproxy");
  setenv("XDG_STATE_HOME", "relative", 1);
  expect_path(NULL, "/home/someone/.local/state/echproxy");
  setenv("XDG_STATE_HOME", "", 1);
  expect_path(NULL, "/home/someone/.local/state/echproxy");
  unsetenv("XDG_STATE_HOME");
  expect_path(NULL, "/home/someone/.local/state/echproxy");
}

Test(state_dir, asks_the_user_database_without_home) {
  char wanted[512];
  const struct passwd *user = getpwuid(getuid());
  if (user == NULL) {
    cr_skip_test("this user is in no database");
  }
  snprintf(wanted, sizeof(wanted), "%s/.local/state/echproxy", user->pw_dir);
  unsetenv("XDG_STATE_HOME");
  unsetenv("HOME");
  expect_path(NULL, wanted);
  setenv("HOME", "", 1);
  expect_path(NULL, wanted);
}
