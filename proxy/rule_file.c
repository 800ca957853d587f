#include "proxy/rule_file.h"

#include <errno.h>
#include <openssl/mem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keys/secret_file.h"
#include "net/xalloc.h"
#include "proxy/config_file.h"
#include "proxy/rule_text.h"

enum { kMaxFile = 16 * 1024 * 1024 };

static bool make_folder(const char *path, struct key_error *out_error) {
  char *folder = xstrdup(path);
  char *slash = strrchr(folder, '/');
  bool ok = true;
  if (slash != NULL && slash != folder) {
    *slash = '\0';
    ok = secret_file_make_dir(folder, out_error);
  }
  free(folder);
  return ok;
}

// Who cannot have it written is told what to write.
static void advise(struct key_error *error, const char *host,
                   const char *mode) {
  struct key_error why = *error;
  if (mode != NULL) {
    key_error_set(error,
                  "%.250s. Or add by hand the lines [site \"%s\"] and "
                  "mode = %s, and send echproxy a SIGHUP",
                  why.text, host, mode);
  } else {
    key_error_set(error,
                  "%.250s. Or take by hand the mode out of [site \"%s\"], and "
                  "send echproxy a SIGHUP",
                  why.text, host);
  }
}

static bool write_new(const char *path, const struct bytes *text,
                      struct key_error *out_error) {
  return make_folder(path, out_error) &&
         secret_file_write(path, text->data, text->len, SECRET_FILE_PRIVATE,
                           false, out_error);
}

static bool write_text(const char *path, bool exists, const struct bytes *text,
                       const char *host, const char *mode,
                       struct key_error *out_error) {
  struct options_error error;
  if (!config_file_check(&error, path, (const char *)text->data, text->len)) {
    key_error_set(out_error, "%.400s; correct that first, nothing was written",
                  error.text);
    return false;
  }
  bool ok = exists ? secret_file_rewrite(path, text->data, text->len, out_error)
                   : write_new(path, text, out_error);
  if (!ok) {
    advise(out_error, host, mode);
  }
  return ok;
}

static bool change(const char *path, bool exists, const char *host,
                   const char *mode, int *out_line,
                   struct key_error *out_error) {
  uint8_t *before = NULL;
  size_t len = 0;
  if (exists &&
      !secret_file_read(path, kMaxFile, false, &before, &len, out_error)) {
    return false;
  }
  struct bytes text = {0};
  const char *data = len == 0 ? "" : (const char *)before;
  *out_line = rule_text_set(&text, data, len, host, mode);
  bool is_same =
      text.len == len && (len == 0 || memcmp(text.data, data, len) == 0);
  bool ok = is_same || write_text(path, exists, &text, host, mode, out_error);
  if (text.len > 0) {
    OPENSSL_cleanse(text.data, text.len);
  }
  free(text.data);
  secret_file_free(before, len);
  return ok;
}

bool rule_file_set(const char *path, const char *host, const char *mode,
                   int *out_line, struct key_error *out_error) {
  bool exists = access(path, F_OK) == 0 || errno != ENOENT;
  return change(path, exists, host, mode, out_line, out_error);
}
