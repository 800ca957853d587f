#include "support/scratch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct kept {
  struct kept *next;
  char text[];
};

struct scratch {
  char dir[64];
  struct kept *kept;
};

static char *keep(struct scratch *scratch, size_t len) {
  struct kept *kept = calloc(1, sizeof(*kept) + len + 1);
  cr_assert_not_null(kept);
  kept->next = scratch->kept;
  scratch->kept = kept;
  return kept->text;
}

struct scratch *scratch_new(void) {
  struct scratch *scratch = calloc(1, sizeof(*scratch));
  cr_assert_not_null(scratch);
  snprintf(scratch->dir, sizeof(scratch->dir), "/tmp/echproxy-test-XXXXXX");
  cr_assert_not_null(mkdtemp(scratch->dir));
  return scratch;
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw) {
  (void)st;
  (void)type;
  (void)ftw;
  remove(path);
  return 0;
}

void scratch_free(struct scratch *scratch) {
  nftw(scratch->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  struct kept *next;
  for (struct kept *kept = scratch->kept; kept != NULL; kept = next) {
    next = kept->next;
    free(kept);
  }
  free(scratch);
}

const char *scratch_format(struct scratch *scratch, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int len = vsnprintf(NULL, 0, format, args);
  va_end(args);
  cr_assert_geq(len, 0);
  char *text = keep(scratch, (size_t)len);
  va_start(args, format);
  vsnprintf(text, (size_t)len + 1, format, args);
  va_end(args);
  return text;
}

const char *scratch_path(struct scratch *scratch, const char *name) {
  return scratch_format(scratch, "%s/%s", scratch->dir, name);
}

const char *scratch_dir(struct scratch *scratch, const char *name) {
  const char *path = scratch_path(scratch, name);
  cr_assert_eq(mkdir(path, 0700), 0);
  return path;
}

const char *scratch_write(struct scratch *scratch, const char *name,
                          const void *data, size_t len) {
  const char *path = scratch_path(scratch, name);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  cr_assert_geq(fd, 0);
  cr_assert_eq(write(fd, data, len), (ssize_t)len);
  close(fd);
  return path;
}

const char *scratch_read(struct scratch *scratch, const char *path,
                         size_t *out_len) {
  FILE *file = fopen(path, "rbe");
  if (file == NULL) {
    return NULL;
  }
  struct stat st;
  cr_assert_eq(fstat(fileno(file), &st), 0);
  size_t size = (size_t)st.st_size;
  char *text = keep(scratch, size);
  cr_assert_eq(fread(text, 1, size, file), size);
  fclose(file);
  if (out_len != NULL) {
    *out_len = size;
  }
  return text;
}

// Writes what `bio` has been given to a file, and releases it.
static void write_bio(struct scratch *scratch, const char *name, BIO *bio) {
  const uint8_t *pem;
  size_t len;
  cr_assert(BIO_mem_contents(bio, &pem, &len));
  scratch_write(scratch, name, pem, len);
  BIO_free(bio);
}

void scratch_cert(struct scratch *scratch, const char *name,
                  const struct test_cert *cert) {
  BIO *bio = BIO_new(BIO_s_mem());
  cr_assert(PEM_write_bio_X509(bio, cert->cert));
  write_bio(scratch, scratch_format(scratch, "%s.crt", name), bio);
  bio = BIO_new(BIO_s_mem());
  cr_assert(
      PEM_write_bio_PrivateKey(bio, cert->key, NULL, NULL, 0, NULL, NULL));
  write_bio(scratch, scratch_format(scratch, "%s.key", name), bio);
}
