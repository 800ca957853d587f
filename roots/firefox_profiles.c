#include "roots/firefox_profiles.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "keys/secret_file.h"
#include "net/xalloc.h"
#include "roots/nss_database.h"
#include "roots/text.h"

enum { kMaxFile = 1024 * 1024 };

// The profile whose section is being read.
struct reading {
  const char *dir;
  firefox_profiles_cb *each;
  void *owner;
  bool in_profile;
  char *path;
  bool is_relative;
};

static bool is_directory(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static void end_section(struct reading *r) {
  if (r->path != NULL) {
    char *path = r->is_relative ? text_format("%s/%s", r->dir, r->path)
                                : xstrdup(r->path);
    if (is_directory(path)) {
      r->each(r->owner, path);
    }
    free(path);
  }
  free(r->path);
  r->path = NULL;
}

static void on_value(struct reading *r, const char *name, const char *value) {
  if (strcmp(name, "Path") == 0) {
    free(r->path);
    r->path = value[0] == '\0' ? NULL : xstrdup(value);
  } else if (strcmp(name, "IsRelative") == 0) {
    r->is_relative = strcmp(value, "0") != 0;
  }
}

// on_line reads as Firefox does: a value is all that follows the '=', comments
// are lines of their own, and no line is too long.
static void on_line(struct reading *r, char *line) {
  char *equals = strchr(line, '=');
  if (line[0] == '[') {
    end_section(r);
    r->in_profile = strncmp(line, "[Profile", strlen("[Profile")) == 0;
    r->is_relative = true;
  } else if (r->in_profile && equals != NULL) {
    *equals = '\0';
    on_value(r, line, equals + 1);
  }
}

static void find_listed(struct reading *r) {
  static const char kMark[] = "\xef\xbb\xbf";  // of UTF-8
  uint8_t *data;
  size_t len;
  char *path = text_format("%s/profiles.ini", r->dir);
  if (secret_file_read(path, kMaxFile, false, &data, &len, NULL)) {
    char *text = text_format("%.*s", (int)len, (const char *)data);
    char *rest = text + (strncmp(text, kMark, strlen(kMark)) == 0 ? 3 : 0);
    for (char *line; (line = strsep(&rest, "\r\n")) != NULL;) {
      on_line(r, line);
    }
    end_section(r);
    free(text);
    secret_file_free(data, len);
  }
  free(path);
}

static void find_others(struct reading *r) {
  DIR *dir = opendir(r->dir);
  if (dir == NULL) {
    return;
  }
  for (const struct dirent *entry = readdir(dir); entry != NULL;
       entry = readdir(dir)) {
    char *path = text_format("%s/%s", r->dir, entry->d_name);
    if (entry->d_name[0] != '.' && nss_database_exists(path)) {
      r->each(r->owner, path);
    }
    free(path);
  }
  closedir(dir);
}

void firefox_profiles_find(const char *dir, firefox_profiles_cb *each,
                           void *owner) {
  struct reading reading = {.dir = dir, .each = each, .owner = owner};
  find_listed(&reading);
  find_others(&reading);
}
