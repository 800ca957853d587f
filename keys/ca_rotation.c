#include "keys/ca_rotation.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keys/ca_files.h"
#include "keys/secret_file.h"

static bool is_known(const struct ca_known *known, X509 *certificate) {
  for (size_t i = 0; i < known->num; i++) {
    if (X509_cmp(known->certificates[i], certificate) == 0) {
      return true;
    }
  }
  return false;
}

// take_all takes what certificates there are, up to the first that is damaged:
// what is not one of ours any more cannot be looked for.
static void take_all(struct ca_known *known, BIO *bio, size_t max) {
  X509 *certificate;
  while (max-- > 0 && known->num < kCaMaxKnown &&
         (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
    if (is_known(known, certificate)) {
      X509_free(certificate);
    } else {
      known->certificates[known->num++] = certificate;
    }
  }
  ERR_clear_error();
}

// read_into adds the certificates of a file that may be missing.
static bool read_into(struct ca_known *known, const char *path, size_t max,
                      struct key_error *out_error) {
  uint8_t *data = NULL;
  size_t len = 0;
  if (!ca_files_exists(path)) {
    return true;
  }
  if (!secret_file_read(path, kCaFilesMax, false, &data, &len, out_error)) {
    return false;
  }
  BIO *bio = BIO_new_mem_buf(data, (int)len);
  if (bio != NULL) {
    take_all(known, bio, max);
  }
  BIO_free(bio);
  secret_file_free(data, len);
  return true;
}

static bool read_known(struct ca_known *known, const struct ca_files *files,
                       struct key_error *out_error) {
  bool ok = read_into(known, files->certificate, 1, out_error);
  known->has_current = known->num == 1;
  return read_into(known, files->former, kCaMaxKnown, out_error) && ok;
}

bool ca_known_read(struct ca_known *known, const char *state_dir,
                   struct key_error *out_error) {
  struct ca_files files;
  *known = (struct ca_known){.num = 0};
  key_error_set(out_error, "out of memory while reading the local CA");
  bool ok =
      ca_files_init(&files, state_dir) && read_known(known, &files, out_error);
  ca_files_cleanup(&files);
  return ok;
}

void ca_known_cleanup(struct ca_known *known) {
  for (size_t i = 0; i < known->num; i++) {
    X509_free(known->certificates[i]);
  }
  *known = (struct ca_known){.num = 0};
}

static bool write_former(const struct ca_files *files,
                         const struct ca_known *known,
                         struct key_error *out_error) {
  const uint8_t *data;
  size_t len;
  BIO *bio = BIO_new(BIO_s_mem());
  bool ok = bio != NULL;
  // Former ones first, in their order; what no longer fits is the oldest.
  size_t first = known->has_current ? 1 : 0;
  size_t skip = known->num == kCaMaxKnown ? 1 : 0;
  for (size_t i = first + skip; i < known->num; i++) {
    ok = ok && PEM_write_bio_X509(bio, known->certificates[i]);
  }
  ok = ok &&
       (!known->has_current || PEM_write_bio_X509(bio, known->certificates[0]));
  ok = ok && BIO_mem_contents(bio, &data, &len) &&
       secret_file_write(files->former, data, len, SECRET_FILE_PUBLIC, true,
                         out_error);
  BIO_free(bio);
  return ok;
}

// remember_current puts the certificate of ca.pem among the former ones. One
// that cannot be read is lost already.
static bool remember_current(const struct ca_files *files,
                             struct key_error *out_error) {
  struct ca_known known = {.num = 0};
  read_known(&known, files, NULL);
  bool ok = !known.has_current || write_former(files, &known, out_error);
  ca_known_cleanup(&known);
  return ok;
}

// replace runs while we hold the lock. The certificate is remembered first, so
// that it can be found whatever happens next; the key that it vouches for is
// gone before a new one takes its name.
static bool replace(const struct ca_files *files, struct key_error *out_error) {
  return remember_current(files, out_error) &&
         secret_file_remove_leftovers(files->dir, out_error) &&
         secret_file_remove(files->key, out_error) &&
         ca_files_make_pair(files, true, out_error);
}

bool ca_rotate(const char *state_dir, struct key_error *out_error) {
  struct ca_files files;
  key_error_set(out_error, "out of memory while making the local CA");
  int fd = -1;
  bool ok = ca_files_init(&files, state_dir) &&
            secret_file_make_dir(state_dir, out_error) &&
            secret_file_check_dir(state_dir, out_error) &&
            (fd = ca_files_lock(&files, out_error)) >= 0 &&
            replace(&files, out_error);
  if (fd >= 0) {
    close(fd);
  }
  ca_files_cleanup(&files);
  return ok;
}

// remove_all runs while we hold the lock. The key goes first, and before it
// what may be a second name of it, under which it would not be overwritten.
static bool remove_all(const struct ca_files *files, bool keep_certificates,
                       struct key_error *out_error) {
  return secret_file_remove_leftovers(files->dir, out_error) &&
         secret_file_remove(files->key, out_error) &&
         (!keep_certificates || remember_current(files, out_error)) &&
         secret_file_remove(files->certificate, out_error) &&
         (keep_certificates || secret_file_remove(files->former, out_error)) &&
         secret_file_remove(files->lock, out_error);
}

bool ca_delete(const char *state_dir, bool keep_certificates,
               struct key_error *out_error) {
  struct ca_files files;
  key_error_set(out_error, "out of memory while removing the local CA");
  bool ok = ca_files_init(&files, state_dir);
  if (ok && ca_files_exists(state_dir)) {
    int fd = ca_files_lock(&files, out_error);
    ok = fd >= 0 && remove_all(&files, keep_certificates, out_error);
    if (fd >= 0) {
      close(fd);
    }
    rmdir(state_dir);  // stays when there is something else in it
  }
  ca_files_cleanup(&files);
  return ok;
}

void ca_fingerprint(X509 *certificate, char out[kCaFingerprintSize]) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  out[0] = '\0';
  X509_digest(certificate, EVP_sha256(), digest, &len);
  for (unsigned i = 0; i < len; i++) {
    snprintf(out + (i == 0 ? 0 : 3 * i - 1), 4, "%s%02X", i == 0 ? "" : ":",
             digest[i]);
  }
}
