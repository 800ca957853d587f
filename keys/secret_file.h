// secret_file reads and writes small files whole: what a crash or a full disk
// leaves behind is either the old file or the new one, never a part.

#ifndef ECHPROXY_KEYS_SECRET_FILE_H
#define ECHPROXY_KEYS_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/key_error.h"

// secret_file_mode is who may read a file: us alone, or everybody.
enum secret_file_mode {
  SECRET_FILE_PRIVATE = 0600,
  SECRET_FILE_PUBLIC = 0644,
};

// secret_file_write writes `len` bytes to `path` with exactly `mode`: into a
// temporary file beside it, synced and renamed. When `may_replace` is false and
// `path` exists, it fails and leaves it alone. What is
// there but no regular file, a symbolic link too, is never replaced.
bool secret_file_write(const char *path, const uint8_t *data, size_t len,
                       enum secret_file_mode mode, bool may_replace,
                       struct key_error *out_error);

// secret_file_rewrite does so to a regular file that is there and that we may
// write to, or to the one that a symbolic link leads to, and keeps its mode and
// owner.
bool secret_file_rewrite(const char *path, const uint8_t *data, size_t len,
                         struct key_error *out_error);

// secret_file_read reads a regular file of at most `max_len` bytes into
// `*out_data`, which the caller releases with secret_file_free. With
// `must_be_private` it refuses a file that its group or others may read or
// write, or that belongs to another user than us or root. Symbolic links are
// followed; the checks are made on the file that was opened.
bool secret_file_read(const char *path, size_t max_len, bool must_be_private,
                      uint8_t **out_data, size_t *out_len,
                      struct key_error *out_error);

// secret_file_remove overwrites a file with zeros, as far as the file system
// keeps it in its place, and removes it. One that is not there is no failure.
bool secret_file_remove(const char *path, struct key_error *out_error);

// secret_file_make_dir makes the directory `path` and the parents that are
// missing, all with mode 0700. What exists already keeps its mode.
bool secret_file_make_dir(const char *path, struct key_error *out_error);

// secret_file_check_dir refuses a directory that its group or others may write
// to, or that belongs to another user than us or root: they could exchange what
// is in it.
bool secret_file_check_dir(const char *path, struct key_error *out_error);

// secret_file_remove_leftovers removes from the directory `path`, like
// secret_file_remove, what a secret_file_write there was killed over. Nobody
// else may be writing at the same time.
bool secret_file_remove_leftovers(const char *path,
                                  struct key_error *out_error);

// secret_file_free wipes and releases what secret_file_read gave. NULL is fine.
void secret_file_free(uint8_t *data, size_t len);

#endif
