// rotation replaces the ECH key of a server step by step, in a directory that
// servers read (`echproxy rotate`). A key goes through three stages:
//
//   next     on the disk, so that servers load it; not published yet
//   current  published: servers have loaded it when it was next
//   old      not published any more, but DNS caches may still hold it
//
// Which stage a key is in follows from the names of the files alone, so that
// the arrival of one file moves all of them at once:
//
//   ech-999997.ech    next     names count down, because HAProxy reads them in
//   ech-999998.ech    current  the order of their names and its clients take
//   ech-999999.ech    old      the first, which should be the newest
//   current.pem       a link to the current one, which is to be published
//   ssl_ech_file.conf what nginx includes: all keys, the newest first
//
// A crash at any point leaves a directory that servers can load, in which
// current.pem is a key that they have loaded; the next rotation puts the rest
// right.

#ifndef ECHPROXY_KEYS_ROTATION_H
#define ECHPROXY_KEYS_ROTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/key_error.h"

enum {
  kRotationMaxKept = 50,
  kRotationMaxDir = 3072,  // octets of a directory's path
  kRotationNameSize = 16,  // ech-999999.ech
};

// The link and the file that every rotation leaves in the directory.
extern const char kRotationCurrent[];  // "current.pem"
extern const char kRotationInclude[];  // "ssl_ech_file.conf"

enum rotation_status {
  ROTATION_OK,            // rotated, or not due
  ROTATION_BUSY,          // another rotation is under way
  ROTATION_FULL,          // DNS may still hold all keys that there is room for
  ROTATION_BAD_NAME,      // the public name is not valid
  ROTATION_BAD_DIR,       // the directory cannot be used
  ROTATION_BAD_KEY,       // a key in the directory cannot be read
  ROTATION_CANNOT_WRITE,  // a file cannot be written
};

// What to do.
struct rotation {
  const char *dir;          // made when it does not exist, with mode 0700
  const char *public_name;  // of new keys
  int max_name_len;         // likewise; negative: as ech_key_spec_init has it
  // How many of the newest keys that were ever published stay.
  unsigned keep;
  // How many seconds DNS may keep a record. A key that has been replaced stays
  // for twice that, whatever `keep` says: its record is in DNS until the new
  // one is published, and in caches for a TTL more.
  uint32_t ttl;
  uint32_t every;  // rotates when the newest key is older; 0: at once
  bool dry_run;    // only says what would be done
};

// What was done, or would be.
struct rotation_report {
  unsigned num_made;  // 0 when it was not due
  bool has_changed;   // servers have something to load; not set by a dry run
  char next[kRotationNameSize];
  char current[kRotationNameSize];
  unsigned num_old;
  unsigned num_removed;
  unsigned num_others;  // *.ech files that are not of rotations; left alone
  uint32_t newest_age;  // seconds; of the newest key before
  // The newest key's public name before, when it is another one; else "".
  char former_name[256];
};

// rotation_run does it, and repairs what a crash has left. It locks the
// directory. On all but ROTATION_OK, `out_error` says what is wrong.
enum rotation_status rotation_run(const struct rotation *rotation,
                                  struct rotation_report *out_report,
                                  struct key_error *out_error);

#endif
