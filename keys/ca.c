#include "keys/ca.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "keys/ca_files.h"
#include "keys/certificate.h"
#include "keys/secret_file.h"

enum { kDay = 24 * 60 * 60 };

struct ca {
  struct ca_files files;
  X509 *certificate;
  uint8_t *name;  // the DER that `issuer.name` borrows
  struct certificate_issuer issuer;
};

static struct ca *ca_new(const char *state_dir) {
  struct ca *ca = OPENSSL_malloc(sizeof(*ca));
  if (ca == NULL) {
    return NULL;
  }
  *ca = (struct ca){.certificate = NULL};
  if (!ca_files_init(&ca->files, state_dir)) {
    ca_free(ca);
    return NULL;
  }
  return ca;
}

static void unload(struct ca *ca) {
  EVP_PKEY_free(ca->issuer.key);  // wipes, as every OPENSSL_free does
  X509_free(ca->certificate);
  OPENSSL_free(ca->name);
  ca->issuer = (struct certificate_issuer){.key = NULL};
  ca->certificate = NULL;
  ca->name = NULL;
}

void ca_free(struct ca *ca) {
  if (ca == NULL) {
    return;
  }
  unload(ca);
  ca_files_cleanup(&ca->files);
  OPENSSL_free(ca);
}

X509 *ca_certificate(const struct ca *ca) { return ca->certificate; }

const char *ca_path(const struct ca *ca) { return ca->files.certificate; }

const struct certificate_issuer *ca_issuer(const struct ca *ca) {
  return &ca->issuer;
}

// The way out of every refusal that putting a file back does not mend.
#define ROTATE "run `echproxy ca --rotate --state-dir %s` for a new CA"

// Making.

static bool refuse_half(const struct ca *ca, const char *present,
                        const char *missing, struct key_error *out_error) {
  key_error_set(out_error,
                "%s is there but %s is missing; put it back, or " ROTATE,
                present, missing, ca->files.dir);
  return false;
}

// remove_cut removes what a first start was killed over: a key whose
// certificate nobody has seen.
static bool remove_cut(const struct ca *ca, int lock,
                       struct key_error *out_error) {
  return !ca_files_was_cut(lock) || ca_files_exists(ca->files.certificate) ||
         (secret_file_remove_leftovers(ca->files.dir, out_error) &&
          secret_file_remove(ca->files.key, out_error));
}

static bool make(const struct ca *ca, int lock, struct key_error *out_error) {
  bool ok = ca_files_begin(lock, &ca->files, out_error) &&
            ca_files_make_pair(&ca->files, false, out_error);
  if (ok) {
    ca_files_end(lock);
  }
  return ok;
}

// make_unless_there runs while we hold `lock`.
static bool make_unless_there(const struct ca *ca, int lock,
                              struct key_error *out_error) {
  if (!remove_cut(ca, lock, out_error)) {
    return false;
  }
  bool has_key = ca_files_exists(ca->files.key);
  bool has_certificate = ca_files_exists(ca->files.certificate);
  if (has_key && !has_certificate) {
    return refuse_half(ca, ca->files.key, ca->files.certificate, out_error);
  }
  if (!has_key && has_certificate) {
    return refuse_half(ca, ca->files.certificate, ca->files.key, out_error);
  }
  return has_key || make(ca, lock, out_error);
}

// tidy_up removes what a first start left that was killed when the CA was
// whole. Where that cannot be done, the CA is as good.
static void tidy_up(const struct ca *ca) {
  struct stat info;
  if (stat(ca->files.lock, &info) != 0 || info.st_size == 0) {
    return;
  }
  int fd = ca_files_lock(&ca->files, NULL);
  if (fd >= 0) {
    if (ca_files_was_cut(fd) &&
        secret_file_remove_leftovers(ca->files.dir, NULL)) {
      ca_files_end(fd);
    }
    close(fd);
  }
}

// make_once makes the CA in one of several processes that start at once; the
// others wait for it.
static bool make_once(const struct ca *ca, const char *state_dir,
                      struct key_error *out_error) {
  if (!secret_file_make_dir(state_dir, out_error) ||
      !secret_file_check_dir(state_dir, out_error)) {
    return false;
  }
  int fd = ca_files_lock(&ca->files, out_error);
  if (fd < 0) {
    return false;
  }
  bool ok = make_unless_there(ca, fd, out_error);
  close(fd);  // and with it the lock
  return ok;
}

// Loading.

static int no_password(char *buf, int size, int for_writing, void *owner) {
  (void)buf, (void)size, (void)for_writing, (void)owner;
  return -1;
}

static BIO *open_pem(const char *path, bool is_private, uint8_t **out_data,
                     size_t *out_len, struct key_error *out_error) {
  if (!secret_file_read(path, kCaFilesMax, is_private, out_data, out_len,
                        out_error)) {
    return NULL;
  }
  return BIO_new_mem_buf(*out_data, (int)*out_len);
}

static bool load_key(struct ca *ca, struct key_error *out_error) {
  uint8_t *pem = NULL;
  size_t len = 0;
  BIO *bio = open_pem(ca->files.key, true, &pem, &len, out_error);
  if (bio == NULL) {
    secret_file_free(pem, len);
    return false;
  }
  ca->issuer.key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
  BIO_free(bio);
  secret_file_free(pem, len);
  bool ok = ca->issuer.key != NULL && certificate_key_is_p256(ca->issuer.key);
  if (!ok) {
    key_error_set(out_error,
                  "%s holds no unencrypted P-256 private key in PEM form; put "
                  "it back, or " ROTATE,
                  ca->files.key, ca->files.dir);
  }
  return ok;
}

static bool load_certificate(struct ca *ca, struct key_error *out_error) {
  uint8_t *pem = NULL;
  size_t len = 0;
  BIO *bio = open_pem(ca->files.certificate, false, &pem, &len, out_error);
  if (bio == NULL) {
    return false;
  }
  ca->certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
  BIO_free(bio);
  secret_file_free(pem, len);
  if (ca->certificate == NULL) {
    key_error_set(
        out_error,
        "%s holds no certificate in PEM form; put it back, or " ROTATE,
        ca->files.certificate, ca->files.dir);
    return false;
  }
  return true;
}

// seconds_of gives seconds since 1970. Years before 1950 and the like make it
// fail.
static bool seconds_of(const ASN1_TIME *time, int64_t *out) {
  ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
  int days, seconds;
  bool ok = epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, time);
  if (ok) {
    *out = (int64_t)days * kDay + seconds;
  }
  ASN1_TIME_free(epoch);
  return ok;
}

static bool check_period(const struct ca *ca, struct key_error *out_error) {
  int64_t now = time(NULL);
  if (now < ca->issuer.period.not_before) {
    key_error_set(out_error,
                  "%s is not valid yet; check this machine's clock and date",
                  ca->files.certificate);
    return false;
  }
  if (now >= ca->issuer.period.not_after) {
    key_error_set(out_error, "%s has expired; " ROTATE, ca->files.certificate,
                  ca->files.dir);
    return false;
  }
  return true;
}

// is_narrow_ca refuses a CA that can do more than ours: one of a company, say,
// whose key would then be used here.
static bool is_narrow_ca(X509 *certificate) {
  return X509_check_ca(certificate) == 1 &&
         X509_get_pathlen(certificate) == 0 &&
         X509_get_key_usage(certificate) == KU_KEY_CERT_SIGN &&
         X509_get_extended_key_usage(certificate) == XKU_SSL_SERVER &&
         X509_get0_subject_key_id(certificate) != NULL;
}

// check_pair also sees to it that nothing but a CA of our own making, or one
// just like it, is taken.
static bool check_pair(const struct ca *ca, struct key_error *out_error) {
  if (!X509_check_private_key(ca->certificate, ca->issuer.key)) {
    key_error_set(out_error,
                  "%s is not the key of %s; put back the one that belongs to "
                  "it, or " ROTATE,
                  ca->files.key, ca->files.certificate, ca->files.dir);
    return false;
  }
  if (!is_narrow_ca(ca->certificate)) {
    key_error_set(out_error,
                  "%s is no CA certificate that echproxy made; put that one "
                  "back, or " ROTATE,
                  ca->files.certificate, ca->files.dir);
    return false;
  }
  return true;
}

static bool fill_issuer(struct ca *ca, struct key_error *out_error) {
  const ASN1_OCTET_STRING *key_id = X509_get0_subject_key_id(ca->certificate);
  int name_len =
      i2d_X509_NAME(X509_get_subject_name(ca->certificate), &ca->name);
  if (name_len <= 0 ||
      !seconds_of(X509_get0_notBefore(ca->certificate),
                  &ca->issuer.period.not_before) ||
      !seconds_of(X509_get0_notAfter(ca->certificate),
                  &ca->issuer.period.not_after)) {
    key_error_set(out_error, "%s cannot be read", ca->files.certificate);
    return false;
  }
  CBS_init(&ca->issuer.name, ca->name, (size_t)name_len);
  CBS_init(&ca->issuer.key_id, ASN1_STRING_get0_data(key_id),
           (size_t)ASN1_STRING_length(key_id));
  return true;
}

static bool load(struct ca *ca, struct key_error *out_error) {
  bool ok = load_key(ca, out_error) && load_certificate(ca, out_error) &&
            check_pair(ca, out_error) && fill_issuer(ca, out_error) &&
            check_period(ca, out_error);
  ERR_clear_error();
  return ok;
}

// load_settled loads a second time what could not be loaded: a rotation
// replaces one file and then the other, and whoever looks in between waits for
// its end.
static bool load_settled(struct ca *ca, struct key_error *out_error) {
  if (load(ca, out_error)) {
    return true;
  }
  int fd = ca_files_lock(&ca->files, NULL);
  if (fd < 0) {
    return false;
  }
  unload(ca);
  bool ok = load(ca, out_error);
  close(fd);
  return ok;
}

struct ca *ca_open(const char *state_dir, struct key_error *out_error) {
  key_error_set(out_error, "out of memory while opening the local CA");
  struct ca *ca = ca_new(state_dir);
  if (ca == NULL) {
    return NULL;
  }
  // A CA that is there is only read, so that a read-only directory will do.
  bool is_whole =
      ca_files_exists(ca->files.key) && ca_files_exists(ca->files.certificate);
  if (is_whole) {
    tidy_up(ca);
  }
  if ((!is_whole && !make_once(ca, state_dir, out_error)) ||
      !secret_file_check_dir(state_dir, out_error) ||
      !load_settled(ca, out_error)) {
    ca_free(ca);
    return NULL;
  }
  return ca;
}
