#include "proxy/command_ca.h"

#include <criterion/criterion.h>
#include <sysexits.h>

#include "keys/support.h"

// run returns the exit code. What was printed is in the files `out` and `err`
// of the current directory.
static int run(int argc, const char *const *args) {
  char *argv[8] = {"ca"};
  for (int i = 0; i < argc; i++) {
    argv[i + 1] = (char *)args[i];
  }
  cr_assert(freopen("out", "w", stdout) != NULL);
  cr_assert(freopen("err", "w", stderr) != NULL);
  int code = command_ca(argc + 1, argv);
  fflush(stdout);
  fflush(stderr);
  return code;
}

static void expect_out(const char *wanted) {
  char *out = get_file("out");
  cr_assert_str_eq(out, wanted);
  free(out);
}

Test(command_ca, makes_the_ca_and_prints_where_it_is) {
  struct scratch scratch = scratch_new();
  cr_assert(chdir(scratch.dir) == 0);
  setenv("XDG_STATE_HOME", scratch.dir, 1);
  char wanted[256];
  snprintf(wanted, sizeof(wanted), "%s/echproxy/ca.pem\n", scratch.dir);
  cr_assert_eq(run(0, NULL), EX_OK);
  expect_out(wanted);
  char *made = get_file("echproxy/ca.pem");
  cr_assert_eq(run(0, NULL), EX_OK);
  expect_out(wanted);
  char *again = get_file("echproxy/ca.pem");
  cr_assert_str_eq(made, again);
  const char *const kPem[] = {"--pem"};
  cr_assert_eq(run(1, kPem), EX_OK);
  expect_out(made);
  free(made);
  free(again);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(command_ca, takes_a_state_directory) {
  struct scratch scratch = scratch_new();
  cr_assert(chdir(scratch.dir) == 0);
  const char *const kArgs[] = {"--state-dir", "mine"};
  cr_assert_eq(run(2, kArgs), EX_OK);
  expect_out("mine/ca.pem\n");
  cr_assert_eq(mode_of("mine/ca-key.pem"), 0600);
  scratch_remove(&scratch);
}

Test(command_ca, says_why_it_cannot) {
  struct scratch scratch = scratch_new();
  cr_assert(chdir(scratch.dir) == 0);
  const char *const kArgs[] = {"--state-dir", "err"};
  cr_assert_eq(run(2, kArgs), EX_CANTCREAT);
  char *err = get_file("err");
  cr_assert(strstr(err, "cannot make the directory err"), "%s", err);
  free(err);
  const char *const kUnknown[] = {"--unknown"};
  cr_assert_eq(run(1, kUnknown), EX_USAGE);
  const char *const kExtra[] = {"extra"};
  cr_assert_eq(run(1, kExtra), EX_USAGE);
  const char *const kHelp[] = {"--help"};
  cr_assert_eq(run(1, kHelp), EX_OK);
  char *out = get_file("out");
  cr_assert(strstr(out, "Examples:"));
  free(out);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(command_ca, looks_where_the_configuration_file_says) {
  struct scratch scratch = scratch_new();
  cr_assert(chdir(scratch.dir) == 0);
  FILE *file = fopen("my.conf", "w");
  fputs("[proxy]\nstate-dir = theirs\n", file);
  fclose(file);
  const char *const kArgs[] = {"--config", "my.conf"};
  cr_assert_eq(run(2, kArgs), EX_OK);
  cr_assert_eq(mode_of("theirs/ca-key.pem"), 0600);
  const char *const kShort[] = {"--stat", "x"};
  cr_assert_eq(run(2, kShort), EX_USAGE);
  scratch_remove(&scratch);
}
