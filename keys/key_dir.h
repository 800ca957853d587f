// key_dir is the directory of rotated ECH keys, read and locked: which keys are
// in it, from the newest to the oldest. rotation says what the files are.

#ifndef ECHPROXY_KEYS_KEY_DIR_H
#define ECHPROXY_KEYS_KEY_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "keys/ech_config.h"
#include "keys/key_error.h"

enum { kKeyDirMaxKeys = 128, kKeyDirNameSize = 16 };

struct key_dir_key {
  uint32_t number;  // of its name: the newest has the smallest
  uint8_t config_id;
  time_t made;  // when its file was written
  char public_name[kEchConfigNameSize];
};

struct key_dir {
  char *path;  // without links and without a slash at its end
  int fd;      // holds the lock
  struct key_dir_key keys[kKeyDirMaxKeys];
  size_t num_keys;
  // The config_ids in all *.ech files, also of those that are not ours.
  bool config_ids[256];
  unsigned num_others;
};

enum key_dir_status { KEY_DIR_OK, KEY_DIR_ABSENT, KEY_DIR_BUSY, KEY_DIR_BAD };

// key_dir_open locks the existing directory `path` against other rotations.
// Whatever the outcome, `dir` is then released with key_dir_close, which
// unlocks it. KEY_DIR_BAD with the reason in `out_error` when it is no
// directory that only we may write to.
enum key_dir_status key_dir_open(struct key_dir *dir, const char *path,
                                 struct key_error *out_error);
void key_dir_close(struct key_dir *dir);

// key_dir_load reads all keys. False when one cannot be read, is not private or
// is no ECH key: servers would not start with it either.
bool key_dir_load(struct key_dir *dir, struct key_error *out_error);

// key_dir_name writes the file name of the key with `number`.
void key_dir_name(char out[kKeyDirNameSize], uint32_t number);

// key_dir_file returns the path of `name` in `dir`, released with
// OPENSSL_free; NULL when memory is short.
char *key_dir_file(const struct key_dir *dir, const char *name);

// key_dir_sync makes the names in it last through a power cut.
void key_dir_sync(const struct key_dir *dir);

#endif
