#include "keys/ca.h"

#include <criterion/criterion.h>
#include <openssl/x509v3.h>
#include <sys/wait.h>

#include "keys/make_ca.h"
#include "keys/support.h"
#include "support/test_cert.h"

static struct ca *open_ca(const char *dir) {
  struct key_error error = {""};
  struct ca *ca = ca_open(dir, &error);
  cr_assert(ca != NULL, "%s", error.text);
  return ca;
}

static int days_between(const ASN1_TIME *from, const ASN1_TIME *to) {
  int days, seconds;
  cr_assert(ASN1_TIME_diff(&days, &seconds, from, to));
  return days;
}

Test(ca, is_made_on_first_run_with_its_directory) {
  struct scratch scratch = scratch_new();
  char dir[256], parent[256], path[256];
  umask(0);
  in_dir(parent, scratch.dir, "state");
  in_dir(dir, scratch.dir, "state/echproxy");
  struct ca *ca = open_ca(dir);
  cr_assert_eq(mode_of(parent), 0700);
  cr_assert_eq(mode_of(dir), 0700);
  cr_assert_eq(mode_of(in_dir(path, dir, "ca-key.pem")), 0600);
  cr_assert_eq(mode_of(in_dir(path, dir, "ca.pem")), 0644);
  cr_assert_str_eq(ca_path(ca), path);
  char *text = get_file(path);
  cr_assert(strstr(text, "CERTIFICATE") && !strstr(text, "PRIVATE"));
  free(text);
  ca_free(ca);
  ca_free(NULL);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(ca, is_the_same_the_next_time_and_another_elsewhere) {
  struct scratch scratch = scratch_new();
  char a_dir[256], b_dir[256];
  in_dir(a_dir, scratch.dir, "a");
  in_dir(b_dir, scratch.dir, "b");
  struct ca *a = open_ca(a_dir);
  struct ca *again = open_ca(a_dir);
  struct ca *b = open_ca(b_dir);
  cr_assert_eq(X509_cmp(ca_certificate(a), ca_certificate(again)), 0);
  cr_assert_neq(X509_NAME_cmp(X509_get_subject_name(ca_certificate(a)),
                              X509_get_subject_name(ca_certificate(b))),
                0);
  ca_free(a);
  ca_free(again);
  ca_free(b);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(ca, can_sign_server_certificates_and_nothing_else) {
  struct scratch scratch = scratch_new();
  struct ca *ca = open_ca(scratch.dir);
  X509 *root = ca_certificate(ca);
  EVP_PKEY *key = X509_get_pubkey(root);
  cr_assert(certificate_key_is_p256(key));
  cr_assert_eq(X509_verify(root, key), 1);
  cr_assert_eq(X509_check_ca(root), 1);
  cr_assert_eq(X509_get_pathlen(root), 0);
  cr_assert_eq(X509_get_key_usage(root), KU_KEY_CERT_SIGN);
  cr_assert_eq(X509_get_extended_key_usage(root), XKU_SSL_SERVER);
  cr_assert_eq(X509_check_issued(root, root), X509_V_OK);
  static const int kCritical[] = {NID_basic_constraints, NID_key_usage};
  for (size_t i = 0; i < 2; i++) {
    int index = X509_get_ext_by_NID(root, kCritical[i], -1);
    cr_assert(index >= 0);
    cr_assert(X509_EXTENSION_get_critical(X509_get_ext(root, index)));
  }
  cr_assert_eq(ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(root),
                                     X509_get0_authority_key_id(root)),
               0);
  EVP_PKEY_free(key);
  ca_free(ca);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(ca, tells_its_machine_its_day_and_lives_for_ten_years) {
  struct scratch scratch = scratch_new();
  struct ca *ca = open_ca(scratch.dir);
  X509 *root = ca_certificate(ca);
  char host[34] = "", day[16], label[128];
  gethostname(host, sizeof(host) - 1);
  time_t now = time(NULL);
  strftime(day, sizeof(day), "%Y-%m-%d", gmtime(&now));
  cr_assert(X509_NAME_get_text_by_NID(X509_get_subject_name(root),
                                      NID_commonName, label,
                                      sizeof(label)) > 0);
  cr_assert(strstr(label, "echproxy local CA, ") == label);
  cr_assert(strstr(label, host), "%s", label);
  cr_assert(strstr(label, day), "%s", label);
  cr_assert(strlen(label) <= 64);
  const ASN1_TIME *from = X509_get0_notBefore(root);
  cr_assert_eq(days_between(from, X509_get0_notAfter(root)), 3652);
  ASN1_TIME *today = ASN1_TIME_set(NULL, now);
  cr_assert(days_between(from, today) >= 1, "backdated for slow clocks");
  ASN1_TIME_free(today);
  ca_free(ca);
  scratch_remove(&scratch);
}

// expect_refusal wants both texts in the message, and the files left alone.
static void expect_refusal(const char *dir, const char *what,
                           const char *advice) {
  struct key_error error = {""};
  int before = num_files(dir);
  cr_assert(ca_open(dir, &error) == NULL, "not refused: %s", what);
  cr_assert(strstr(error.text, what), "%s", error.text);
  cr_assert(strstr(error.text, advice), "%s", error.text);
  cr_assert(num_files(dir) <= before + 1, "a lock file at most");
  cr_assert(no_leaks());
}

Test(ca, refuses_a_key_that_others_can_read) {
  struct scratch scratch = scratch_new();
  char path[256], advice[300];
  make_ca(scratch.dir, -kDay, kDay);
  in_dir(path, scratch.dir, "ca-key.pem");
  chmod(path, 0644);
  snprintf(advice, sizeof(advice), "chmod 600 %s", path);
  expect_refusal(scratch.dir, "other users", advice);
  scratch_remove(&scratch);
}

Test(ca, refuses_half_of_a_pair) {
  static const char *const kFiles[] = {"ca-key.pem", "ca.pem"};
  for (size_t i = 0; i < 2; i++) {
    struct scratch scratch = scratch_new();
    char path[256], what[300];
    make_ca(scratch.dir, -kDay, kDay);
    in_dir(path, scratch.dir, kFiles[i]);
    cr_assert(unlink(path) == 0);
    snprintf(what, sizeof(what), "%s is missing", path);
    expect_refusal(scratch.dir, what,
                   "put it back, or run `echproxy ca --rotate");
    cr_assert_eq(mode_of(path), -1, "nothing was made in its place");
    scratch_remove(&scratch);
  }
}

Test(ca, refuses_a_key_that_is_not_its_certificates) {
  struct scratch scratch = scratch_new();
  make_ca(scratch.dir, -kDay, kDay);
  EVP_PKEY *other = certificate_new_key();
  put_key(scratch.dir, other);
  EVP_PKEY_free(other);
  expect_refusal(scratch.dir, "is not the key of", "`echproxy ca --rotate");
  scratch_remove(&scratch);
}

Test(ca, refuses_a_certificate_outside_its_time) {
  struct scratch scratch = scratch_new();
  make_ca(scratch.dir, -2 * kDay, -1);
  expect_refusal(scratch.dir, "has expired", "`echproxy ca --rotate");
  make_ca(scratch.dir, kDay, 2 * kDay);
  expect_refusal(scratch.dir, "not valid yet", "clock");
  scratch_remove(&scratch);
}

Test(ca, refuses_what_holds_no_key_or_no_certificate) {
  struct scratch scratch = scratch_new();
  char path[256];
  make_ca(scratch.dir, -kDay, kDay);
  put_file(in_dir(path, scratch.dir, "ca.pem"), "junk\n", 0644);
  expect_refusal(scratch.dir, "no certificate", "put it back");
  make_ca(scratch.dir, -kDay, kDay);
  put_file(in_dir(path, scratch.dir, "ca-key.pem"), "", 0600);
  expect_refusal(scratch.dir, "no unencrypted P-256", "put it back");
  scratch_remove(&scratch);
}

Test(ca, refuses_a_key_of_another_curve) {
  struct scratch scratch = scratch_new();
  make_ca(scratch.dir, -kDay, kDay);
  EC_KEY *ec = EC_KEY_new_by_curve_name(NID_secp384r1);
  EVP_PKEY *key = EVP_PKEY_new();
  cr_assert(EC_KEY_generate_key(ec) && EVP_PKEY_set1_EC_KEY(key, ec));
  put_key(scratch.dir, key);
  EVP_PKEY_free(key);
  EC_KEY_free(ec);
  expect_refusal(scratch.dir, "no unencrypted P-256", "put it back");
  scratch_remove(&scratch);
}

Test(ca, refuses_a_certificate_that_is_no_ca) {
  struct scratch scratch = scratch_new();
  struct ca *ca = open_ca(scratch.dir);
  struct certificate_period period = {time(NULL) - kDay, time(NULL) + kDay};
  struct certificate_host host = {.len = 1, .bytes = "a"};
  uint8_t *der;
  size_t len;
  EVP_PKEY *key = certificate_new_key();
  struct certificate_public_key public_key;
  cr_assert(certificate_public_key_of(&public_key, key));
  cr_assert(certificate_write_leaf(ca_issuer(ca), &host, &public_key, period,
                                   &der, &len));
  ca_free(ca);
  put_key(scratch.dir, key);
  put_certificate(scratch.dir, der, len);
  OPENSSL_free(der);
  EVP_PKEY_free(key);
  expect_refusal(scratch.dir, "is no CA certificate", "`echproxy ca --rotate");
  scratch_remove(&scratch);
}

// A company's, say, that could sign other CAs and people.
Test(ca, refuses_a_ca_that_may_do_more_than_ours) {
  struct scratch scratch = scratch_new();
  struct test_cert *wide =
      test_cert_new(&(struct test_cert_spec){.is_ca = true});
  uint8_t *der = NULL;
  int len = i2d_X509(wide->cert, &der);
  cr_assert(len > 0);
  put_key(scratch.dir, wide->key);
  put_certificate(scratch.dir, der, (size_t)len);
  OPENSSL_free(der);
  test_cert_free(wide);
  expect_refusal(scratch.dir, "is no CA certificate", "put that one back");
  scratch_remove(&scratch);
}

Test(ca, survives_every_cut_of_its_files) {
  struct scratch scratch = scratch_new();
  make_ca(scratch.dir, -kDay, kDay);
  static const char *const kFiles[] = {"ca-key.pem", "ca.pem"};
  for (size_t i = 0; i < 2; i++) {
    char path[256];
    char *text = get_file(in_dir(path, scratch.dir, kFiles[i]));
    size_t len = strlen(text);
    for (size_t cut = 0; cut + 1 < len; cut++) {
      char kept = text[cut];
      text[cut] = '\0';
      put_file(path, text, 0600);
      text[cut] = kept;
      cr_assert(ca_open(scratch.dir, NULL) == NULL, "cut at %zu", cut);
    }
    put_file(path, text, 0600);
    ca_free(open_ca(scratch.dir));
    free(text);
  }
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

// Whoever may write to the directory can exchange ca.pem while `trust` reads
// it.
Test(ca, refuses_a_directory_that_others_may_change) {
  struct scratch scratch = scratch_new();
  make_ca(scratch.dir, -kDay, kDay);
  chmod(scratch.dir, 0775);
  expect_refusal(scratch.dir, "other users", "chmod 700");
  char empty[256];
  in_dir(empty, scratch.dir, "empty");
  cr_assert(mkdir(empty, 0700) == 0 && chmod(empty, 0777) == 0);
  expect_refusal(empty, "other users", "chmod 700");
  cr_assert_eq(num_files(empty), 0, "no key is put there");
  scratch_remove(&scratch);
}

Test(ca, says_why_the_directory_cannot_be_made) {
  struct scratch scratch = scratch_new();
  struct key_error error;
  char file[256], dir[256];
  put_file(in_dir(file, scratch.dir, "file"), "", 0600);
  cr_assert(ca_open(in_dir(dir, file, "state"), &error) == NULL);
  cr_assert(strstr(error.text, dir), "%s", error.text);
  scratch_remove(&scratch);
}

// open_and_tell runs in a process of its own, which waits for the others.
static void open_and_tell(const char *dir, int start, int answer) {
  char go;
  uint8_t digest[32];
  unsigned len;
  ssize_t n = read(start, &go, 1);
  struct ca *ca = ca_open(dir, NULL);
  if (n == 0 && ca != NULL &&
      X509_digest(ca_certificate(ca), EVP_sha256(), digest, &len)) {
    n = write(answer, digest, sizeof(digest));
  }
  ca_free(ca);
  _exit(0);
}

Test(ca, is_one_and_the_same_for_processes_that_start_at_once) {
  enum { kProcesses = 8, kRounds = 5 };
  for (int round = 0; round < kRounds; round++) {
    struct scratch scratch = scratch_new();
    char dir[256];
    int start[2], answer[2];
    in_dir(dir, scratch.dir, "state/echproxy");
    cr_assert(pipe(start) == 0 && pipe(answer) == 0);
    for (int i = 0; i < kProcesses; i++) {
      pid_t pid = fork();
      cr_assert(pid >= 0);
      if (pid == 0) {
        close(start[1]);
        open_and_tell(dir, start[0], answer[1]);
      }
    }
    close(start[1]);  // lets all of them go
    close(answer[1]);
    uint8_t digests[kProcesses + 1][32];
    int num = 0;
    while (read(answer[0], digests[num], 32) == 32) {
      cr_assert_arr_eq(digests[0], digests[num], 32);
      num++;
    }
    cr_assert_eq(num, kProcesses);
    for (int i = 0; i < kProcesses; i++) {
      wait(NULL);
    }
    close(start[0]);
    close(answer[0]);
    cr_assert_eq(num_files(dir), 3);
    scratch_remove(&scratch);
  }
}
