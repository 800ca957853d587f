#include "keys/rotation.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/mem.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "keys/ech_key.h"
#include "keys/ech_public_name.h"
#include "keys/key_dir.h"
#include "keys/secret_file.h"

const char kRotationCurrent[] = "current.pem";
const char kRotationInclude[] = "ssl_ech_file.conf";

// secret_file's temporary files begin alike, so that both are tidied up.
static const char kTemporaryLink[] = ".echproxy-link";

enum {
  kFirstNumber = 999999,
  kMinKeys = 2,  // next and current
};

// One run.
struct run {
  const struct rotation *rotation;
  struct rotation_report *report;
  struct key_error *error;
  struct key_dir dir;
  time_t now;
};

// The stages, by a key's place in the directory, the newest first.
enum { NEXT, CURRENT, OLD };

// check_path refuses what nginx could not read as a quoted word.
static enum rotation_status check_path(const char *path,
                                       struct key_error *out_error) {
  for (const char *c = path; *c != '\0'; c++) {
    if ((unsigned char)*c < 0x20 || strchr("\"\\$\x7f", *c) != NULL) {
      key_error_set(out_error,
                    "the directory's path has a character in it that nginx's "
                    "configuration cannot hold; choose another one");
      return ROTATION_BAD_DIR;
    }
  }
  if (strlen(path) > kRotationMaxDir) {
    key_error_set(out_error, "the directory's path is too long");
    return ROTATION_BAD_DIR;
  }
  return ROTATION_OK;
}

// believe_clock treats a key from the future, where a wrong clock has been, as
// made now: otherwise nothing would be due until then.
static void believe_clock(struct run *run) {
  for (size_t i = 0; i < run->dir.num_keys; i++) {
    struct key_dir_key *key = &run->dir.keys[i];
    char name[kKeyDirNameSize];
    if (key->made <= run->now) {
      continue;
    }
    key->made = run->now;
    if (!run->rotation->dry_run) {
      key_dir_name(name, key->number);
      utimensat(run->dir.fd, name, NULL, 0);
    }
  }
}

// New keys.

// make_key makes one whose config_id no other key has: clients send it to say
// which one they have used.
static struct ech_key *make_key(const struct run *run, uint8_t *out_id) {
  struct ech_key_spec spec;
  ech_key_spec_init(&spec, run->rotation->public_name);
  if (run->rotation->max_name_len >= 0) {
    spec.config.max_name_len = (uint8_t)run->rotation->max_name_len;
  }
  if (!ech_key_spec_avoid(&spec, run->dir.config_ids)) {
    key_error_set(run->error, "all values of config_id are taken");
    return NULL;
  }
  *out_id = spec.config.config_id;
  return ech_key_new(&spec, run->error);
}

static bool write_key(const struct run *run, uint32_t number,
                      const struct ech_key *key) {
  char name[kKeyDirNameSize];
  key_dir_name(name, number);
  char *path = key_dir_file(&run->dir, name);
  uint8_t *pem = NULL;
  size_t len = 0;
  key_error_set(run->error, "out of memory");
  bool ok =
      path != NULL && ech_key_to_pem(key, &pem, &len) &&
      secret_file_write(path, pem, len, SECRET_FILE_PRIVATE, false, run->error);
  secret_file_free(pem, len);
  OPENSSL_free(path);
  return ok;
}

// put_first makes the new key the first of the directory.
static void put_first(struct run *run, uint32_t number, uint8_t config_id) {
  struct key_dir *dir = &run->dir;
  memmove(dir->keys + 1, dir->keys, dir->num_keys * sizeof(dir->keys[0]));
  dir->keys[0] = (struct key_dir_key){number, config_id, run->now, ""};
  dir->config_ids[config_id] = true;
  dir->num_keys++;
  run->report->num_made++;
}

// add_key makes the next key. When its file is there, all others are one stage
// further.
static enum rotation_status add_key(struct run *run) {
  struct key_dir *dir = &run->dir;
  uint32_t number =
      dir->num_keys == 0 ? kFirstNumber : dir->keys[NEXT].number - 1;
  uint8_t config_id = 0;
  if (dir->num_keys == kKeyDirMaxKeys) {
    key_error_set(run->error,
                  "%s is full: its %d keys are replaced more often than DNS "
                  "forgets them; rotate less often",
                  dir->path, (int)kKeyDirMaxKeys);
    return ROTATION_FULL;
  }
  if (dir->num_keys > 0 && dir->keys[NEXT].number == 0) {
    key_error_set(run->error, "%s has had a million keys; start a new one",
                  dir->path);
    return ROTATION_BAD_DIR;
  }
  if (!run->rotation->dry_run) {
    struct ech_key *key = make_key(run, &config_id);
    bool ok = key != NULL && write_key(run, number, key);
    ech_key_free(key);
    if (!ok) {
      return ROTATION_CANNOT_WRITE;
    }
  }
  put_first(run, number, config_id);
  return ROTATION_OK;
}

static bool is_due(const struct run *run) {
  return run->dir.num_keys == 0 || run->rotation->every == 0 ||
         run->now - run->dir.keys[NEXT].made >= (time_t)run->rotation->every;
}

// add_keys makes a key when one is due, and what a new directory lacks.
static enum rotation_status add_keys(struct run *run) {
  size_t wanted = run->dir.num_keys + (is_due(run) ? 1 : 0);
  enum rotation_status status = ROTATION_OK;
  if (wanted < kMinKeys) {
    wanted = kMinKeys;
  }
  while (status == ROTATION_OK && run->dir.num_keys < wanted) {
    status = add_key(run);
  }
  return status;
}

// Old keys.

// num_kept says how many keys stay. The key at `last` was replaced when the one
// two places before it arrived: then the one between them became current.
static size_t num_kept(const struct run *run) {
  size_t num = run->dir.num_keys;
  size_t least = 1 + (size_t)run->rotation->keep;
  while (num > least && num > kMinKeys) {
    size_t last = num - 1;
    // Whole seconds: more than that, so that no fraction is missing.
    if (run->now - run->dir.keys[last - 2].made <=
        2 * (time_t)run->rotation->ttl) {
      break;
    }
    num--;
  }
  return num;
}

static void remove_keys(const struct run *run, size_t kept) {
  for (size_t i = kept; i < run->dir.num_keys; i++) {
    char name[kKeyDirNameSize];
    key_dir_name(name, run->dir.keys[i].number);
    unlinkat(run->dir.fd, name, 0);
  }
  key_dir_sync(&run->dir);
}

// What servers and `publish` read.

static bool write_lines(BIO *out, const struct run *run, size_t kept) {
  bool ok = BIO_puts(out,
                     "# Written by echproxy rotate: all keys, the newest "
                     "first.\n") > 0;
  for (size_t i = 0; ok && i < kept; i++) {
    char name[kKeyDirNameSize];
    key_dir_name(name, run->dir.keys[i].number);
    ok = BIO_printf(out, "ssl_ech_file \"%s/%s\";\n", run->dir.path, name) > 0;
  }
  return ok;
}

// is_same keeps a file that is as it should be.
static bool is_same(const char *path, const uint8_t *text, size_t text_len) {
  uint8_t *old;
  size_t old_len;
  if (!secret_file_read(path, text_len, false, &old, &old_len, NULL)) {
    return false;
  }
  bool same = old_len == text_len && memcmp(old, text, text_len) == 0;
  secret_file_free(old, old_len);
  return same;
}

static bool write_include(const struct run *run, size_t kept) {
  char *path = key_dir_file(&run->dir, kRotationInclude);
  BIO *bio = BIO_new(BIO_s_mem());
  const uint8_t *text;
  size_t len;
  key_error_set(run->error, "out of memory");
  bool ok = path != NULL && bio != NULL && write_lines(bio, run, kept) &&
            BIO_mem_contents(bio, &text, &len);
  if (ok && !is_same(path, text, len)) {
    run->report->has_changed = true;
    ok = secret_file_write(path, text, len, SECRET_FILE_PRIVATE, true,
                           run->error);
  }
  BIO_free(bio);
  OPENSSL_free(path);
  return ok;
}

// point_current replaces the link in one step.
static bool point_current(const struct run *run) {
  char name[kKeyDirNameSize];
  char old[kKeyDirNameSize + 1] = "";
  key_dir_name(name, run->dir.keys[CURRENT].number);
  if (readlinkat(run->dir.fd, kRotationCurrent, old, sizeof(old) - 1) > 0 &&
      strcmp(old, name) == 0) {
    return true;
  }
  run->report->has_changed = true;
  if (symlinkat(name, run->dir.fd, kTemporaryLink) != 0 ||
      renameat(run->dir.fd, kTemporaryLink, run->dir.fd, kRotationCurrent) !=
          0) {
    key_error_set(run->error, "cannot make the link %s/%s: %s", run->dir.path,
                  kRotationCurrent, strerror(errno));
    return false;
  }
  key_dir_sync(&run->dir);
  return true;
}

static void report_stages(const struct run *run, size_t kept) {
  struct rotation_report *report = run->report;
  key_dir_name(report->next, run->dir.keys[NEXT].number);
  key_dir_name(report->current, run->dir.keys[CURRENT].number);
  report->num_old = (unsigned)(kept - OLD);
  report->num_removed = (unsigned)(run->dir.num_keys - kept);
  report->num_others = run->dir.num_others;
}

// report_newest notes the newest key before the rotation. Names are compared as
// DNS does.
static void report_newest(const struct run *run,
                          const struct key_dir_key *newest) {
  run->report->newest_age = (uint32_t)(run->now - newest->made);
  if (strcasecmp(newest->public_name, run->rotation->public_name) != 0) {
    memcpy(run->report->former_name, newest->public_name,
           sizeof(newest->public_name));
  }
}

// rotate_keys goes on in an order in which nothing names a file that is not
// there: a key comes before the lines that name it, and goes after them.
static enum rotation_status rotate_keys(struct run *run) {
  bool dry_run = run->rotation->dry_run;
  if (!dry_run && !secret_file_remove_leftovers(run->dir.path, run->error)) {
    return ROTATION_CANNOT_WRITE;
  }
  believe_clock(run);
  if (run->dir.num_keys > 0) {
    report_newest(run, &run->dir.keys[NEXT]);
  }
  enum rotation_status status = add_keys(run);
  if (status != ROTATION_OK && status != ROTATION_FULL) {
    return status;
  }
  size_t kept = num_kept(run);
  if (!dry_run && (!write_include(run, kept) || !point_current(run))) {
    return ROTATION_CANNOT_WRITE;
  }
  if (!dry_run) {
    remove_keys(run, kept);
  }
  report_stages(run, kept);
  return status;
}

static enum rotation_status open_status(enum key_dir_status status) {
  return status == KEY_DIR_OK     ? ROTATION_OK
         : status == KEY_DIR_BUSY ? ROTATION_BUSY
                                  : ROTATION_BAD_DIR;
}

// open_dir makes the directory when it is not there. A dry run goes on without.
static enum rotation_status open_dir(struct run *run) {
  const char *path = run->rotation->dir;
  enum key_dir_status status = key_dir_open(&run->dir, path, run->error);
  if (status != KEY_DIR_ABSENT) {
    return open_status(status);
  }
  key_dir_close(&run->dir);
  if (run->rotation->dry_run) {
    return ROTATION_OK;
  }
  return secret_file_make_dir(path, run->error)
             ? open_status(key_dir_open(&run->dir, path, run->error))
             : ROTATION_BAD_DIR;
}

static enum rotation_status run_locked(struct run *run) {
  if (run->dir.path == NULL) {  // a dry run, and no directory
    return rotate_keys(run);
  }
  enum rotation_status status = check_path(run->dir.path, run->error);
  if (status != ROTATION_OK) {
    return status;
  }
  return key_dir_load(&run->dir, run->error) ? rotate_keys(run)
                                             : ROTATION_BAD_KEY;
}

enum rotation_status rotation_run(const struct rotation *rotation,
                                  struct rotation_report *out_report,
                                  struct key_error *out_error) {
  *out_report = (struct rotation_report){0};
  if (!ech_public_name_valid(rotation->public_name)) {
    ech_key_generate(rotation->public_name, 0, out_error);  // says why
    return ROTATION_BAD_NAME;
  }
  struct run run = {.rotation = rotation,
                    .report = out_report,
                    .error = out_error,
                    .now = time(NULL)};
  // What a link in it leads to is checked when it is open.
  enum rotation_status status = check_path(rotation->dir, out_error);
  if (status == ROTATION_OK) {
    status = open_dir(&run);
  }
  if (status == ROTATION_OK) {
    status = run_locked(&run);
  }
  key_dir_close(&run.dir);
  return status;
}
