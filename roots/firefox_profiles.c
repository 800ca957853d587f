#include "roots/firefox_profiles.h"

#include <dirent.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "net/xalloc.h"
#include "roots/nss_database.h"
#include "roots/text.h"

// The profile whose section is being read.
struct reading {
  const char *dir;
  firefox_profiles_cb *each;
  void *owner;
  char *section;
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
  free(r->section);
  r->path = NULL;
  r->section = NULL;
}

static int on_line(void *owner, const char *section, const char *name,
                   const char *value) {
  struct reading *r = owner;
  if (r->section == NULL || strcmp(r->section, section) != 0) {
    end_section(r);
    r->section = xstrdup(section);
    r->is_relative = true;
  }
  if (strncmp(section, "Profile", 7) != 0) {
    return 1;
  }
  if (strcmp(name, "Path") == 0) {
    free(r->path);
    r->path = xstrdup(value);
  } else if (strcmp(name, "IsRelative") == 0) {
    r->is_relative = strcmp(value, "0") != 0;
  }
  return 1;
}

static void find_listed(struct reading *r) {
  char *path = text_format("%s/profiles.ini", r->dir);
  FILE *file = fopen(path, "re");
  if (file != NULL) {
    ini_parse_file(file, on_line, r);
    end_section(r);
    fclose(file);
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
