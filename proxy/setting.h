// setting is the one table of what a user can set: each entry is an option of
// the command line and, where it has a section, a key of the configuration
// file of the same name. The defaults are from it, and so is the file that
// `echproxy config --init` writes.

#ifndef ECHPROXY_PROXY_SETTING_H
#define ECHPROXY_PROXY_SETTING_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/options.h"

enum {
  kSettingFlag = 1,    // has no value on the command line, yes or no in a file
  kSettingPath = 2,    // a path; in a file it is relative to the file's folder
  kSettingMany = 4,    // may be given several times in a file
  kSettingRun = 8,     // an option of `run`
  kSettingCheck = 16,  // an option of `check`
  kSettingCa = 32,     // an option of `ca`
  // A URL that may hold a password. Messages never repeat it. With one, it is
  // refused on the command line, where everybody on the machine sees it, and in
  // a file that others can read.
  kSettingSecret = 64,
  kSettingTrust = 128,    // an option of `trust`
  kSettingUntrust = 256,  // an option of `untrust`
  kSettingConfig = 512,   // an option of `config`, as all of `run` are
  // One of the flags that say how much is logged: the last that says yes is in
  // force.
  kSettingLevel = 1024,
  kSettingStatus = 2048  // an option of `status`
};

struct setting {
  const char *name;     // without dashes
  char letter;          // the short option, or 0
  const char *section;  // of the file; NULL: on the command line only
  int flags;
  // apply sets `value` in `options`. On failure `*out_why` is a static text
  // that says what is wrong with the value.
  bool (*apply)(struct options *options, const char *value,
                const char **out_why);
  // What the file's comments say, in lines; NULL without a section. The values
  // are as they stand in a file, several of them apart by blanks.
  const char *about;
  const char *initial;  // the default; NULL: not set
  const char *example;  // NULL when there is `initial`
};

// setting_all returns the table.
const struct setting *setting_all(size_t *out_num);

// setting_find returns the setting `name` of the file's `section`, or NULL.
const struct setting *setting_find(const char *section, const char *name);

// setting_is_yes says whether the value of a flag, which was applied, is a yes.
bool setting_is_yes(const char *value);

// setting_section_exists says whether any setting is in the file's `section`.
bool setting_section_exists(const char *section);

#endif
