#include "keys/ca_files.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "keys/certificate.h"
#include "keys/secret_file.h"

enum {
  kDay = 24 * 60 * 60,
  kBackdate = 2 * kDay,  // for browsers whose clock is behind ours
  kLifetime = 3652 * kDay,
};

static char *path_in(const char *dir, const char *file) {
  size_t size = strlen(dir) + strlen(file) + 2;
  char *path = OPENSSL_malloc(size);
  if (path != NULL) {
    snprintf(path, size, "%s/%s", dir, file);
  }
  return path;
}

bool ca_files_init(struct ca_files *files, const char *state_dir) {
  *files = (struct ca_files){
      .dir = OPENSSL_strdup(state_dir),
      .certificate = path_in(state_dir, "ca.pem"),
      .key = path_in(state_dir, "ca-key.pem"),
      .former = path_in(state_dir, "ca-former.pem"),
      .lock = path_in(state_dir, "ca.lock"),
  };
  return files->dir != NULL && files->certificate != NULL &&
         files->key != NULL && files->former != NULL && files->lock != NULL;
}

void ca_files_cleanup(struct ca_files *files) {
  OPENSSL_free(files->dir);
  OPENSSL_free(files->certificate);
  OPENSSL_free(files->key);
  OPENSSL_free(files->former);
  OPENSSL_free(files->lock);
  *files = (struct ca_files){.dir = NULL};
}

bool ca_files_exists(const char *path) {
  struct stat info;
  return lstat(path, &info) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

int ca_files_lock(const struct ca_files *files, struct key_error *out_error) {
  int fd = open(files->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  int err = fd;
  while (fd >= 0 && (err = flock(fd, LOCK_EX)) != 0 && errno == EINTR) {
  }
  if (err < 0) {
    key_error_set(out_error,
                  "cannot lock %s: %s; check that its directory "
                  "exists and belongs to you",
                  files->lock, strerror(errno));
    if (fd >= 0) {
      close(fd);
    }
    return -1;
  }
  return fd;
}

bool ca_files_begin(int fd, const struct ca_files *files,
                    struct key_error *out_error) {
  if (pwrite(fd, "+", 1, 0) == 1 && fsync(fd) == 0) {
    return true;
  }
  key_error_set(out_error, "cannot write %s: %s", files->lock, strerror(errno));
  return false;
}

// Where this fails, the next one to look at the files finds them whole.
void ca_files_end(int fd) { (void)!ftruncate(fd, 0); }

bool ca_files_was_cut(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && info.st_size > 0;
}

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
                      bool may_replace, struct key_error *out_error) {
  const uint8_t *data;
  size_t len;
  return BIO_mem_contents(bio, &data, &len) &&
         secret_file_write(path, data, len, mode, may_replace, out_error);
}

// write_pair writes the key first: whoever sees ca.pem sees a whole CA.
static bool write_pair(const struct ca_files *files, EVP_PKEY *key,
                       const uint8_t *der, size_t der_len, bool may_replace,
                       struct key_error *out_error) {
  BIO *key_pem = BIO_new(BIO_s_mem());
  BIO *certificate_pem = BIO_new(BIO_s_mem());
  bool ok =
      key_pem != NULL && certificate_pem != NULL &&
      PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) &&
      PEM_write_bio(certificate_pem, PEM_STRING_X509, "", der, (long)der_len) >
          0 &&
      write_bio(key_pem, files->key, SECRET_FILE_PRIVATE, may_replace,
                out_error) &&
      write_bio(certificate_pem, files->certificate, SECRET_FILE_PUBLIC,
                may_replace, out_error);
  BIO_free(key_pem);
  BIO_free(certificate_pem);
  return ok;
}

bool ca_files_make_pair(const struct ca_files *files, bool may_replace,
                        struct key_error *out_error) {
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
            write_pair(files, key, der, der_len, may_replace, out_error);
  EVP_PKEY_free(key);
  OPENSSL_free(der);
  return ok;
}
