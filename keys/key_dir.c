#include "keys/key_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/bytestring.h>
#include <openssl/mem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/ech_config.h"
#include "keys/ech_key.h"
#include "keys/secret_file.h"

enum { kMaxKeyFile = 64 * 1024, kNumDigits = 6 };

static const char kPrefix[] = "ech-";
static const char kSuffix[] = ".ech";

enum key_dir_status key_dir_open(struct key_dir *dir, const char *path,
                                 struct key_error *out_error) {
  *dir = (struct key_dir){.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (dir->fd < 0 && errno == ENOENT) {
    return KEY_DIR_ABSENT;
  }
  if (dir->fd < 0 || (dir->path = realpath(path, NULL)) == NULL) {
    key_error_set(out_error, "cannot open the directory %s: %s", path,
                  strerror(errno));
    return KEY_DIR_BAD;
  }
  if (!secret_file_check_dir(dir->path, out_error)) {
    return KEY_DIR_BAD;
  }
  // The kernel drops this lock with the descriptor, however we end.
  if (flock(dir->fd, LOCK_EX | LOCK_NB) != 0) {
    key_error_set(out_error,
                  "another rotation of %s is under way; try again when it is "
                  "done",
                  path);
    return KEY_DIR_BUSY;
  }
  return KEY_DIR_OK;
}

void key_dir_close(struct key_dir *dir) {
  if (dir->fd >= 0) {
    close(dir->fd);
  }
  free(dir->path);
  *dir = (struct key_dir){.fd = -1};
}

void key_dir_name(char out[kKeyDirNameSize], uint32_t number) {
  snprintf(out, kKeyDirNameSize, "%s%06u%s", kPrefix, number % 1000000,
           kSuffix);
}

// key_number reads such a name.
static bool key_number(const char *name, uint32_t *out) {
  char wanted[kKeyDirNameSize];
  if (strncmp(name, kPrefix, strlen(kPrefix)) != 0) {
    return false;
  }
  const char *digits = name + strlen(kPrefix);
  if (strspn(digits, "0123456789") != kNumDigits) {
    return false;
  }
  *out = (uint32_t)strtoul(digits, NULL, 10);
  key_dir_name(wanted, *out);
  return strcmp(name, wanted) == 0;
}

char *key_dir_file(const struct key_dir *dir, const char *name) {
  size_t size = strlen(dir->path) + strlen(name) + 2;
  char *path = OPENSSL_malloc(size);
  if (path != NULL) {
    snprintf(path, size, "%s/%s", dir->path, name);
  }
  return path;
}

// read_key reads what the configuration says, and with it the whole file.
static bool read_key(const char *path, bool must_be_private,
                     struct key_dir_key *out, struct key_error *out_error) {
  uint8_t *data;
  size_t len;
  struct key_error cause;
  if (!secret_file_read(path, kMaxKeyFile, must_be_private, &data, &len,
                        out_error)) {
    return false;
  }
  struct ech_key *key = ech_key_from_pem(data, len, &cause);
  secret_file_free(data, len);
  if (key == NULL) {
    key_error_set(out_error, "%s: %s", path, cause.text);
    return false;
  }
  CBS list;
  const uint8_t *octets = ech_key_config_list(key, &len);
  CBS_init(&list, octets, len);
  bool ok = CBS_skip(&list, 2) && ech_config_id(&out->config_id, list) &&
            ech_config_public_name(out->public_name, list);
  if (!ok) {
    key_error_set(out_error, "%s: its configuration cannot be read", path);
  }
  ech_key_free(key);
  return ok;
}

static bool add_key(struct key_dir *dir, const char *path, uint32_t number,
                    struct key_error *out_error) {
  struct stat info;
  if (dir->num_keys == kKeyDirMaxKeys) {
    key_error_set(out_error,
                  "%s holds more than %d keys, because they are replaced more "
                  "often than DNS forgets them; rotate less often",
                  dir->path, (int)kKeyDirMaxKeys);
    return false;
  }
  struct key_dir_key *key = &dir->keys[dir->num_keys];
  *key = (struct key_dir_key){.number = number};
  if (!read_key(path, true, key, out_error)) {
    return false;
  }
  key->made = stat(path, &info) == 0 ? info.st_mtime : 0;
  dir->config_ids[key->config_id] = true;
  dir->num_keys++;
  return true;
}

// add_other looks at a key that HAProxy would load and that is not ours. What
// is wrong with it, such as its mode, is not our concern.
static void add_other(struct key_dir *dir, const char *path) {
  struct key_dir_key key;
  struct key_error ignored;
  dir->num_others++;
  if (read_key(path, false, &key, &ignored)) {
    dir->config_ids[key.config_id] = true;
  }
}

static bool ends_in(const char *name, const char *suffix) {
  size_t len = strlen(name);
  return len > strlen(suffix) &&
         strcmp(name + len - strlen(suffix), suffix) == 0;
}

static bool load_one(struct key_dir *dir, const char *name,
                     struct key_error *out_error) {
  uint32_t number;
  if (!ends_in(name, kSuffix)) {
    return true;
  }
  char *path = key_dir_file(dir, name);
  bool ok = path != NULL;
  if (!ok) {
    key_error_set(out_error, "out of memory");
  } else if (key_number(name, &number)) {
    ok = add_key(dir, path, number, out_error);
  } else {
    add_other(dir, path);
  }
  OPENSSL_free(path);
  return ok;
}

static int newest_first(const void *a, const void *b) {
  uint32_t x = ((const struct key_dir_key *)a)->number;
  uint32_t y = ((const struct key_dir_key *)b)->number;
  return (x > y) - (x < y);
}

bool key_dir_load(struct key_dir *dir, struct key_error *out_error) {
  DIR *names = opendir(dir->path);
  if (names == NULL) {
    key_error_set(out_error, "cannot read the directory %s: %s", dir->path,
                  strerror(errno));
    return false;
  }
  bool ok = true;
  struct dirent *entry;
  while (ok && (entry = readdir(names)) != NULL) {
    ok = load_one(dir, entry->d_name, out_error);
  }
  closedir(names);
  qsort(dir->keys, dir->num_keys, sizeof(dir->keys[0]), newest_first);
  return ok;
}

void key_dir_sync(const struct key_dir *dir) { fsync(dir->fd); }
