#include "keys/ca.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "keys/certificate.h"
#include "keys/secret_file.h"

static const char kCertificateFile[] = "ca.pem";
static const char kKeyFile[] = "ca-key.pem";
static const char kLockFile[] = "ca.lock";

enum {
  kMaxFile = 64 * 1024,
  kDay = 24 * 60 * 60,
  kBackdate = 2 * kDay,  // for browsers whose clock is behind ours
  kLifetime = 3652 * kDay,
};

struct ca {
  char *certificate_path;
  char *key_path;
  char *lock_path;
  X509 *certificate;
  uint8_t *name;  // the DER that `issuer.name` borrows
  struct certificate_issuer issuer;
};

static char *path_in(const char *dir, const char *file) {
  size_t size = strlen(dir) + strlen(file) + 2;
  char *path = OPENSSL_malloc(size);
  if (path != NULL) {
    snprintf(path, size, "%s/%s", dir, file);
  }
  return path;
}

static struct ca *ca_new(const char *state_dir) {
  struct ca *ca = OPENSSL_malloc(sizeof(*ca));
  if (ca == NULL) {
    return NULL;
  }
  *ca = (struct ca){
      .certificate_path = path_in(state_dir, kCertificateFile),
      .key_path = path_in(state_dir, kKeyFile),
      .lock_path = path_in(state_dir, kLockFile),
  };
  if (ca->certificate_path == NULL || ca->key_path == NULL ||
      ca->lock_path == NULL) {
    ca_free(ca);
    return NULL;
  }
  return ca;
}

void ca_free(struct ca *ca) {
  if (ca == NULL) {
    return;
  }
  EVP_PKEY_free(ca->issuer.key);  // wipes, as every OPENSSL_free does
  X509_free(ca->certificate);
  OPENSSL_free(ca->name);
  OPENSSL_free(ca->certificate_path);
  OPENSSL_free(ca->key_path);
  OPENSSL_free(ca->lock_path);
  OPENSSL_free(ca);
}

X509 *ca_certificate(const struct ca *ca) { return ca->certificate; }

const char *ca_path(const struct ca *ca) { return ca->certificate_path; }

const struct certificate_issuer *ca_issuer(const struct ca *ca) {
  return &ca->issuer;
}

// Making.

// write_label names the machine and the day, so that a person who finds the CA
// in a browser's list knows where it comes from. At most 64 characters (RFC
// 5280, appendix A, ub-common-name).
static void write_label(char *out, size_t size, time_t now) {
  char host[34] = "";
  struct tm t;
  gethostname(host, sizeof(host) - 1);  // cut short when it is longer
  for (char *c = host; *c != '\0'; c++) {
    if (*c < ' ' || *c > '~') {
      *c = '-';
    }
  }
  gmtime_r(&now, &t);
  snprintf(out, size, "echproxy local CA, %s, %04d-%02d-%02d",
           host[0] == '\0' ? "unnamed" : host, t.tm_year + 1900, t.tm_mon + 1,
           t.tm_mday);
}

static bool write_bio(BIO *bio, const char *path, enum secret_file_mode mode,
                      struct key_error *out_error) {
  const uint8_t *data;
  size_t len;
  return BIO_mem_contents(bio, &data, &len) &&
         secret_file_write(path, data, len, mode, false, out_error);
}

// write_pair writes the key first: whoever sees ca.pem sees a whole CA.
static bool write_pair(const struct ca *ca, EVP_PKEY *key, const uint8_t *der,
                       size_t der_len, struct key_error *out_error) {
  BIO *key_pem = BIO_new(BIO_s_mem());
  BIO *certificate_pem = BIO_new(BIO_s_mem());
  bool ok =
      key_pem != NULL && certificate_pem != NULL &&
      PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) &&
      PEM_write_bio(certificate_pem, PEM_STRING_X509, "", der, (long)der_len) >
          0 &&
      write_bio(key_pem, ca->key_path, SECRET_FILE_PRIVATE, out_error) &&
      write_bio(certificate_pem, ca->certificate_path, SECRET_FILE_PUBLIC,
                out_error);
  BIO_free(key_pem);
  BIO_free(certificate_pem);
  return ok;
}

static bool make_pair(const struct ca *ca, struct key_error *out_error) {
  time_t now = time(NULL);
  struct certificate_period period = {
      .not_before = now - kBackdate,
      .not_after = now - kBackdate + kLifetime,
  };
  char label[80];
  write_label(label, sizeof(label), now);
  uint8_t *der = NULL;
  size_t der_len = 0;
  EVP_PKEY *key = certificate_new_key();
  key_error_set(out_error, "out of memory while making the local CA");
  bool ok = key != NULL &&
            certificate_write_root(key, label, period, &der, &der_len) &&
            write_pair(ca, key, der, der_len, out_error);
  EVP_PKEY_free(key);
  OPENSSL_free(der);
  return ok;
}

// exists says whether something has the name `path`. What we may not see
// exists, so that reading it tells the reason.
static bool exists(const char *path) {
  struct stat info;
  return lstat(path, &info) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static bool refuse_half(const char *present, const char *missing,
                        struct key_error *out_error) {
  key_error_set(out_error,
                "%s is there but %s is missing; put it back, or remove the "
                "other one too and start again for a new CA, which browsers "
                "must then be told to trust",
                present, missing);
  return false;
}

// make_unless_there runs while we hold the lock.
static bool make_unless_there(const struct ca *ca,
                              struct key_error *out_error) {
  bool has_key = exists(ca->key_path);
  bool has_certificate = exists(ca->certificate_path);
  if (has_key && !has_certificate) {
    return refuse_half(ca->key_path, ca->certificate_path, out_error);
  }
  if (!has_key && has_certificate) {
    return refuse_half(ca->certificate_path, ca->key_path, out_error);
  }
  return has_key || make_pair(ca, out_error);
}

static int open_locked(const char *path, struct key_error *out_error) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  int err = fd;
  while (fd >= 0 && (err = flock(fd, LOCK_EX)) != 0 && errno == EINTR) {
  }
  if (err < 0) {
    key_error_set(out_error,
                  "cannot lock %s: %s; check that its directory "
                  "exists and belongs to you",
                  path, strerror(errno));
    if (fd >= 0) {
      close(fd);
    }
    return -1;
  }
  return fd;
}

// make_once makes the CA in one of several processes that start at once; the
// others wait for it.
static bool make_once(const struct ca *ca, const char *state_dir,
                      struct key_error *out_error) {
  if (!secret_file_make_dir(state_dir, out_error)) {
    return false;
  }
  int fd = open_locked(ca->lock_path, out_error);
  if (fd < 0) {
    return false;
  }
  bool ok = make_unless_there(ca, out_error);
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
  if (!secret_file_read(path, kMaxFile, is_private, out_data, out_len,
                        out_error)) {
    return NULL;
  }
  return BIO_new_mem_buf(*out_data, (int)*out_len);
}

static bool load_key(struct ca *ca, struct key_error *out_error) {
  uint8_t *pem = NULL;
  size_t len = 0;
  BIO *bio = open_pem(ca->key_path, true, &pem, &len, out_error);
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
                  "it back, or remove it and %s and start again for a new CA",
                  ca->key_path, ca->certificate_path);
  }
  return ok;
}

static bool load_certificate(struct ca *ca, struct key_error *out_error) {
  uint8_t *pem = NULL;
  size_t len = 0;
  BIO *bio = open_pem(ca->certificate_path, false, &pem, &len, out_error);
  if (bio == NULL) {
    return false;
  }
  ca->certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
  BIO_free(bio);
  secret_file_free(pem, len);
  if (ca->certificate == NULL) {
    key_error_set(out_error,
                  "%s holds no certificate in PEM form; put it back, or remove "
                  "it and %s and start again for a new CA",
                  ca->certificate_path, ca->key_path);
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
                  ca->certificate_path);
    return false;
  }
  if (now >= ca->issuer.period.not_after) {
    key_error_set(out_error,
                  "%s has expired; remove it and %s and start again for a new "
                  "CA, which browsers must then be told to trust",
                  ca->certificate_path, ca->key_path);
    return false;
  }
  return true;
}

// check_pair also sees to it that nothing but a CA of our own making, or one
// just like it, is taken.
static bool check_pair(const struct ca *ca, struct key_error *out_error) {
  if (!X509_check_private_key(ca->certificate, ca->issuer.key)) {
    key_error_set(out_error,
                  "%s is not the key of %s; put back the one that belongs to "
                  "it, or remove both and start again for a new CA",
                  ca->key_path, ca->certificate_path);
    return false;
  }
  if (X509_check_ca(ca->certificate) != 1 ||
      X509_get0_subject_key_id(ca->certificate) == NULL) {
    key_error_set(out_error,
                  "%s is no CA certificate that echproxy made; put that one "
                  "back, or remove it and %s and start again for a new CA",
                  ca->certificate_path, ca->key_path);
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
    key_error_set(out_error, "%s cannot be read", ca->certificate_path);
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

struct ca *ca_open(const char *state_dir, struct key_error *out_error) {
  key_error_set(out_error, "out of memory while opening the local CA");
  struct ca *ca = ca_new(state_dir);
  if (ca == NULL) {
    return NULL;
  }
  // A CA that is there is only read, so that a read-only directory will do.
  bool is_whole = exists(ca->key_path) && exists(ca->certificate_path);
  if ((!is_whole && !make_once(ca, state_dir, out_error)) ||
      !load(ca, out_error)) {
    ca_free(ca);
    return NULL;
  }
  return ca;
}
