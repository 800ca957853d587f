#include "support/residue.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <openssl/mem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kPiece = 24, kMaxFile = 16 * 1024 * 1024 };

static bool has_piece(const char *data, size_t len, const uint8_t *der,
                      size_t der_len) {
  for (size_t i = 0; i + kPiece <= der_len; i++) {
    if (memmem(data, len, der + i, kPiece) != NULL) {
      return true;
    }
  }
  return false;
}

static bool file_found(const char *path, const uint8_t *der, size_t der_len) {
  static const char kName[] = "echproxy";
  FILE *file = fopen(path, "rbe");
  if (file == NULL) {
    return false;
  }
  char *data = malloc(kMaxFile);
  cr_assert_not_null(data);
  size_t len = fread(data, 1, kMaxFile, file);
  cr_assert_lt(len, (size_t)kMaxFile);
  fclose(file);
  bool found = has_piece(data, len, der, der_len) ||
               memmem(data, len, kName, sizeof(kName) - 1) != NULL;
  free(data);
  return found;
}

bool residue_found(const char *dir, X509 *certificate) {
  uint8_t *der = NULL;
  int der_len = i2d_X509(certificate, &der);
  cr_assert_gt(der_len, 0);
  bool found = false;
  DIR *entries = opendir(dir);
  for (const struct dirent *e = entries == NULL ? NULL : readdir(entries);
       e != NULL && !found; e = readdir(entries)) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
    found = strstr(e->d_name, ".db") != NULL &&
            file_found(path, der, (size_t)der_len);
    if (found) {
      fprintf(stderr, "bytes of the certificate are in %s\n", path);
    }
  }
  if (entries != NULL) {
    closedir(entries);
  }
  OPENSSL_free(der);
  return found;
}
