#include "proxy/config_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/xalloc.h"
#include "proxy/config_file.h"
#include "proxy/setting.h"
#include "proxy/site_setting.h"
#include "proxy/state_dir.h"

enum { kSourceColumn = 44 };

__attribute__((format(printf, 2, 3))) static void append(struct bytes *out,
                                                         const char *format,
                                                         ...) {
  char *text = NULL;
  va_list args;
  va_start(args, format);
  int len = vasprintf(&text, format, args);
  va_end(args);
  if (len < 0) {
    abort();
  }
  bytes_append(out, text, (size_t)len);
  free(text);
}

// The file to begin with.

static void append_comment(struct bytes *out, const char *lines) {
  while (*lines != '\0') {
    size_t len = strcspn(lines, "\n");
    append(out, "# %.*s\n", (int)len, lines);
    lines += len + (lines[len] == '\n');
  }
}

// Appends a line for each of `values`, which stand apart by blanks.
static void append_values(struct bytes *out, const char *mark, const char *name,
                          const char *values) {
  while (*values != '\0') {
    size_t len = strcspn(values, " ");
    append(out, "%s%s = %.*s\n", mark, name, (int)len, values);
    values += len + (values[len] == ' ');
  }
}

static void append_initial_section(struct bytes *out, const char *section) {
  size_t num;
  const struct setting *all = setting_all(&num);
  append(out, "\n[%s]\n", section);
  for (size_t i = 0; i < num; i++) {
    if (all[i].section == NULL || strcmp(all[i].section, section) != 0) {
      continue;
    }
    append(out, "\n");
    append_comment(out, all[i].about);
    if (all[i].initial != NULL) {
      append_values(out, "#", all[i].name, all[i].initial);
    } else {
      append_values(out, "# ", all[i].name, all[i].example);
    }
  }
}

static void append_initial_sites(struct bytes *out) {
  size_t num;
  const struct site_setting *all = site_setting_all(&num);
  append_comment(
      out,
      "What is different for single sites: a section for each. PATTERN is a\n"
      "name, *.NAME for all names below one, or * for every site, of which\n"
      "the closest counts; for ech-from it can also be a range of addresses\n"
      "such as 104.16.0.0/13. A section needs only the keys that matter.");
  append(out, "# [site \"*.bank.example\"]\n");
  for (size_t i = 0; i < num; i++) {
    append(out, "\n");
    append_comment(out, all[i].about);
    append(out, "# %s = %s\n", all[i].name, all[i].example);
  }
}

void config_text_initial(struct bytes *out) {
  append_comment(
      out,
      "The configuration of echproxy. Nothing is set here yet: lines that\n"
      "begin with a # are comments. `#key = value` shows a default, and\n"
      "`# key = value` an example of what has none. docs/CONFIGURATION.md\n"
      "says more; `echproxy config --show` says what is in force. A proxy\n"
      "that is running reads the file again on SIGHUP.");
  append_initial_section(out, "proxy");
  append_initial_section(out, "resolver");
  append(out, "\n");
  append_initial_sites(out);
}

// What is in force.

// Appends a line, with what is no text of one line replaced: it goes to a
// terminal.
static void append_line(struct bytes *out, const char *name, const char *value,
                        const char *source) {
  size_t start = out->len;
  append(out, "%s = %s", name, value);
  size_t width = out->len - start;
  append(out, "%*s ; %s",
         width < kSourceColumn ? (int)(kSourceColumn - width) : 0, "", source);
  for (size_t i = start; i < out->len; i++) {
    if (out->data[i] < 0x20 || out->data[i] == 0x7f) {
      out->data[i] = '?';
    }
  }
  append(out, "\n");
}

static void append_entry(struct bytes *out, const struct setting_trail *trail,
                         const char *name, const char *value,
                         const struct trail_entry *from) {
  if (from->line == kTrailCommandLine) {
    append_line(out, name, value, "command line");
    return;
  }
  struct bytes source = {0};
  append(&source, "%s:%d", trail->path, from->line);
  bytes_append(&source, "", 1);
  append_line(out, name, value, (const char *)source.data);
  free(source.data);
}

static bool is_of(const struct trail_entry *entry, const struct setting *s) {
  return entry->name != NULL && entry->section != NULL &&
         strcmp(entry->section, s->section) == 0 &&
         strcmp(entry->name, s->name) == 0;
}

// The last entry of `setting`, or NULL.
static const struct trail_entry *last_of(const struct setting_trail *trail,
                                         const struct setting *setting) {
  for (size_t i = trail->num_entries; i > 0; i--) {
    if (is_of(&trail->entries[i - 1], setting)) {
      return &trail->entries[i - 1];
    }
  }
  return NULL;
}

// The entry that says how much is logged, or NULL.
static const struct trail_entry *last_level(const struct setting_trail *trail) {
  for (size_t i = trail->num_entries; i > 0; i--) {
    const struct trail_entry *e = &trail->entries[i - 1];
    const struct setting *s = e->name != NULL && e->section != NULL
                                  ? setting_find(e->section, e->name)
                                  : NULL;
    if (s != NULL && (s->flags & kSettingLevel) != 0 &&
        setting_is_yes(e->value)) {
      return e;
    }
  }
  return NULL;
}

static void append_default(struct bytes *out, const struct setting *setting) {
  if (setting->initial != NULL) {
    char *values = xstrdup(setting->initial);
    char *rest = NULL;
    for (char *value = strtok_r(values, " ", &rest); value != NULL;
         value = strtok_r(NULL, " ", &rest)) {
      append_line(out, setting->name, value, "default");
    }
    free(values);
  } else {
    append(out, "; %s is not set\n", setting->name);
  }
}

static void append_state_dir(struct bytes *out, const struct setting *setting) {
  char *dir = state_dir_path(NULL);
  if (dir != NULL) {
    append_line(out, setting->name, dir, "default");
  } else {
    append_default(out, setting);
  }
  free(dir);
}

static void append_many(struct bytes *out, const struct setting_trail *trail,
                        const struct setting *setting) {
  for (size_t i = 0; i < trail->num_entries; i++) {
    const struct trail_entry *entry = &trail->entries[i];
    if (is_of(entry, setting)) {
      append_entry(out, trail, entry->name, entry->value, entry);
    }
  }
}

static void append_setting(struct bytes *out, const struct setting_trail *trail,
                           const struct setting *setting) {
  const struct trail_entry *last = last_of(trail, setting);
  const struct trail_entry *level =
      (setting->flags & kSettingLevel) != 0 ? last_level(trail) : NULL;
  if (level != NULL && last != NULL) {
    append_entry(out, trail, setting->name,
                 is_of(level, setting) ? "yes" : "no", level);
  } else if (last == NULL && strcmp(setting->name, "state-dir") == 0) {
    append_state_dir(out, setting);
  } else if (last == NULL) {
    append_default(out, setting);
  } else if ((setting->flags & kSettingMany) != 0) {
    append_many(out, trail, setting);
  } else {
    append_entry(out, trail, setting->name, last->value, last);
  }
}

static void append_section(struct bytes *out, const struct setting_trail *trail,
                           const char *section) {
  size_t num;
  const struct setting *all = setting_all(&num);
  append(out, "\n[%s]\n", section);
  for (size_t i = 0; i < num; i++) {
    if (all[i].section != NULL && strcmp(all[i].section, section) == 0) {
      append_setting(out, trail, &all[i]);
    }
  }
}

static void append_sites(struct bytes *out, const struct setting_trail *trail) {
  for (size_t i = 0; i < trail->num_entries; i++) {
    const struct trail_entry *e = &trail->entries[i];
    if (e->section == NULL || strncmp(e->section, "site ", 5) != 0) {
      continue;
    }
    if (e->name == NULL) {
      append(out, "\n[%s]\n", e->section);
    } else {
      append_entry(out, trail, e->name, e->value, e);
    }
  }
}

void config_text_effective(struct bytes *out, const struct options *options) {
  const struct setting_trail *trail = &options->trail;
  char *usual = config_file_path();
  if (trail->path != NULL) {
    append(out, "# from the file %s\n", trail->path);
  } else {
    append(out, "# from no file: there is no %s\n",
           usual != NULL ? usual : "home directory to look for one in");
  }
  free(usual);
  append_section(out, trail, "proxy");
  append_section(out, trail, "resolver");
  append_sites(out, trail);
}
