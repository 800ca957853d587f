#include "proxy/command_keygen.h"

#include <criterion/criterion.h>
#include <openssl/mem.h>
#include <sysexits.h>

#include "keys/ech_key.h"
#include "keys/secret_file.h"
#include "keys/support.h"

enum { kMaxArgs = 12 };

// The program's view of the world: an empty current directory, and files that
// take what it prints.
static struct scratch enter_scratch(void) {
  struct scratch scratch = scratch_new();
  cr_assert(chdir(scratch.dir) == 0);
  return scratch;
}

// run returns the exit code. What was printed is in the files `out` and `err`.
static int run(const char *line) {
  char copy[512];
  char *argv[kMaxArgs + 1] = {"keygen"};
  int argc = 1;
  snprintf(copy, sizeof(copy), "%s", line);
  for (char *arg = strtok(copy, " "); arg != NULL; arg = strtok(NULL, " ")) {
    argv[argc++] = arg;
  }
  cr_assert(freopen("out", "w", stdout) != NULL);
  cr_assert(freopen("err", "w", stderr) != NULL);
  int code = command_keygen(argc, argv);
  fflush(stdout);
  fflush(stderr);
  return code;
}

static bool printed(const char *file, const char *text) {
  char *all = get_file(file);
  bool found = strstr(all, text) != NULL;
  free(all);
  return found;
}

static struct ech_key *load(const char *path) {
  struct key_error error = {""};
  uint8_t *pem;
  size_t len;
  cr_assert(secret_file_read(path, 4096, true, &pem, &len, &error), "%s",
            error.text);
  struct ech_key *key = ech_key_from_pem(pem, len, &error);
  cr_assert(key != NULL, "%s", error.text);
  secret_file_free(pem, len);
  return key;
}

// expect_line wants the record of `path`'s key, and nothing else, on stdout.
static void expect_line(const char *path, const char *name, uint16_t port) {
  char wanted[1024];
  struct ech_key *key = load(path);
  char *line = ech_key_zone_line(key, name, port);
  snprintf(wanted, sizeof(wanted), "%s\n", line);
  char *out = get_file("out");
  cr_assert_str_eq(out, wanted);
  free(out);
  OPENSSL_free(line);
  ech_key_free(key);
}

Test(command_keygen, writes_the_key_and_prints_only_its_record) {
  struct scratch scratch = enter_scratch();
  cr_assert_eq(run("public.example"), EX_OK);
  cr_assert_eq(mode_of("public.example.ech"), 0600);
  expect_line("public.example.ech", "public.example", 443);
  cr_assert(printed("err", "public.example.ech"));
  cr_assert(printed("err", "hides no name"));
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(command_keygen, obeys_its_options) {
  struct scratch scratch = enter_scratch();
  cr_assert_eq(run("--name secret.example public.example --port 8443 --out k "
                   "--max-name-length 17"),
               EX_OK);
  expect_line("k", "secret.example", 8443);
  cr_assert_not(printed("err", "hides no name"));
  struct ech_key *key = load("k");
  size_t len;
  const uint8_t *list = ech_key_config_list(key, &len);
  // maximum_name_length stands before the name's length octet, the name of 14
  // and the empty extensions.
  cr_assert_eq(list[len - 2 - 14 - 1 - 1], 17);
  ech_key_free(key);
  scratch_remove(&scratch);
}

Test(command_keygen, replaces_a_key_only_by_force) {
  struct scratch scratch = enter_scratch();
  put_file("k", "precious", 0600);
  cr_assert_eq(run("public.example --out k"), EX_CANTCREAT);
  cr_assert(printed("k", "precious"));
  cr_assert(printed("err", "--force"));
  char *out = get_file("out");
  cr_assert_str_eq(out, "", "no record of a key that was not kept");
  free(out);
  cr_assert_eq(run("public.example --out k --force"), EX_OK);
  expect_line("k", "public.example", 443);
  cr_assert_eq(run("public.example --out no/such/dir"), EX_CANTCREAT);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(command_keygen, refuses_wrong_usage_and_writes_nothing) {
  static const char *const kWrong[] = {
      "",
      "a.example b.example",
      "public.0x1f",
      "-a.example",
      "public.example --port 0",
      "public.example --port 65536",
      "public.example --port 4x",
      "public.example --port -1",
      "public.example --max-name-length 256",
      "public.example --name bad..name",
      "public.example --name *.example --port 8443",
      "public.example --out -",
      "public.example --unknown",
      "public.example --out",
  };
  struct scratch scratch = enter_scratch();
  for (size_t i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); i++) {
    cr_expect_eq(run(kWrong[i]), EX_USAGE, "%s", kWrong[i]);
    char *err = get_file("err");
    cr_expect(err[0] != '\0', "%s", kWrong[i]);
    free(err);
    cr_expect_eq(num_files("."), 2, "%s: only out and err", kWrong[i]);
  }
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(command_keygen, helps) {
  struct scratch scratch = enter_scratch();
  cr_assert_eq(run("--help"), EX_OK);
  cr_assert(printed("out", "Examples:"));
  scratch_remove(&scratch);
}

Test(command_keygen, says_when_nobody_can_read_its_output) {
  struct scratch scratch = enter_scratch();
  char *argv[] = {"keygen", "public.example", NULL};
  cr_assert(freopen("/dev/full", "w", stdout) != NULL);
  cr_assert_eq(command_keygen(2, argv), EX_IOERR);
  scratch_remove(&scratch);
}
