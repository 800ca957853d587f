// setting_trail remembers what was set where, so that a user can be told which
// line of which file a value comes from. It holds no password.

#ifndef ECHPROXY_PROXY_SETTING_TRAIL_H
#define ECHPROXY_PROXY_SETTING_TRAIL_H

#include <stdbool.h>
#include <stddef.h>

enum { kTrailCommandLine = 0 };  // in place of a line of the file

// One value that was set, or a [site "PATTERN"] that began.
struct trail_entry {
  char *section;     // `proxy`, `site "PATTERN"`; NULL: not one of the file's
  const char *name;  // of the setting, static; NULL: a section begins
  char *value;       // paths as from where we are; NULL: a section begins
  int line;
};

// All zero at first; released with setting_trail_cleanup.
struct setting_trail {
  char *path;                   // of the file; NULL: none was read
  struct trail_entry *entries;  // in the order in which they were applied
  size_t num_entries;
};

void setting_trail_cleanup(struct setting_trail *trail);

// setting_trail_set_path copies the path of the file that is read.
void setting_trail_set_path(struct setting_trail *trail, const char *path);

// setting_trail_add copies `section`, which may be NULL, and `value`, which
// loses what stands before its '@' if it `may_hold_password`.
void setting_trail_add(struct setting_trail *trail, const char *section,
                       const char *name, const char *value,
                       bool may_hold_password, int line);

// setting_trail_drop forgets the values of the setting `name`.
void setting_trail_drop(struct setting_trail *trail, const char *name);

#endif
