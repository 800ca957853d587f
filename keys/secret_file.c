#include "keys/secret_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Rotation's temporary link begins like this, too.
static const char kTemporaryPrefix[] = ".echproxy-";
static const char kTemporaryName[] = ".echproxy-XXXXXX";

// beside returns a path in `path`'s directory, released with OPENSSL_free.
static char *beside(const char *path, const char *name) {
  const char *slash = strrchr(path, '/');
  size_t dir_len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
  size_t name_len = strlen(name);
  char *out = OPENSSL_malloc(dir_len + name_len + 1);
  if (out != NULL) {
    memcpy(out, path, dir_len);
    memcpy(out + dir_len, name, name_len + 1);
  }
  return out;
}

static bool write_all(int fd, const uint8_t *data, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, data, len);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return false;
    }
    data += n;
    len -= (size_t)n;
  }
  return true;
}

// open_temporary makes a new file of the name that it writes into `template`,
// in place of its X's. It is mkostemp(3), but for ThreadSanitizer, which does
// not see that one open a file and takes the descriptor for the one that had
// its number before, on another thread.
static int open_temporary(char *template) {
  static const char kLetters[] = "abcdefghijklmnopqrstuvwxyz012345";
  enum { kRandomLen = 6, kTries = 100 };
  char *random_part = template + strlen(template) - kRandomLen;
  int fd = -1;
  for (int i = 0; fd < 0 && i < kTries; i++) {
    uint8_t octets[kRandomLen];
    RAND_bytes(octets, sizeof(octets));
    for (size_t k = 0; k < kRandomLen; k++) {
      random_part[k] = kLetters[octets[k] % 32];
    }
    fd = open(template, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST) {
      break;
    }
  }
  return fd;
}

// give_owner makes the file `like`'s owner's, where it is not already.
static bool give_owner(int fd, const struct stat *like) {
  struct stat info;
  return fstat(fd, &info) == 0 &&
         ((info.st_uid == like->st_uid && info.st_gid == like->st_gid) ||
          fchown(fd, like->st_uid, like->st_gid) == 0);
}

// write_temporary leaves `data` on the disk under the name that it writes into
// `template`, with `mode`, and the owner of `like` unless that is NULL. On
// failure no file is left and errno says why.
static bool write_temporary(char *template, const uint8_t *data, size_t len,
                            mode_t mode, const struct stat *like) {
  int fd = open_temporary(template);
  if (fd < 0) {
    return false;
  }
  bool ok = (like == NULL || give_owner(fd, like)) && fchmod(fd, mode) == 0 &&
            write_all(fd, data, len) && fsync(fd) == 0;
  int cause = errno;
  if (close(fd) != 0 && ok) {
    ok = false;
    cause = errno;
  }
  if (!ok) {
    unlink(template);
    errno = cause;
  }
  return ok;
}

// sync_directory makes a new name last through a power cut. File systems that
// cannot do it say so, and there is nothing more to do for them.
static void sync_directory(const char *path) {
  char *dir = beside(path, ".");
  int fd = dir == NULL ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    fsync(fd);
    close(fd);
  }
  OPENSSL_free(dir);
}

static bool give_name(const char *temporary, const char *path,
                      bool may_replace) {
  if (may_replace) {
    return rename(temporary, path) == 0;
  }
  // Unlike a rename, link(2) fails when the name is taken, with no gap between
  // the question and the answer.
  if (link(temporary, path) != 0) {
    return false;
  }
  unlink(temporary);
  return true;
}

static void explain_write(struct key_error *out_error, const char *path,
                          int cause) {
  if (cause == EEXIST) {
    key_error_set(out_error,
                  "%s exists already and was left as it is; choose another "
                  "name or remove it first",
                  path);
    return;
  }
  key_error_set(out_error,
                "cannot write %s: %s; check that its directory exists, can be "
                "written to and has space",
                path, strerror(cause));
}

// may_take_name keeps --force from replacing a device or a link such as
// /dev/stdout, which root could do.
static bool may_take_name(const char *path, struct key_error *out_error) {
  struct stat info;
  if (lstat(path, &info) != 0 || S_ISREG(info.st_mode)) {
    return true;
  }
  key_error_set(out_error,
                "%s is not a regular file and was left as it is; name a file",
                path);
  return false;
}

// write_whole writes the file `path` with `mode`, and the owner of `like`
// unless that is NULL.
static bool write_whole(const char *path, const uint8_t *data, size_t len,
                        mode_t mode, const struct stat *like, bool may_replace,
                        struct key_error *out_error) {
  char *temporary = beside(path, kTemporaryName);
  if (temporary == NULL) {
    explain_write(out_error, path, ENOMEM);
    return false;
  }
  bool ok = write_temporary(temporary, data, len, mode, like);
  if (ok && !give_name(temporary, path, may_replace)) {
    int cause = errno;
    unlink(temporary);
    errno = cause;
    ok = false;
  }
  if (ok) {
    sync_directory(path);
  } else {
    explain_write(out_error, path, errno);
  }
  OPENSSL_free(temporary);
  return ok;
}

bool secret_file_write(const char *path, const uint8_t *data, size_t len,
                       enum secret_file_mode mode, bool may_replace,
                       struct key_error *out_error) {
  return (!may_replace || may_take_name(path, out_error)) &&
         write_whole(path, data, len, (mode_t)mode, NULL, may_replace,
                     out_error);
}

bool secret_file_rewrite(const char *path, const uint8_t *data, size_t len,
                         struct key_error *out_error) {
  struct stat info;
  char *target = realpath(path, NULL);
  bool ok =
      target != NULL && stat(target, &info) == 0 && access(target, W_OK) == 0;
  if (!ok) {
    explain_write(out_error, path, errno);
  } else {
    ok = may_take_name(target, out_error) &&
         write_whole(target, data, len, info.st_mode & 07777, &info, true,
                     out_error);
  }
  free(target);
  return ok;
}

static bool check_private(const char *path, const struct stat *info,
                          struct key_error *out_error) {
  if (info->st_uid != geteuid() && info->st_uid != 0) {
    key_error_set(out_error,
                  "%s belongs to user %ld, who could change it while we run as "
                  "user %ld; run `chown %ld %s`",
                  path, (long)info->st_uid, (long)geteuid(), (long)geteuid(),
                  path);
    return false;
  }
  if ((info->st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    key_error_set(out_error,
                  "%s holds what is secret and has mode %04o, so that other "
                  "users may use it; run `chmod 600 %s`",
                  path, (unsigned)(info->st_mode & 07777), path);
    return false;
  }
  return true;
}

static bool check_file(int fd, const char *path, size_t max_len,
                       bool must_be_private, size_t *out_size,
                       struct key_error *out_error) {
  struct stat info;
  if (fstat(fd, &info) != 0) {
    key_error_set(out_error, "cannot read %s: %s", path, strerror(errno));
    return false;
  }
  if (!S_ISREG(info.st_mode)) {
    key_error_set(out_error, "%s is not a regular file; name a file", path);
    return false;
  }
  if (must_be_private && !check_private(path, &info, out_error)) {
    return false;
  }
  if ((uint64_t)info.st_size > max_len) {
    key_error_set(out_error,
                  "%s holds %lld bytes, more than the %zu that are read; check "
                  "that it is the right file",
                  path, (long long)info.st_size, max_len);
    return false;
  }
  *out_size = (size_t)info.st_size;
  return true;
}

// read_all reads up to `max_len` bytes. It returns -1 with errno set.
static ssize_t read_all(int fd, uint8_t *out, size_t max_len) {
  size_t len = 0;
  while (len < max_len) {
    ssize_t n = read(fd, out + len, max_len - len);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return -1;
    }
    if (n == 0) {
      break;
    }
    len += (size_t)n;
  }
  return (ssize_t)len;
}

static bool read_open_file(int fd, const char *path, size_t max_len,
                           bool must_be_private, uint8_t **out_data,
                           size_t *out_len, struct key_error *out_error) {
  size_t size;
  if (!check_file(fd, path, max_len, must_be_private, &size, out_error)) {
    return false;
  }
  uint8_t *data = OPENSSL_malloc(size + 1);
  if (data == NULL) {
    key_error_set(out_error, "out of memory while reading %s", path);
    return false;
  }
  // Asks for one byte more than there should be, to see whether it has grown.
  ssize_t len = read_all(fd, data, size + 1);
  if (len < 0 || (size_t)len != size) {
    key_error_set(
        out_error, "cannot read %s: %s", path,
        len < 0 ? strerror(errno) : "it changed meanwhile; try again");
    secret_file_free(data, size);
    return false;
  }
  *out_data = data;
  *out_len = size;
  return true;
}

bool secret_file_read(const char *path, size_t max_len, bool must_be_private,
                      uint8_t **out_data, size_t *out_len,
                      struct key_error *out_error) {
  // O_NONBLOCK: opening a pipe that nobody writes to must not wait for ever.
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    key_error_set(out_error, "cannot open %s: %s; check its path and mode",
                  path, strerror(errno));
    return false;
  }
  bool ok = read_open_file(fd, path, max_len, must_be_private, out_data,
                           out_len, out_error);
  close(fd);
  return ok;
}

static void overwrite(const char *path) {
  static const uint8_t kZeros[4096] = {0};
  struct stat info;
  int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    return;
  }
  // A hard link to it elsewhere is somebody's copy, and not ours to destroy.
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1) {
    off_t left = info.st_size;
    while (left > 0) {
      size_t len = left < (off_t)sizeof(kZeros) ? (size_t)left : sizeof(kZeros);
      if (!write_all(fd, kZeros, len)) {
        break;
      }
      left -= (off_t)len;
    }
    fsync(fd);
  }
  close(fd);
}

bool secret_file_remove(const char *path, struct key_error *out_error) {
  overwrite(path);
  if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR) {
    key_error_set(out_error, "cannot remove %s: %s; remove it yourself", path,
                  strerror(errno));
    return false;
  }
  sync_directory(path);
  return true;
}

// remove_leftover is called for every name in the directory.
static bool remove_leftover(const char *dir, const char *name,
                            struct key_error *out_error) {
  if (strncmp(name, kTemporaryPrefix, strlen(kTemporaryPrefix)) != 0) {
    return true;
  }
  size_t size = strlen(dir) + strlen(name) + 2;
  char *path = OPENSSL_malloc(size);
  if (path == NULL) {
    key_error_set(out_error, "out of memory");
    return false;
  }
  snprintf(path, size, "%s/%s", dir, name);
  bool ok = secret_file_remove(path, out_error);
  OPENSSL_free(path);
  return ok;
}

bool secret_file_remove_leftovers(const char *path,
                                  struct key_error *out_error) {
  DIR *names = opendir(path);
  if (names == NULL) {
    key_error_set(out_error, "cannot read the directory %s: %s", path,
                  strerror(errno));
    return false;
  }
  bool ok = true;
  const struct dirent *entry;
  while (ok && (entry = readdir(names)) != NULL) {
    ok = remove_leftover(path, entry->d_name, out_error);
  }
  closedir(names);
  return ok;
}

bool secret_file_check_dir(const char *path, struct key_error *out_error) {
  struct stat info;
  if (stat(path, &info) != 0) {
    key_error_set(out_error, "cannot open the directory %s: %s", path,
                  strerror(errno));
    return false;
  }
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    key_error_set(out_error,
                  "%s belongs to user %ld, who could change the keys in it; "
                  "run this as that user, or choose another directory",
                  path, (long)info.st_uid);
    return false;
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    key_error_set(out_error,
                  "%s has mode %04o, so that other users could change the keys "
                  "in it; run `chmod 700 %s`",
                  path, (unsigned)(info.st_mode & 07777), path);
    return false;
  }
  return true;
}

static void make_one_dir(const char *path, int *first_cause) {
  if (mkdir(path, 0700) != 0 && errno != EEXIST && *first_cause == 0) {
    *first_cause = errno;
  }
}

bool secret_file_make_dir(const char *path, struct key_error *out_error) {
  char *copy = OPENSSL_strdup(path);
  if (copy == NULL) {
    key_error_set(out_error, "out of memory");
    return false;
  }
  int cause = 0;  // the first failure: the later ones only follow from it
  for (char *slash = strchr(copy + (copy[0] == '/'), '/'); slash != NULL;
       slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    make_one_dir(copy, &cause);
    *slash = '/';
  }
  make_one_dir(copy, &cause);
  struct stat info;
  bool ok = stat(copy, &info) == 0 && S_ISDIR(info.st_mode);
  if (!ok) {
    key_error_set(out_error,
                  "cannot make the directory %s: %s; make it yourself or name "
                  "another one",
                  path, strerror(cause == 0 ? ENOTDIR : cause));
  }
  OPENSSL_free(copy);
  return ok;
}

void secret_file_free(uint8_t *data, size_t len) {
  if (data != NULL) {
    OPENSSL_cleanse(data, len);
    OPENSSL_free(data);
  }
}
