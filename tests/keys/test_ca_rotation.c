#include "keys/ca_rotation.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "keys/ca.h"
#include "keys/make_ca.h"
#include "keys/support.h"

// current returns the certificate of the CA, released with X509_free.
static X509 *current(const char *dir) {
  struct key_error error = {""};
  struct ca *ca = ca_open(dir, &error);
  cr_assert(ca != NULL, "%s", error.text);
  X509 *certificate = ca_certificate(ca);
  X509_up_ref(certificate);
  ca_free(ca);
  return certificate;
}

static void rotate(const char *dir) {
  struct key_error error = {""};
  cr_assert(ca_rotate(dir, &error), "%s", error.text);
}

// expect_known wants exactly `certificates`, in that order.
static void expect_known(const char *dir, bool has_current, size_t num,
                         X509 *const certificates[]) {
  struct ca_known known;
  struct key_error error = {""};
  cr_assert(ca_known_read(&known, dir, &error), "%s", error.text);
  cr_assert_eq(known.has_current, has_current);
  cr_assert_eq(known.num, num, "%zu", known.num);
  for (size_t i = 0; i < num; i++) {
    cr_assert_eq(X509_cmp(known.certificates[i], certificates[i]), 0, "%zu", i);
  }
  ca_known_cleanup(&known);
}

Test(ca_rotation, makes_another_ca_and_remembers_the_certificates) {
  struct scratch scratch = scratch_new();
  char dir[256], path[256];
  in_dir(dir, scratch.dir, "state");
  expect_known(dir, false, 0, NULL);
  cr_assert_eq(mode_of(dir), -1, "looking makes nothing");
  X509 *first = current(dir);
  char *first_key = get_file(in_dir(path, dir, "ca-key.pem"));
  expect_known(dir, true, 1, (X509 *[]){first});
  rotate(dir);
  X509 *second = current(dir);
  char *second_key = get_file(path);
  cr_assert_eq(mode_of(path), 0600);
  cr_assert_str_neq(first_key, second_key);
  expect_known(dir, true, 2, (X509 *[]){second, first});
  rotate(dir);
  X509 *third = current(dir);
  expect_known(dir, true, 3, (X509 *[]){third, first, second});
  cr_assert_eq(num_files(dir), 4, "nothing but key, lock and certificates");
  cr_assert_neq(X509_NAME_cmp(X509_get_subject_name(first),
                              X509_get_subject_name(second)),
                0, "browsers tell them apart by their names");
  X509_free(first);
  X509_free(second);
  X509_free(third);
  free(first_key);
  free(second_key);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(ca_rotation, destroys_the_old_key) {
  struct scratch scratch = scratch_new();
  char path[256], text[512] = "";
  make_ca(scratch.dir, -kDay, kDay);
  FILE *old = fopen(in_dir(path, scratch.dir, "ca-key.pem"), "r");
  rotate(scratch.dir);
  size_t len = fread(text, 1, sizeof(text), old);
  cr_assert_gt(len, 100);
  for (size_t i = 0; i < len; i++) {
    cr_assert_eq(text[i], 0, "octet %zu", i);
  }
  fclose(old);
  scratch_remove(&scratch);
}

Test(ca_rotation, mends_whatever_ca_open_refuses) {
  static const struct {
    const char *file;
    const char *text;  // NULL: none
  } kDamages[] = {
      {"ca.pem", NULL}, {"ca-key.pem", NULL}, {"ca.pem", "junk"},
      {"ca.pem", ""},   {"ca-key.pem", ""},   {"ca-key.pem", "junk"},
  };
  for (size_t i = 0; i < sizeof(kDamages) / sizeof(kDamages[0]); i++) {
    struct scratch scratch = scratch_new();
    char path[256];
    make_ca(scratch.dir, -kDay, kDay);
    in_dir(path, scratch.dir, kDamages[i].file);
    if (kDamages[i].text == NULL) {
      cr_assert(unlink(path) == 0);
    } else {
      put_file(path, kDamages[i].text, 0600);
    }
    cr_assert(ca_open(scratch.dir, NULL) == NULL);
    rotate(scratch.dir);
    X509_free(current(scratch.dir));
    scratch_remove(&scratch);
  }
  struct scratch scratch = scratch_new();
  make_ca(scratch.dir, -2 * kDay, -kDay);
  rotate(scratch.dir);
  X509_free(current(scratch.dir));
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(ca_rotation, keeps_the_latest_certificates) {
  struct scratch scratch = scratch_new();
  struct ca_known known;
  for (size_t i = 0; i < kCaMaxKnown + 5; i++) {
    rotate(scratch.dir);
  }
  X509 *last = current(scratch.dir);
  rotate(scratch.dir);
  cr_assert(ca_known_read(&known, scratch.dir, NULL));
  cr_assert_eq(known.num, kCaMaxKnown);
  cr_assert_eq(X509_cmp(known.certificates[kCaMaxKnown - 1], last), 0);
  ca_known_cleanup(&known);
  X509_free(last);
  scratch_remove(&scratch);
}

// open_until_told opens the CA again and again, and exits with 0 unless it was
// refused.
static void open_until_told(const char *dir, int stop) {
  struct key_error error;
  char byte;
  int code = 0;
  while (code == 0 && read(stop, &byte, 1) < 0) {
    struct ca *ca = ca_open(dir, &error);
    code = ca == NULL ? 1 : 0;
    ca_free(ca);
  }
  if (code != 0) {
    fprintf(stderr, "%s\n", error.text);
  }
  _exit(code);
}

Test(ca_rotation, is_whole_for_whoever_opens_it_meanwhile) {
  enum { kProcesses = 3, kRotations = 60 };
  struct scratch scratch = scratch_new();
  int stop[2];
  rotate(scratch.dir);
  cr_assert(pipe2(stop, O_NONBLOCK) == 0);
  for (int i = 0; i < kProcesses; i++) {
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
      close(stop[1]);
      open_until_told(scratch.dir, stop[0]);
    }
  }
  for (int i = 0; i < kRotations; i++) {
    rotate(scratch.dir);
  }
  close(stop[1]);
  for (int i = 0; i < kProcesses; i++) {
    int status;
    cr_assert(wait(&status) > 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  close(stop[0]);
  scratch_remove(&scratch);
}

Test(ca_rotation, says_why_it_cannot) {
  struct scratch scratch = scratch_new();
  struct key_error error;
  char file[256], dir[256];
  put_file(in_dir(file, scratch.dir, "file"), "", 0600);
  cr_assert_not(ca_rotate(in_dir(dir, file, "state"), &error));
  cr_assert(strstr(error.text, dir), "%s", error.text);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

// A copy of the key, as a crash right before or after it got its name leaves
// one.
static void leave_copies(const char *dir) {
  char key[256], linked[256], half[256];
  in_dir(key, dir, "ca-key.pem");
  cr_assert_eq(link(key, in_dir(linked, dir, ".echproxy-linked")), 0);
  put_file(in_dir(half, dir, ".echproxy-half"), "half a ke", 0600);
}

Test(ca_rotation, destroys_copies_that_a_crash_has_left) {
  struct scratch scratch = scratch_new();
  char path[256];
  rotate(scratch.dir);
  leave_copies(scratch.dir);
  rotate(scratch.dir);
  cr_assert_eq(mode_of(in_dir(path, scratch.dir, ".echproxy-linked")), -1);
  cr_assert_eq(mode_of(in_dir(path, scratch.dir, ".echproxy-half")), -1);
  scratch_remove(&scratch);
}

Test(ca_delete, leaves_no_copy_that_a_crash_has_left) {
  struct scratch scratch = scratch_new();
  char dir[256];
  in_dir(dir, scratch.dir, "state");
  rotate(dir);
  leave_copies(dir);
  cr_assert(ca_delete(dir, false, NULL));
  cr_assert_eq(mode_of(dir), -1);
  scratch_remove(&scratch);
}

Test(ca_delete, leaves_nothing) {
  struct scratch scratch = scratch_new();
  char dir[256];
  in_dir(dir, scratch.dir, "state");
  rotate(dir);
  rotate(dir);
  cr_assert(ca_delete(dir, false, NULL));
  cr_assert_eq(mode_of(dir), -1);
  cr_assert(ca_delete(dir, false, NULL), "again");
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(ca_delete, keeps_what_is_not_its_own) {
  struct scratch scratch = scratch_new();
  char path[256];
  rotate(scratch.dir);
  put_file(in_dir(path, scratch.dir, "notes"), "", 0600);
  cr_assert(ca_delete(scratch.dir, false, NULL));
  cr_assert_eq(num_files(scratch.dir), 1);
  cr_assert_eq(mode_of(path), 0600);
  scratch_remove(&scratch);
}

// The certificate can still be looked for, and a new CA is made as on a first
// run.
Test(ca_delete, keeps_the_certificates_if_asked_to) {
  struct scratch scratch = scratch_new();
  char path[256];
  X509 *first = current(scratch.dir);
  cr_assert(ca_delete(scratch.dir, true, NULL));
  cr_assert_eq(mode_of(in_dir(path, scratch.dir, "ca-key.pem")), -1);
  expect_known(scratch.dir, false, 1, (X509 *[]){first});
  X509 *second = current(scratch.dir);
  expect_known(scratch.dir, true, 2, (X509 *[]){second, first});
  X509_free(first);
  X509_free(second);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

// As `openssl x509 -fingerprint -sha256` and browsers write it.
Test(ca_fingerprint, is_the_sha_256_in_capitals_with_colons) {
  struct scratch scratch = scratch_new();
  char text[kCaFingerprintSize], command[300], theirs[256] = "";
  X509 *certificate = current(scratch.dir);
  ca_fingerprint(certificate, text);
  snprintf(command, sizeof(command),
           "openssl x509 -in %s/ca.pem -noout -fingerprint -sha256",
           scratch.dir);
  FILE *pipe = popen(command, "r");
  cr_assert(pipe != NULL && fgets(theirs, sizeof(theirs), pipe) != NULL);
  pclose(pipe);
  theirs[strcspn(theirs, "\n")] = '\0';
  cr_assert_str_eq(strchr(theirs, '=') + 1, text);
  X509_free(certificate);
  scratch_remove(&scratch);
}
