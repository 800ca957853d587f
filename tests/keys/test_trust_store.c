#include "keys/trust_store.h"

#include <criterion/criterion.h>

#include "keys/ca.h"
#include "keys/make_ca.h"
#include "keys/support.h"

struct fixture {
  struct scratch scratch;
  char dirs[3][256];
  char empty[256];
  struct ca *cas[3];
};

// Three roots, in three directories.
static struct fixture fixture_new(void) {
  struct fixture f = {.scratch = scratch_new()};
  static const char *const kNames[] = {"0", "1", "2"};
  for (int i = 0; i < 3; i++) {
    f.cas[i] = ca_open(in_dir(f.dirs[i], f.scratch.dir, kNames[i]), NULL);
    cr_assert(f.cas[i] != NULL);
  }
  put_file(in_dir(f.empty, f.scratch.dir, "empty.pem"), "none\n", 0644);
  return f;
}

static void fixture_free(struct fixture *f) {
  for (int i = 0; i < 3; i++) {
    ca_free(f->cas[i]);
  }
  scratch_remove(&f->scratch);
  cr_assert(no_leaks());
}

// bundle writes the roots whose numbers are in `which` into one file.
static const char *bundle(const struct fixture *f, char path[256],
                          const char *name, const char *which) {
  char all[16384] = "a comment\n";
  for (; *which != '\0'; which++) {
    if (*which < '0' || *which > '2') {
      strcat(all,
             "-----BEGIN CERTIFICATE-----\nMAA=\n"
             "-----END CERTIFICATE-----\n");
      continue;
    }
    char *text = get_file(ca_path(f->cas[*which - '0']));
    strcat(all, text);
    free(text);
  }
  put_file(in_dir(path, f->scratch.dir, name), all, 0644);
  return path;
}

static size_t num_roots(X509_STORE *store) {
  return sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
}

static bool trusts(X509_STORE *store, const struct ca *ca) {
  X509_STORE_CTX *ctx = X509_STORE_CTX_new();
  cr_assert(X509_STORE_CTX_init(ctx, store, ca_certificate(ca), NULL));
  bool ok = X509_verify_cert(ctx) == 1;
  X509_STORE_CTX_free(ctx);
  return ok;
}

Test(trust_store, holds_the_systems_roots_and_the_users) {
  struct fixture f = fixture_new();
  struct key_error error;
  char system[256], extra[256];
  setenv("SSL_CERT_FILE", bundle(&f, system, "system.pem", "0"), 1);
  bundle(&f, extra, "extra.pem", "1");
  X509_STORE *store = trust_store_new(extra, NULL, &error);
  cr_assert(store != NULL, "%s", error.text);
  cr_assert(trusts(store, f.cas[0]) && trusts(store, f.cas[1]));
  cr_assert_not(trusts(store, f.cas[2]));
  X509_STORE_free(store);
  fixture_free(&f);
}

Test(trust_store, leaves_our_own_ca_out_wherever_it_stands) {
  struct fixture f = fixture_new();
  struct key_error error;
  char system[256], extra[256];
  setenv("SSL_CERT_FILE", bundle(&f, system, "system.pem", "021"), 1);
  bundle(&f, extra, "extra.pem", "2");
  X509_STORE *store = trust_store_new(extra, ca_certificate(f.cas[2]), &error);
  cr_assert(store != NULL, "%s", error.text);
  cr_assert_eq(num_roots(store), 2);
  cr_assert_not(trusts(store, f.cas[2]));
  cr_assert(trusts(store, f.cas[0]) && trusts(store, f.cas[1]));
  X509_STORE_free(store);
  fixture_free(&f);
}

// The same key under another name and number is our CA all the same.
Test(trust_store, knows_our_ca_by_its_key) {
  struct fixture f = fixture_new();
  struct key_error error;
  char path[256];
  struct certificate_period period = {time(NULL) - 60, time(NULL) + 60};
  uint8_t *der;
  size_t len;
  cr_assert(certificate_write_root(ca_issuer(f.cas[2])->key, "renamed", period,
                                   &der, &len));
  put_certificate(f.scratch.dir, der, len);
  OPENSSL_free(der);
  setenv("SSL_CERT_FILE", in_dir(path, f.scratch.dir, "ca.pem"), 1);
  X509_STORE *store = trust_store_new(NULL, ca_certificate(f.cas[2]), &error);
  cr_assert(store != NULL, "%s", error.text);
  cr_assert_eq(num_roots(store), 0);
  X509_STORE_free(store);
  fixture_free(&f);
}

Test(trust_store, takes_a_certificate_twice) {
  struct fixture f = fixture_new();
  struct key_error error;
  char system[256];
  setenv("SSL_CERT_FILE", bundle(&f, system, "system.pem", "0010"), 1);
  X509_STORE *store = trust_store_new(system, NULL, &error);
  cr_assert(store != NULL, "%s", error.text);
  cr_assert(trusts(store, f.cas[0]) && trusts(store, f.cas[1]));
  X509_STORE_free(store);
  fixture_free(&f);
}

static void expect_refusal(const char *extra, const char *what,
                           const char *path) {
  struct key_error error = {""};
  cr_assert(trust_store_new(extra, NULL, &error) == NULL);
  cr_assert(strstr(error.text, what), "%s", error.text);
  cr_assert(strstr(error.text, path), "%s", error.text);
}

Test(trust_store, refuses_named_files_without_certificates) {
  struct fixture f = fixture_new();
  char system[256], missing[256];
  bundle(&f, system, "system.pem", "0");
  in_dir(missing, f.scratch.dir, "missing.pem");
  setenv("SSL_CERT_FILE", system, 1);
  expect_refusal(f.empty, "no certificate", f.empty);
  expect_refusal(missing, "cannot open", missing);
  setenv("SSL_CERT_FILE", f.empty, 1);
  expect_refusal(system, "no certificate", f.empty);
  setenv("SSL_CERT_FILE", missing, 1);
  expect_refusal(NULL, "cannot open", missing);
  fixture_free(&f);
}

Test(trust_store, says_which_certificate_is_damaged) {
  struct fixture f = fixture_new();
  char path[256];
  bundle(&f, path, "extra.pem", "0x1");
  setenv("SSL_CERT_FILE", path, 1);
  expect_refusal(NULL, "certificate 2 in", path);
  fixture_free(&f);
}

Test(trust_store, finds_the_systems_own_bundle) {
  struct key_error error;
  if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) != 0) {
    cr_skip_test("no bundle of Debian's here");
  }
  setenv("SSL_CERT_FILE", "", 1);
  X509_STORE *store = trust_store_new(NULL, NULL, &error);
  cr_assert(store != NULL, "%s", error.text);
  cr_assert(num_roots(store) > 50);
  X509_STORE_free(store);
  cr_assert(no_leaks());
}
