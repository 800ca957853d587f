#include "roots/system_store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>

#include "roots/root_bed.h"
#include "support/test_cert.h"

// A scratch system. Its tool is a script that does what the distribution's
// does: on Debian it is the distribution's own, told to look elsewhere.
static const struct distribution {
  const char *name;
  const char *dir;
  const char *bundle;
  const char *tool;
  const char *script;  // printf's, for the root directory, several times
} kDistributions[] = {
    {"Debian", "/usr/local/share/ca-certificates",
     "/etc/ssl/certs/ca-certificates.crt", "/usr/sbin/update-ca-certificates",
     "#!/bin/sh\nR=%s\nexec /usr/sbin/update-ca-certificates "
     "--localcertsdir $R/usr/local/share/ca-certificates "
     "--etccertsdir $R/etc/ssl/certs --hooksdir $R/hooks "
     "--certsconf $R/etc/ca.conf \"$@\"\n"},
    {"Fedora", "/etc/pki/ca-trust/source/anchors",
     "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
     "/usr/bin/update-ca-trust",
     "#!/bin/sh\n[ $# -eq 0 ] || exit 1\ncd %s/etc/pki/ca-trust && "
     "cat source/anchors/* >extracted/pem/tls-ca-bundle.pem\n"},
    {"Arch", "/etc/ca-certificates/trust-source/anchors",
     "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
     "/usr/bin/update-ca-trust",
     "#!/bin/sh\n[ $# -eq 0 ] || exit 1\ncd %s/etc/ca-certificates && "
     "cat trust-source/anchors/* >extracted/tls-ca-bundle.pem\n"},
};

enum { kNumDistributions = sizeof(kDistributions) / sizeof(kDistributions[0]) };

static void make_dirs(struct root_bed *bed, const char *path) {
  const char *dir = scratch_format(bed->s, "%s", path);
  *strrchr((char *)(uintptr_t)dir, '/') = '\0';
  program_must((const char *const[]){"mkdir", "-p", dir, NULL});
}

static void write_file(const char *path, const char *text, mode_t mode) {
  FILE *file = fopen(path, "w");
  cr_assert_not_null(file, "%s", path);
  cr_assert_geq(fputs(text, file), 0);
  cr_assert_eq(fclose(file), 0);
  cr_assert_eq(chmod(path, mode), 0);
}

static const char *at(struct root_bed *bed, const char *path) {
  return scratch_format(bed->s, "%s/system%s", bed->home, path);
}

// make_system has one root of somebody else's, as every system has some.
static struct system_store *make_system(struct root_bed *bed,
                                        const struct distribution *d) {
  const char *root = at(bed, "");
  make_dirs(bed, at(bed, scratch_format(bed->s, "%s/other.crt", d->dir)));
  make_dirs(bed, at(bed, d->bundle));
  make_dirs(bed, at(bed, d->tool));
  make_dirs(bed, at(bed, "/etc/ca.conf"));
  write_file(at(bed, "/etc/ca.conf"), "# none\n", 0644);
  write_file(at(bed, d->tool), scratch_format(bed->s, d->script, root), 0755);
  struct test_cert *other =
      test_cert_new(&(struct test_cert_spec){.is_ca = true});
  scratch_cert(bed->s, "other", other);
  test_cert_free(other);
  const char *pem =
      scratch_read(bed->s, scratch_path(bed->s, "other.crt"), NULL);
  write_file(at(bed, scratch_format(bed->s, "%s/other.crt", d->dir)), pem,
             0644);
  program_must((const char *const[]){at(bed, d->tool), NULL});
  struct system_store *store = system_store_find(root);
  cr_assert_not_null(store, "%s", d->name);
  cr_assert_str_eq(system_store_dir(store), at(bed, d->dir));
  return store;
}

static struct our_roots_view look(struct root_bed *bed,
                                  const struct system_store *store) {
  struct our_roots_view view;
  struct key_error error = {""};
  cr_assert(system_store_look(store, &bed->roots, &view, &error), "%s",
            error.text);
  return view;
}

static void change(struct root_bed *bed, const struct system_store *store,
                   bool trust) {
  struct key_error error = {""};
  cr_assert((trust ? system_store_trust : system_store_untrust)(
                store, &bed->roots, &error),
            "%s", error.text);
  cr_assert_eq(look(bed, store).is_trusted, trust);
  cr_assert_eq(look(bed, store).has_current, trust);
  cr_assert_eq(look(bed, store).num_former, 0);
}

// names returns all names of the scratch system's files.
static const char *names(struct root_bed *bed) {
  struct program program;
  program_run(&program, (const char *const[]){"find", at(bed, ""), NULL}, NULL,
              10000);
  const char *text = scratch_format(bed->s, "%s", program.out);
  program_cleanup(&program);
  return text;
}

Test(system_store, trusts_and_leaves_no_trace, .timeout = 60) {
  for (size_t i = 0; i < kNumDistributions; i++) {
    struct root_bed bed;
    root_bed_open(&bed);
    struct system_store *store = make_system(&bed, &kDistributions[i]);
    const char *bundle = at(&bed, kDistributions[i].bundle);
    const char *before = scratch_read(bed.s, bundle, NULL);
    const char *names_before = names(&bed);
    for (int round = 0; round < 2; round++) {
      change(&bed, store, true);
      change(&bed, store, true);
      change(&bed, store, false);
      change(&bed, store, false);
    }
    cr_assert_str_eq(scratch_read(bed.s, bundle, NULL), before);
    cr_assert_str_eq(names(&bed), names_before);
    system_store_free(store);
    root_bed_close(&bed);
  }
}

Test(system_store, replaces_cas_that_were_rotated_away, .timeout = 60) {
  for (size_t i = 0; i < kNumDistributions; i++) {
    struct root_bed bed;
    root_bed_open(&bed);
    struct system_store *store = make_system(&bed, &kDistributions[i]);
    change(&bed, store, true);
    root_bed_rotate(&bed);
    cr_assert_eq(look(&bed, store).num_former, 1);
    cr_assert_not(look(&bed, store).is_trusted);
    change(&bed, store, true);
    root_bed_rotate(&bed);
    change(&bed, store, false);
    system_store_free(store);
    root_bed_close(&bed);
  }
}

// run_as_root has `sudo` do what it does for who may.
static void run_as_root(struct root_bed *bed, const char *command) {
  const char *bin = scratch_path(bed->s, "bin");
  mkdir(bin, 0700);
  write_file(scratch_format(bed->s, "%s/sudo", bin), "#!/bin/sh\nexec \"$@\"\n",
             0755);
  struct program program;
  program_run(
      &program, (const char *const[]){"sh", "-ec", command, NULL},
      (const char *const[]){
          scratch_format(bed->s, "PATH=%s:%s", bin, getenv("PATH")), NULL},
      30000);
  cr_assert_eq(program.exit_code, 0, "%s: %s%s", command, program.out,
               program.err);
  program_cleanup(&program);
}

static void expect_command(struct root_bed *bed,
                           const struct system_store *store, bool trust) {
  char *command = system_store_command(store, &bed->roots, trust);
  cr_assert_not_null(command);
  cr_assert_eq(strncmp(command, "sudo ", 5), 0);
  run_as_root(bed, command);
  free(command);
  cr_assert_eq(look(bed, store).is_trusted, trust);
  cr_assert_eq(look(bed, store).num_former, 0);
  cr_assert_null(system_store_command(store, &bed->roots, trust));
}

Test(system_store, gives_a_command_that_does_the_same, .timeout = 60) {
  for (size_t i = 0; i < kNumDistributions; i++) {
    struct root_bed bed;
    root_bed_open(&bed);
    struct system_store *store = make_system(&bed, &kDistributions[i]);
    cr_assert_null(system_store_command(store, &bed.roots, false));
    const char *before = names(&bed);
    expect_command(&bed, store, true);
    expect_command(&bed, store, false);
    cr_assert_str_eq(names(&bed), before);
    expect_command(&bed, store, true);
    root_bed_rotate(&bed);
    expect_command(&bed, store, true);
    system_store_free(store);
    root_bed_close(&bed);
  }
}

Test(system_store, leaves_a_file_that_holds_others_alone, .timeout = 60) {
  struct root_bed bed;
  struct key_error error;
  root_bed_open(&bed);
  const struct distribution *d = &kDistributions[0];
  struct system_store *store = make_system(&bed, d);
  const char *path = at(&bed, scratch_format(bed.s, "%s/all.crt", d->dir));
  const char *ours = scratch_read(bed.s, bed.roots.pem_path, NULL);
  const char *theirs =
      scratch_read(bed.s, scratch_path(bed.s, "other.crt"), NULL);
  write_file(path, scratch_format(bed.s, "%s%s", theirs, ours), 0644);
  cr_assert(look(&bed, store).has_current);
  cr_assert_not(system_store_untrust(store, &bed.roots, &error));
  cr_assert_not_null(strstr(error.text, path), "%s", error.text);
  cr_assert_not_null(strstr(error.text, "among other certificates"));
  cr_assert_eq(access(path, F_OK), 0);
  system_store_free(store);
  root_bed_close(&bed);
}

Test(system_store, says_what_the_tool_said, .timeout = 60) {
  struct root_bed bed;
  struct key_error error;
  root_bed_open(&bed);
  const struct distribution *d = &kDistributions[1];
  struct system_store *store = make_system(&bed, d);
  write_file(at(&bed, d->tool), "#!/bin/sh\necho disk full >&2\nexit 1\n",
             0755);
  cr_assert_not(system_store_trust(store, &bed.roots, &error));
  cr_assert_not_null(strstr(error.text, "update-ca-trust: disk full"), "%s",
                     error.text);
  write_file(at(&bed, d->tool), "#!/bin/sh\n", 0755);
  cr_assert_not(system_store_trust(store, &bed.roots, &error));
  cr_assert_not_null(strstr(error.text, "still without the CA"), "%s",
                     error.text);
  system_store_free(store);
  root_bed_close(&bed);
}

Test(system_store, is_none_where_none_is_known) {
  struct root_bed bed;
  root_bed_open(&bed);
  cr_assert_null(system_store_find(bed.home));
  make_dirs(&bed, at(&bed, "/usr/local/share/ca-certificates/x"));
  cr_assert_null(system_store_find(at(&bed, "")), "there is no tool");
  root_bed_close(&bed);
}
