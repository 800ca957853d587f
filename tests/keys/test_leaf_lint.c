#include <criterion/criterion.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "keys/ca.h"
#include "keys/leaf.h"
#include "keys/support.h"
#include "support/peer.h"

// The certificates as other people's programs judge them: OpenSSL at its
// strictest, GnuTLS and NSS.

enum { kRunMs = 30000 };

struct bed {
  struct scratch scratch;
  struct ca *ca;
  struct leaf_cache *leaves;
  char ca_path[256];
  char leaf_path[256];
};

static void bed_open(struct bed *bed) {
  struct key_error error;
  bed->scratch = scratch_new();
  bed->ca = ca_open(bed->scratch.dir, &error);
  cr_assert(bed->ca != NULL, "%s", error.text);
  bed->leaves = leaf_cache_new(bed->ca, 8);
  in_dir(bed->ca_path, bed->scratch.dir, "ca.pem");
  in_dir(bed->leaf_path, bed->scratch.dir, "leaf.pem");
}

static void bed_close(struct bed *bed) {
  leaf_cache_free(bed->leaves);
  ca_free(bed->ca);
  scratch_remove(&bed->scratch);
}

// leaf returns the certificate for `host` as a server shows it, released with
// X509_free, and writes its file.
static X509 *leaf(struct bed *bed, const char *host) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  SSL *ssl = SSL_new(ctx);
  cr_assert(leaf_cache_use(bed->leaves, ssl, host), "%s", host);
  X509 *certificate = shown_by(ssl);
  FILE *file = fopen(bed->leaf_path, "w");
  cr_assert(file != NULL && PEM_write_X509(file, certificate) == 1);
  cr_assert(fclose(file) == 0);
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  return certificate;
}

static const char kLongestName[] =
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb."
    "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc."
    "ddddddddddddddddddddddddddddddddddddddddddddddddddddd.longest";

static const struct {
  const char *host;
  bool is_ip;
} kHosts[] = {
    {"site.example", false},
    {kLongestName, false},
    {"xn--bcher-kva.example", false},
    {"a.b.c.d.e.f.example", false},
    {"1.example", false},
    {"192.0.2.1", true},
    {"2001:db8::1", true},
};

enum { kNumHosts = sizeof(kHosts) / sizeof(kHosts[0]) };

// must runs a program that has to end with 0 and to say `text`.
static void must(const char *text, const char *const argv[]) {
  struct program program;
  program_run(&program, argv, NULL, kRunMs);
  cr_assert_eq(program.exit_code, 0, "%s: %s%s", argv[0], program.out,
               program.err);
  cr_assert(strstr(program.out, text) || strstr(program.err, text), "%s: %s%s",
            argv[0], program.out, program.err);
  program_cleanup(&program);
}

Test(leaf_lint, openssl_finds_nothing_wrong, .timeout = 60) {
  struct bed bed;
  bed_open(&bed);
  cr_assert_eq(strlen(kLongestName), 253);
  must("ca.pem: OK", (const char *const[]){"openssl", "verify", "-x509_strict",
                                           "-check_ss_sig", "-CAfile",
                                           bed.ca_path, bed.ca_path, NULL});
  for (size_t i = 0; i < kNumHosts; i++) {
    X509_free(leaf(&bed, kHosts[i].host));
    must("leaf.pem: OK",
         (const char *const[]){
             "openssl", "verify", "-x509_strict", "-check_ss_sig", "-purpose",
             "sslserver", kHosts[i].is_ip ? "-verify_ip" : "-verify_hostname",
             kHosts[i].host, "-CAfile", bed.ca_path, bed.leaf_path, NULL});
  }
  bed_close(&bed);
}

Test(leaf_lint, gnutls_finds_nothing_wrong, .timeout = 60) {
  struct bed bed;
  bed_open(&bed);
  for (size_t i = 0; i < kNumHosts; i++) {
    X509_free(leaf(&bed, kHosts[i].host));
    char name[300];
    snprintf(name, sizeof(name), "--verify-hostname=%s", kHosts[i].host);
    must("Verified. The certificate is trusted.",
         (const char *const[]){"certtool", "--verify", "--load-ca-certificate",
                               bed.ca_path, "--infile", bed.leaf_path, name,
                               "--verify-purpose=1.3.6.1.5.5.7.3.1",
                               "--verify-profile=medium", NULL});
    must("Subject Alternative Name (critical)",
         (const char *const[]){"certtool", "-i", "--infile", bed.leaf_path,
                               NULL});
  }
  bed_close(&bed);
}

Test(leaf_lint, nss_finds_nothing_wrong, .timeout = 60) {
  struct bed bed;
  char db[256];
  bed_open(&bed);
  snprintf(db, sizeof(db), "sql:%s", bed.scratch.dir);
  must("", (const char *const[]){"certutil", "-N", "--empty-password", "-d", db,
                                 NULL});
  must("", (const char *const[]){"certutil", "-A", "-d", db, "-n", "ca", "-t",
                                 "C,,", "-i", bed.ca_path, NULL});
  for (size_t i = 0; i < kNumHosts; i++) {
    X509_free(leaf(&bed, kHosts[i].host));
    must("Chain is good!",
         (const char *const[]){"vfychain", "-d", db, "-pp", "-u", "1", "-a",
                               bed.leaf_path, NULL});
  }
  bed_close(&bed);
}

// The extensions of a leaf, each once, and no others.
static void check_extensions(X509 *certificate) {
  static const int kExtensions[] = {
      NID_key_usage, NID_ext_key_usage, NID_subject_key_identifier,
      NID_authority_key_identifier, NID_subject_alt_name};
  cr_assert_eq(X509_get_ext_count(certificate), 5);
  for (size_t i = 0; i < 5; i++) {
    cr_assert_geq(X509_get_ext_by_NID(certificate, kExtensions[i], -1), 0,
                  "%d is missing", kExtensions[i]);
  }
}

// DER has one form: what is read and written again is the same.
static void check_encoding(X509 *certificate) {
  uint8_t *der = NULL;
  uint8_t *tbs = NULL;
  int len = i2d_X509(certificate, &der);
  int tbs_len = i2d_re_X509_tbs(certificate, &tbs);
  cr_assert(len > 0 && tbs_len > 0);
  cr_assert_not_null(memmem(der, (size_t)len, tbs, (size_t)tbs_len));
  OPENSSL_free(der);
  OPENSSL_free(tbs);
}

Test(leaf_lint, is_der_and_no_more_than_it_must_be) {
  struct bed bed;
  bed_open(&bed);
  check_encoding(ca_certificate(bed.ca));
  for (size_t i = 0; i < kNumHosts; i++) {
    X509 *certificate = leaf(&bed, kHosts[i].host);
    check_extensions(certificate);
    check_encoding(certificate);
    X509_free(certificate);
  }
  bed_close(&bed);
  cr_assert(no_leaks());
}
