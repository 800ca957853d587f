#include "proxy/command_keygen.h"

#include <criterion/criterion.h>
#include <openssl/mem.h>
#include <sysexits.h>

#include "keys/ech_key.h"
#include "keys/ech_key_file.h"
#include "keys/hpke_names.h"
#include "keys/secret_file.h"
#include "keys/support.h"
#include "proxy/command_bed.h"

static int run(const char *line) {
  return command_bed_run(command_keygen, "keygen", line);
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
      // Only whole names: --na could be another option one day.
      "public.example --na secret.example",
      "public.example --forc",
      "public.example --format der",
      "public.example --format list",
      "public.example --config-id 256",
      "public.example --kem kyber",
      "public.example --kem x448",
      "public.example --kem x-wing",
      "public.example --suite aes-128-gcm",
      "public.example --suite hkdf-sha256,",
      "public.example --suite hkdf-sha256,export-only",
      "public.example --suite hkdf-sha384,aes-128-gcm",
      ("public.example --suite hkdf-sha256,aes-128-gcm --suite "
       "hkdf-sha256,aes-128-gcm"),
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

static struct ech_key_file read_key_file(const char *path) {
  struct ech_key_file file;
  struct key_error error = {""};
  uint8_t *data;
  size_t len;
  cr_assert(secret_file_read(path, 4096, false, &data, &len, &error), "%s",
            error.text);
  cr_assert(ech_key_file_read(&file, data, len, &error), "%s", error.text);
  secret_file_free(data, len);
  return file;
}

Test(command_keygen, writes_every_format) {
  static const struct {
    const char *name;
    enum ech_key_format format;
    bool has_second;
  } kFormats[] = {{"pem", ECH_KEY_PEM, false},
                  {"go", ECH_KEY_GO, true},
                  {"nss", ECH_KEY_NSS, false},
                  {"raw", ECH_KEY_RAW, true}};
  struct scratch scratch = enter_scratch();
  for (size_t i = 0; i < sizeof(kFormats) / sizeof(kFormats[0]); i++) {
    char line[64], second[64];
    snprintf(line, sizeof(line), "public.example --out %s --format %s",
             kFormats[i].name, kFormats[i].name);
    snprintf(second, sizeof(second), "%s.config", kFormats[i].name);
    cr_assert_eq(run(line), EX_OK);
    struct ech_key_file file = read_key_file(kFormats[i].name);
    cr_expect_eq(file.format, kFormats[i].format);
    cr_expect_eq(file.num_keys, 1);
    cr_expect_eq(mode_of(kFormats[i].name), 0600);
    cr_expect_eq(mode_of(second), kFormats[i].has_second ? 0644 : -1);
    ech_key_file_cleanup(&file);
    if (kFormats[i].has_second) {
      // Neither file without --force, when only the second one is there.
      cr_assert_eq(remove(kFormats[i].name), 0);
      cr_expect_eq(run(line), EX_CANTCREAT);
      cr_expect(printed("err", "--force"));
      cr_expect_eq(mode_of(kFormats[i].name), -1);
      strcat(line, " --force");
      cr_expect_eq(run(line), EX_OK);
    }
  }
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

// The config_id and suites of the one entry of a key with a 32-octet public
// key, and its maximum_name_length.
static uint8_t id_of(const char *path) {
  struct ech_key_file file = read_key_file(path);
  uint8_t id = file.list[6];
  ech_key_file_cleanup(&file);
  return id;
}

Test(command_keygen, never_takes_a_config_id_that_is_to_be_avoided) {
  char line[8192];
  struct scratch scratch = enter_scratch();
  cr_assert_eq(run("public.example --out k7 --config-id 7"), EX_OK);
  cr_assert_eq(id_of("k7"), 7);
  cr_assert_eq(run("public.example --out x --config-id 7 --avoid k7"),
               EX_USAGE);
  cr_assert(printed("err", "--config-id 7 is one of those to --avoid"));
  // All but one are taken, so that only this one can come out.
  for (int id = 0; id < 255; id++) {
    snprintf(line, sizeof(line), "p.example --out id%d --config-id %d", id, id);
    cr_assert_eq(run(line), EX_OK);
  }
  size_t len = 0;
  len += (size_t)snprintf(line, sizeof(line), "p.example --out last");
  for (int id = 0; id < 255; id++) {
    len +=
        (size_t)snprintf(line + len, sizeof(line) - len, " --avoid id%d", id);
  }
  cr_assert_eq(run(line), EX_OK);
  cr_assert_eq(id_of("last"), 255);
  strcat(line, " --force --avoid last");
  cr_assert_eq(run(line), EX_DATAERR);
  cr_assert(printed("err", "all 256"));
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(command_keygen, says_which_file_to_avoid_is_wrong) {
  struct scratch scratch = enter_scratch();
  put_file("junk", "!junk", 0600);
  cr_assert_eq(run("public.example --avoid junk"), EX_DATAERR);
  cr_assert(printed("err", "--avoid junk: at byte 0: expected"));
  cr_assert_eq(run("public.example --avoid missing"), EX_NOINPUT);
  cr_assert(printed("err", "missing"));
  cr_assert_eq(run("public.example --out r --format raw"), EX_OK);
  cr_assert_eq(run("public.example --avoid r"), EX_DATAERR);
  cr_assert(printed("err", "FILE.config"));
  cr_assert_eq(run("public.example --avoid r.config"), EX_OK);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(command_keygen, takes_suites_in_the_order_given) {
  static const uint8_t kSuites[] = {0, 8, 0, 1, 0, 3, 0, 1, 0, 2};
  struct scratch scratch = enter_scratch();
  cr_assert_eq(
      run("public.example --out k --suite hkdf-sha256,chacha20-poly1305"
          " --suite hkdf-sha256,aes-256-gcm"),
      EX_OK);
  struct ech_key_file file = read_key_file("k");
  cr_assert_arr_eq(file.list + 6 + 1 + 2 + 2 + 32, kSuites, sizeof(kSuites));
  ech_key_file_cleanup(&file);
  scratch_remove(&scratch);
}

// It hides the length of names up to this; a site's own must not stand out.
Test(command_keygen, fits_the_longest_name_it_knows_of) {
  char line[400], name[201];
  struct scratch scratch = enter_scratch();
  for (size_t i = 0; i < 200; i++) {
    name[i] = i % 50 == 49 ? '.' : 'a';
  }
  name[199] = '\0';
  snprintf(line, sizeof(line), "public.example --out k --name %s", name);
  cr_assert_eq(run(line), EX_OK);
  struct ech_key_file file = read_key_file("k");
  cr_assert_eq(file.list[file.list_len - 2 - 14 - 1 - 1], 199);
  ech_key_file_cleanup(&file);
  cr_assert_eq(run("public.example --out k --force"), EX_OK);
  file = read_key_file("k");
  cr_assert_eq(file.list[file.list_len - 2 - 14 - 1 - 1], 64);
  ech_key_file_cleanup(&file);
  scratch_remove(&scratch);
}

Test(command_keygen, warns_of_a_kem_that_most_clients_do_not_take) {
  struct scratch scratch = enter_scratch();
  bool has_p256 = hpke_names_get_kem(kHpkeKemP256) != NULL;
  cr_assert_eq(run("public.example --kem p256"), has_p256 ? EX_OK : EX_USAGE);
  cr_assert(
      printed("err", has_p256 ? "Warning: Chromium" : "does not have it"));
  if (has_p256) {
    struct ech_key_file file = read_key_file("public.example.ech");
    cr_assert_eq(file.keys[0].kem_id, kHpkeKemP256);
    ech_key_file_cleanup(&file);
    cr_assert_eq(run("public.example --kem p256 --format nss --force"),
                 EX_USAGE);
    cr_assert(printed("err", "x25519 only"));
  }
  scratch_remove(&scratch);
}

Test(command_keygen, keeps_control_characters_out_of_its_messages) {
  struct scratch scratch = enter_scratch();
  cr_expect_eq(run("public.example --out a\nb/c"), EX_CANTCREAT);
  cr_expect(printed("err", "cannot write a?b/c: "));
  cr_expect_eq(run("public.example --name a\n\x1b"), EX_USAGE);
  cr_expect(printed("err",
                    "--name 'a?"
                    "?' is no host name"));
  cr_expect_eq(run("a\nb"), EX_USAGE);
  cr_expect(printed("err", "'a?b': the public name"));
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
