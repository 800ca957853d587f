// site_setting is the table of the keys that a [site "PATTERN"] section of the
// configuration file can have, and reads one such section.

#ifndef ECHPROXY_PROXY_SITE_SETTING_H
#define ECHPROXY_PROXY_SITE_SETTING_H

#include <stdbool.h>

#include "keys/key_error.h"
#include "proxy/site_rule.h"

// One section while it is read.
struct site_reading {
  struct site_section *section;  // NULL: none is being read
  int line;                      // of its header
  unsigned seen;                 // a bit for each key of the table
  char *cert_path;
  char *key_path;
  int identity_line;  // of the last of these two
};

struct site_setting {
  const char *name;
  int flags;          // kSettingPath, Many and Secret, of setting.h
  bool is_for_range;  // may stand in a section for a range of addresses
  // apply sets `value`. On failure `*out_why` is a static text that says what
  // is wrong with it.
  bool (*apply)(struct site_reading *reading, const char *value,
                const char **out_why);
  const char *about;    // what a file's comments say of it, in lines
  const char *example;  // a value
};

// site_setting_all returns the table.
const struct site_setting *site_setting_all(size_t *out_num);

// site_setting_find returns the key `name`, or NULL.
const struct site_setting *site_setting_find(const char *name);

// site_reading_begin begins `section`, whose header is in `line`.
void site_reading_begin(struct site_reading *out, struct site_section *section,
                        int line);

// site_reading_apply sets a key. `value` is a path from where we are, if it is
// one.
bool site_reading_apply(struct site_reading *reading,
                        const struct site_setting *setting, const char *value,
                        int line, const char **out_why);

// site_reading_end checks the section as a whole and loads the files that it
// names. On failure `*out_line` is where the mistake is. Either way nothing is
// being read afterwards.
bool site_reading_end(struct site_reading *reading, int *out_line,
                      struct key_error *out_error);

// site_reading_drop ends it without looking.
void site_reading_drop(struct site_reading *reading);

#endif
