#include "roots/nss_database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/xalloc.h"
#include "roots/text.h"

// A browser writes for moments only; this is how long one is waited for.
enum { kBusyMs = 3000, kMaxScan = 256 * 1024 * 1024 };

static const char kCertificates[] = "cert9.db";
static const char kKeys[] = "key4.db";

// All files whose contents are the database's, with SQLite's own beside them.
static const char *const kFiles[] = {
    "cert9.db", "cert9.db-journal", "cert9.db-wal", "cert9.db-shm",
    "key4.db",  "key4.db-journal",  "key4.db-wal",  "key4.db-shm",
};

enum { kNumFiles = sizeof(kFiles) / sizeof(kFiles[0]) };

static char *path_in(const char *dir, const char *file) {
  return text_format("%s/%s", dir, file);
}

bool nss_database_exists(const char *dir) {
  char *path = path_in(dir, kCertificates);
  bool exists = access(path, F_OK) == 0;
  free(path);
  return exists;
}

static bool explain(struct key_error *out_error, const char *dir, int code) {
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    key_error_set(out_error,
                  "%s is locked by a program that uses it; close the browser "
                  "and run this again",
                  dir);
  } else if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT ||
             code == SQLITE_ERROR) {  // the last: it lacks NSS's table
    key_error_set(out_error,
                  "%s/%s is damaged, or no database of NSS; move it away, and "
                  "the browser makes a new one",
                  dir, kCertificates);
  } else {
    key_error_set(out_error, "%s/%s: %s", dir, kCertificates,
                  sqlite3_errstr(code));
  }
  return false;
}

// open_database sets `*out`, closed with sqlite3_close either way.
static int open_database(sqlite3 **out, const char *dir, const char *file,
                         int flags) {
  char *path = path_in(dir, file);
  struct stat info;
  // SQLite would wait for whoever writes to a pipe.
  bool is_other = stat(path, &info) == 0 && !S_ISREG(info.st_mode);
  int code = is_other ? SQLITE_NOTADB : sqlite3_open_v2(path, out, flags, NULL);
  free(path);
  if (code == SQLITE_OK) {
    code = sqlite3_busy_timeout(*out, kBusyMs);
  }
  return code;
}

// Labels are bytes without an end.
static void give(sqlite3_stmt *row, nss_database_cb *each, void *owner) {
  const uint8_t *der = sqlite3_column_blob(row, 0);
  const void *label = sqlite3_column_blob(row, 1);
  size_t label_len = (size_t)sqlite3_column_bytes(row, 1);
  char *text = NULL;
  if (label != NULL && memchr(label, '\0', label_len) == NULL) {
    text = xcalloc(label_len + 1, 1);
    memcpy(text, label, label_len);
  }
  if (der != NULL) {
    each(owner, der, (size_t)sqlite3_column_bytes(row, 0), text);
  }
  free(text);
}

// PKCS#11's attributes are the columns: a0 is CKA_CLASS, of which 1 is
// CKO_CERTIFICATE, a11 is CKA_VALUE, a3 is CKA_LABEL.
static int read_rows(sqlite3 *database, nss_database_cb *each, void *owner) {
  static const char kQuery[] =
      "SELECT a11, a3 FROM nssPublic WHERE a0 = X'00000001'";
  sqlite3_stmt *row = NULL;
  int code = sqlite3_prepare_v2(database, kQuery, -1, &row, NULL);
  if (code == SQLITE_OK) {
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
      give(row, each, owner);
    }
  }
  sqlite3_finalize(row);
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

bool nss_database_read(const char *dir, nss_database_cb *each, void *owner,
                       struct key_error *out_error) {
  sqlite3 *database = NULL;
  int code = open_database(&database, dir, kCertificates, SQLITE_OPEN_READONLY);
  if (code == SQLITE_OK) {
    code = read_rows(database, each, owner);
  }
  sqlite3_close(database);
  return code == SQLITE_OK || explain(out_error, dir, code);
}

// run executes statements on the certificates' database.
static bool run(const char *dir, const char *statements,
                struct key_error *out_error) {
  sqlite3 *database = NULL;
  int code =
      open_database(&database, dir, kCertificates, SQLITE_OPEN_READWRITE);
  if (code == SQLITE_OK) {
    code = sqlite3_exec(database, statements, NULL, NULL, NULL);
  }
  sqlite3_close(database);
  return code == SQLITE_OK || explain(out_error, dir, code);
}

bool nss_database_writable(const char *dir, struct key_error *out_error) {
  return run(dir, "BEGIN EXCLUSIVE; ROLLBACK", out_error);
}

bool nss_database_scrub(const char *dir, struct key_error *out_error) {
  // The checkpoint empties a write-ahead log, where there is one.
  return run(dir,
             "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; VACUUM; "
             "PRAGMA wal_checkpoint(TRUNCATE)",
             out_error);
}

static bool has_rows(const char *dir, const char *file, const char *query) {
  sqlite3 *database = NULL;
  sqlite3_stmt *row = NULL;
  bool empty =
      open_database(&database, dir, file, SQLITE_OPEN_READONLY) == SQLITE_OK &&
      sqlite3_prepare_v2(database, query, -1, &row, NULL) == SQLITE_OK &&
      sqlite3_step(row) == SQLITE_DONE;
  sqlite3_finalize(row);
  sqlite3_close(database);
  return !empty;
}

bool nss_database_empty(const char *dir) {
  return !has_rows(dir, kCertificates, "SELECT 1 FROM nssPublic") &&
         !has_rows(dir, kKeys, "SELECT 1 FROM nssPrivate");
}

// file_holds reads and does not map: a browser may cut the file meanwhile. One
// that is too large to be looked through counts as holding it.
static bool file_holds(int fd, const void *needle, size_t len) {
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= 0) {
    return false;
  }
  if (info.st_size > kMaxScan) {
    return true;
  }
  size_t size = (size_t)info.st_size;
  uint8_t *bytes = xcalloc(size, 1);
  size_t have = 0;
  ssize_t n;
  while (have < size && (n = read(fd, bytes + have, size - have)) > 0) {
    have += (size_t)n;
  }
  bool found = memmem(bytes, have, needle, len) != NULL;
  free(bytes);
  return found;
}

bool nss_database_holds(const char *dir, const void *needle, size_t len) {
  bool found = false;
  for (size_t i = 0; i < kNumFiles && !found; i++) {
    char *path = path_in(dir, kFiles[i]);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) {
      found = file_holds(fd, needle, len);
      close(fd);
    }
    free(path);
  }
  return found;
}

static void remove_file(const char *dir, const char *file) {
  char *path = path_in(dir, file);
  unlink(path);
  free(path);
}

void nss_database_remove(const char *dir) {
  for (size_t i = 0; i < kNumFiles; i++) {
    remove_file(dir, kFiles[i]);
  }
  remove_file(dir, "pkcs11.txt");
  rmdir(dir);
}
