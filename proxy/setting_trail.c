#include "proxy/setting_trail.h"

#include <stdio.h>
#include <string.h>

#include "net/xalloc.h"

static void entry_cleanup(struct trail_entry *entry) {
  free(entry->section);
  free(entry->value);
}

void setting_trail_cleanup(struct setting_trail *trail) {
  for (size_t i = 0; i < trail->num_entries; i++) {
    entry_cleanup(&trail->entries[i]);
  }
  free(trail->entries);
  free(trail->path);
  *trail = (struct setting_trail){.path = NULL};
}

void setting_trail_set_path(struct setting_trail *trail, const char *path) {
  free(trail->path);
  trail->path = xstrdup(path);
}

// Returns a copy of `value`, with *** for the user and the password between
// "://" and the last '@' of a URL that has them.
static char *without_password(const char *value) {
  const char *colon = strstr(value, "://");
  const char *host = strrchr(value, '@');
  if (colon == NULL || host == NULL || host < colon) {
    return xstrdup(value);
  }
  size_t size = strlen(value) + sizeof("***");
  char *shown = xcalloc(size, 1);
  snprintf(shown, size, "%.*s***%s", (int)(colon + 3 - value), value, host);
  return shown;
}

void setting_trail_add(struct setting_trail *trail, const char *section,
                       const char *name, const char *value,
                       bool may_hold_password, int line) {
  trail->entries = xrealloc(trail->entries,
                            (trail->num_entries + 1) * sizeof(*trail->entries));
  trail->entries[trail->num_entries++] = (struct trail_entry){
      .section = xstrdup(section),
      .name = name,
      .value = may_hold_password ? without_password(value) : xstrdup(value),
      .line = line};
}

void setting_trail_drop(struct setting_trail *trail, const char *name) {
  size_t num_kept = 0;
  for (size_t i = 0; i < trail->num_entries; i++) {
    struct trail_entry *entry = &trail->entries[i];
    if (entry->name != NULL && strcmp(entry->name, name) == 0) {
      entry_cleanup(entry);
    } else {
      trail->entries[num_kept++] = *entry;
    }
  }
  trail->num_entries = num_kept;
}
