#include "roots/nss_store.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "roots/nss_database.h"
#include "roots/root_bed.h"
#include "support/residue.h"
#include "support/test_cert.h"

static const char *database_of(struct root_bed *bed, const char *dir) {
  return scratch_format(bed->s, "sql:%s", dir);
}

// new_database makes one as a browser does.
static const char *new_database(struct root_bed *bed, const char *name) {
  const char *dir = scratch_dir(bed->s, name);
  program_must((const char *const[]){"certutil", "-N", "--empty-password", "-d",
                                     database_of(bed, dir), NULL});
  return dir;
}

static void import(struct root_bed *bed, const char *dir, const char *name,
                   const char *trust, const char *file) {
  program_must((const char *const[]){"certutil", "-A", "-d",
                                     database_of(bed, dir), "-n", name, "-t",
                                     trust, "-i", file, NULL});
}

// listing returns what certutil says is there.
static const char *listing(struct root_bed *bed, const char *dir) {
  struct program program;
  program_run(&program,
              (const char *const[]){"certutil", "-L", "-d",
                                    database_of(bed, dir), NULL},
              NULL, 30000);
  const char *text = scratch_format(bed->s, "%s", program.out);
  program_cleanup(&program);
  return text;
}

static struct our_roots_view look(struct root_bed *bed, const char *dir) {
  struct our_roots_view view;
  struct key_error error = {""};
  cr_assert(nss_store_look(dir, &bed->roots, &view, &error), "%s", error.text);
  return view;
}

static void trust(struct root_bed *bed, const char *dir) {
  struct key_error error = {""};
  cr_assert(nss_store_trust(dir, &bed->roots, &error), "%s", error.text);
  cr_assert(look(bed, dir).is_trusted);
}

static void untrust(struct root_bed *bed, const char *dir) {
  struct key_error error = {""};
  cr_assert(nss_store_untrust(dir, &bed->roots, &error), "%s", error.text);
  cr_assert_not(look(bed, dir).has_current);
  cr_assert_not(residue_found(dir, bed->known.certificates[0]));
}

Test(nss_store, trusts_for_websites_and_nothing_else, .timeout = 60) {
  struct root_bed bed;
  root_bed_open(&bed);
  const char *dir = new_database(&bed, "db");
  cr_assert_not(look(&bed, dir).has_current);
  trust(&bed, dir);
  const char *name =
      scratch_format(bed.s, "%-60s C,,  \n", bed.roots.known[0].name);
  cr_assert_not_null(strstr(listing(&bed, dir), name), "%s",
                     listing(&bed, dir));
  cr_assert(nss_store_has_traces(dir, &bed.roots));
  cr_assert(residue_found(dir, bed.known.certificates[0]), "as it should be");
  untrust(&bed, dir);
  cr_assert_not(nss_store_has_traces(dir, &bed.roots));
  cr_assert(nss_database_exists(dir), "a database of the browser's own stays");
  root_bed_close(&bed);
}

Test(nss_store, changes_nothing_the_second_time, .timeout = 60) {
  struct root_bed bed;
  size_t len[2];
  root_bed_open(&bed);
  const char *dir = new_database(&bed, "db");
  const char *file = scratch_format(bed.s, "%s/cert9.db", dir);
  for (int untrusting = 0; untrusting < 2; untrusting++) {
    const char *bytes[2];
    for (int i = 0; i < 2; i++) {
      (untrusting ? untrust : trust)(&bed, dir);
      bytes[i] = scratch_read(bed.s, file, &len[i]);
    }
    cr_assert_eq(len[0], len[1]);
    cr_assert_arr_eq(bytes[0], bytes[1], len[0]);
  }
  root_bed_close(&bed);
}

// The way of a browser that has never run.
Test(nss_store, makes_a_database_and_takes_it_away_again, .timeout = 60) {
  struct root_bed bed;
  struct stat info;
  root_bed_open(&bed);
  const char *pki = scratch_format(bed.s, "%s/.pki", bed.home);
  const char *dir = scratch_format(bed.s, "%s/nssdb", pki);
  cr_assert_not(look(&bed, dir).has_current);
  untrust(&bed, dir);
  trust(&bed, dir);
  cr_assert_eq(stat(dir, &info), 0);
  cr_assert_eq(info.st_mode & 07777, 0700);
  untrust(&bed, dir);
  cr_assert_neq(stat(pki, &info), 0, "nothing of it is left");
  cr_assert_eq(stat(bed.home, &info), 0);
  root_bed_close(&bed);
}

static const char *other_root(struct root_bed *bed) {
  struct test_cert *root =
      test_cert_new(&(struct test_cert_spec){.is_ca = true});
  scratch_cert(bed->s, "other", root);
  test_cert_free(root);
  return scratch_path(bed->s, "other.crt");
}

Test(nss_store, leaves_what_others_have_put_there, .timeout = 60) {
  struct root_bed bed;
  root_bed_open(&bed);
  const char *dir = scratch_path(bed.s, "db");
  trust(&bed, dir);  // makes it, and somebody comes to use it
  import(&bed, dir, "theirs", "CT,c,", other_root(&bed));
  trust(&bed, dir);
  struct key_error error;
  cr_assert(nss_store_untrust(dir, &bed.roots, &error), "%s", error.text);
  cr_assert_not(nss_store_has_traces(dir, &bed.roots));
  cr_assert_not_null(strstr(listing(&bed, dir), "theirs"));
  cr_assert_not_null(strstr(listing(&bed, dir), "CT,c,"));
  root_bed_close(&bed);
}

// As people do by hand, under any name and without the flags.
Test(nss_store, finds_the_ca_by_its_bytes, .timeout = 60) {
  struct root_bed bed;
  root_bed_open(&bed);
  const char *dir = new_database(&bed, "db");
  import(&bed, dir, "my proxy", ",,", bed.roots.pem_path);
  cr_assert(look(&bed, dir).has_current);
  cr_assert_not(look(&bed, dir).is_trusted);
  trust(&bed, dir);
  untrust(&bed, dir);
  import(&bed, dir, "my proxy", "C,,", bed.roots.pem_path);
  cr_assert(look(&bed, dir).is_trusted);
  trust(&bed, dir);
  untrust(&bed, dir);
  root_bed_close(&bed);
}

Test(nss_store, replaces_cas_that_were_rotated_away, .timeout = 60) {
  struct root_bed bed;
  root_bed_open(&bed);
  const char *dir = new_database(&bed, "db");
  trust(&bed, dir);
  root_bed_rotate(&bed);
  cr_assert_eq(look(&bed, dir).num_former, 1);
  cr_assert_not(look(&bed, dir).has_current);
  trust(&bed, dir);
  cr_assert_eq(look(&bed, dir).num_former, 0);
  root_bed_rotate(&bed);
  X509 *former = bed.known.certificates[bed.known.num - 1];
  untrust(&bed, dir);
  cr_assert_not(residue_found(dir, former));
  root_bed_close(&bed);
}

// Of another state directory, or of one that was deleted.
Test(nss_store, takes_foreign_cas_only_when_asked_to, .timeout = 60) {
  struct root_bed bed;
  root_bed_open(&bed);
  const char *dir = new_database(&bed, "db");
  struct key_error error;
  const char *elsewhere = scratch_path(bed.s, "elsewhere");
  cr_assert(ca_rotate(elsewhere, &error), "%s", error.text);
  struct ca_known theirs;
  cr_assert(ca_known_read(&theirs, elsewhere, &error));
  import(&bed, dir, "theirs", "C,,",
         scratch_format(bed.s, "%s/ca.pem", elsewhere));
  cr_assert_eq(look(&bed, dir).num_foreign, 1);
  trust(&bed, dir);
  cr_assert(nss_store_untrust(dir, &bed.roots, &error));
  cr_assert_eq(look(&bed, dir).num_foreign, 1);
  root_bed_unload(&bed);
  root_bed_load(&bed, true);
  untrust(&bed, dir);
  cr_assert_eq(look(&bed, dir).num_foreign, 0);
  cr_assert_not(residue_found(dir, theirs.certificates[0]));
  ca_known_cleanup(&theirs);
  root_bed_close(&bed);
}

static sqlite3 *open_sqlite(struct root_bed *bed, const char *dir) {
  sqlite3 *db;
  cr_assert_eq(sqlite3_open(scratch_format(bed->s, "%s/cert9.db", dir), &db),
               SQLITE_OK);
  return db;
}

// Debian's SQLite overwrites what is deleted; others only mark it as free.
Test(nss_store, scrubs_what_sqlite_leaves_of_deleted_rows, .timeout = 60) {
  static const char *const kWays[] = {
      "PRAGMA secure_delete = OFF; DELETE FROM nssPublic",
      "PRAGMA journal_mode = WAL; PRAGMA secure_delete = OFF; "
      "DELETE FROM nssPublic",
  };
  for (size_t i = 0; i < 2; i++) {
    struct root_bed bed;
    root_bed_open(&bed);
    const char *dir = new_database(&bed, "db");
    trust(&bed, dir);
    sqlite3 *db = open_sqlite(&bed, dir);
    cr_assert_eq(sqlite3_exec(db, kWays[i], NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    cr_assert_not(look(&bed, dir).has_current);
    cr_assert(nss_store_has_traces(dir, &bed.roots));
    untrust(&bed, dir);
    cr_assert_not(nss_store_has_traces(dir, &bed.roots));
    root_bed_close(&bed);
  }
}

// expect_failure wants a reason with `text` in it, whatever is tried.
static void expect_failure(struct root_bed *bed, const char *dir,
                           const char *text) {
  struct key_error error = {""};
  cr_assert_not(nss_store_trust(dir, &bed->roots, &error));
  cr_assert_not_null(strstr(error.text, text), "%s", error.text);
  error.text[0] = '\0';
  cr_assert_not(nss_store_untrust(dir, &bed->roots, &error));
  cr_assert_not_null(strstr(error.text, text), "%s", error.text);
}

Test(nss_store, says_that_a_browser_has_locked_it, .timeout = 60) {
  struct root_bed bed;
  root_bed_open(&bed);
  const char *dir = new_database(&bed, "db");
  import(&bed, dir, "mine", "C,,", bed.roots.pem_path);
  sqlite3 *db = open_sqlite(&bed, dir);
  cr_assert_eq(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL),
               SQLITE_OK);
  expect_failure(&bed, dir, "locked by a program that uses it; close the");
  sqlite3_close(db);
  untrust(&bed, dir);
  root_bed_close(&bed);
}

Test(nss_store, says_that_it_is_damaged, .timeout = 60) {
  struct root_bed bed;
  root_bed_open(&bed);
  const char *dir = new_database(&bed, "db");
  static const char kJunk[] = "not a database, but long enough to look like it";
  scratch_write(bed.s, "db/cert9.db", kJunk, sizeof(kJunk));
  expect_failure(&bed, dir, "no database of NSS");
  scratch_write(bed.s, "db/cert9.db", "", 0);  // what a full disk leaves
  expect_failure(&bed, dir, "no database of NSS");
  root_bed_close(&bed);
}

Test(nss_store, does_not_wait_for_a_pipe, .timeout = 20) {
  struct root_bed bed;
  struct our_roots_view view;
  struct key_error error;
  root_bed_open(&bed);
  const char *dir = scratch_dir(bed.s, "db");
  cr_assert_eq(mkfifo(scratch_format(bed.s, "%s/cert9.db", dir), 0600), 0);
  cr_assert_not(nss_store_look(dir, &bed.roots, &view, &error));
  cr_assert_not_null(strstr(error.text, "no database"), "%s", error.text);
  root_bed_close(&bed);
}

// Without certutil nobody can tell, and 'not trusted' might be wrong.
Test(nss_store, does_not_guess_without_certutil, .timeout = 60) {
  struct root_bed bed;
  struct our_roots_view view;
  struct key_error error;
  root_bed_open(&bed);
  const char *dir = new_database(&bed, "db");
  cr_assert(nss_store_trust(dir, &bed.roots, &error), "%s", error.text);
  setenv("PATH", bed.home, 1);
  cr_assert_not(nss_store_look(dir, &bed.roots, &view, &error));
  cr_assert_not_null(strstr(error.text, "libnss3-tools"), "%s", error.text);
  root_bed_close(&bed);
}

Test(nss_store, says_which_package_brings_certutil, .timeout = 60) {
  struct root_bed bed;
  root_bed_open(&bed);
  const char *dir = new_database(&bed, "db");
  import(&bed, dir, "mine", ",,", bed.roots.pem_path);
  setenv("PATH", bed.home, 1);
  expect_failure(&bed, dir, "libnss3-tools");
  struct key_error error;
  const char *missing = scratch_path(bed.s, "missing");
  cr_assert_not(nss_store_trust(missing, &bed.roots, &error));
  cr_assert_not_null(strstr(error.text, "libnss3-tools"), "%s", error.text);
  cr_assert_neq(access(missing, F_OK), 0, "nothing is left half made");
  root_bed_close(&bed);
}

// NSS takes the certificate without the password, but not the trust.
Test(nss_store, names_the_command_where_there_is_a_password, .timeout = 60) {
  struct root_bed bed;
  struct key_error error;
  root_bed_open(&bed);
  const char *dir = scratch_dir(bed.s, "db");
  const char *password = scratch_write(bed.s, "password", "secret1\n", 8);
  program_must((const char *const[]){
      "certutil", "-N", "-d", database_of(&bed, dir), "-f", password, NULL});
  cr_assert_not(nss_store_trust(dir, &bed.roots, &error));
  cr_assert_not_null(strstr(error.text, "primary password"), "%s", error.text);
  cr_assert_not_null(
      strstr(error.text,
             scratch_format(bed.s, "run `certutil -d sql:%s -A", dir)),
      "%s", error.text);
  cr_assert_not(look(&bed, dir).has_current, "nothing is left half done");
  // With the password it is trusted, and taken out again without it.
  program_must((const char *const[]){
      "certutil", "-A", "-d", database_of(&bed, dir), "-f", password, "-n",
      "mine", "-t", "C,,", "-i", bed.roots.pem_path, NULL});
  cr_assert(look(&bed, dir).is_trusted);
  untrust(&bed, dir);
  root_bed_close(&bed);
}
