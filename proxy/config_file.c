#include "proxy/config_file.h"

#include <errno.h>
#include <ini.h>
#include <openssl/mem.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "net/xalloc.h"
#include "proxy/key_hint.h"
#include "proxy/setting.h"
#include "proxy/site_setting.h"

enum {
  kMaxTracked = 32,       // settings in the table, at most
  kMaxLine = 100 * 1000,  // room for the longest ECHConfigList
  kSectionSize = 300,     // and for `site "` around the longest pattern
  kShownValue = 60,       // of a value that is wrong
};

// The file while it is read.
struct reader {
  struct options *options;
  struct options_error *error;
  const char *path;
  FILE *file;
  char buffer[BUFSIZ];  // the file's; what it holds may be secret
  int line;             // that was read last, from 1
  int failed_line;      // 0 while all is well
  bool is_private;      // others may not read it
  char section[kSectionSize];
  struct site_reading site;  // when that is a [site "PATTERN"]
  bool seen[kMaxTracked];
  char *text;   // the line, kMaxLine octets
  char *value;  // its value in `text` when it is too long for inih, or NULL
};

static char *join(const char *a, size_t a_len, const char *b) {
  char *path = xcalloc(a_len + strlen(b) + 1, 1);
  memcpy(path, a, a_len);
  memcpy(path + a_len, b, strlen(b));
  return path;
}

char *config_file_path(void) {
  const char *base = getenv("XDG_CONFIG_HOME");
  const char *rest = "/echproxy/echproxy.conf";
  // The XDG base directory specification has relative paths ignored.
  if (base == NULL || base[0] != '/') {
    base = getenv("HOME");
    rest = "/.config/echproxy/echproxy.conf";
  }
  if (base == NULL || base[0] == '\0') {
    return NULL;
  }
  return join(base, strlen(base), rest);
}

char *config_file_default(void) {
  char *path = config_file_path();
  if (path != NULL && access(path, F_OK) != 0) {
    free(path);
    return NULL;
  }
  return path;
}

__attribute__((format(printf, 3, 4))) static bool fail_at(struct reader *r,
                                                          int line,
                                                          const char *format,
                                                          ...) {
  char text[640];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  r->failed_line = r->line;
  return options_error_set(r->error, EX_CONFIG, "%s:%d: %s", r->path, line,
                           text);
}

static bool fail_value(struct reader *r, const char *name, int flags,
                       const char *value, const char *why) {
  if ((flags & kSettingSecret) != 0) {
    return fail_at(r, r->line, "%s: %s", name, why);
  }
  bool is_long = strlen(value) > kShownValue;
  return fail_at(r, r->line, "%s = %.*s%s: %s", name, kShownValue, value,
                 is_long ? "..." : "", why);
}

static bool fail_key(struct reader *r, const char *section, const char *name) {
  char hint[kKeyHintSize];
  key_hint_write(hint, section, name);
  return fail_at(r, r->line, "[%s] has no key '%s'; %s", section, name, hint);
}

static bool fail_syntax(struct reader *r, int line) {
  return fail_at(r, line, "neither a [section] nor a line like key = value");
}

// Ends the [site] section that was being read, if there is one.
static bool end_site(struct reader *r) {
  struct key_error error;
  int line = r->line;
  return site_reading_end(&r->site, &line, &error) ||
         fail_at(r, line, "%s", error.text);
}

static bool begin_site(struct reader *r, const char *pattern_text) {
  struct site_pattern pattern;
  const char *why;
  if (!site_pattern_parse(&pattern, pattern_text, &why)) {
    return fail_at(r, r->line, "[%s]: %s", r->section, why);
  }
  if (r->options->sites == NULL) {
    r->options->sites = site_rules_new();
  }
  struct site_section *section = site_rules_add(r->options->sites, &pattern);
  if (section == NULL) {
    return fail_at(r, r->line,
                   "there is a section [site \"%s\"] already; put the two "
                   "together",
                   pattern.text);
  }
  site_reading_begin(&r->site, section, r->line);
  snprintf(r->section, sizeof(r->section), "site \"%s\"", pattern.text);
  setting_trail_add(&r->options->trail, r->section, NULL, NULL, false, r->line);
  return true;
}

// Copies PATTERN out of `site "PATTERN"`.
static bool read_pattern(char out[kSectionSize], const char *section) {
  size_t len = strlen(section);
  if (len < 7 || section[4] == '"') {
    return false;
  }
  const char *quoted = section + 4 + strspn(section + 4, " \t");
  size_t quoted_len = strlen(quoted);
  if (quoted_len < 2 || quoted[0] != '"' || quoted[quoted_len - 1] != '"') {
    return false;
  }
  memcpy(out, quoted + 1, quoted_len - 2);
  out[quoted_len - 2] = '\0';
  return true;
}

static bool begin_section(struct reader *r) {
  char pattern[kSectionSize];
  if (setting_section_exists(r->section)) {
    return true;
  }
  if (strncmp(r->section, "site", 4) != 0 ||
      strchr(" \t\"", r->section[4]) == NULL) {
    return fail_at(r, r->line,
                   "there is no section [%s]; there are [proxy], [resolver] "
                   "and [site \"NAME\"]",
                   r->section);
  }
  if (!read_pattern(pattern, r->section)) {
    return fail_at(
        r, r->line,
        "write the site's name in quotes: [site \"www.bank.example\"]");
  }
  return begin_site(r, pattern);
}

// Reads a line that begins with '['. inih would cut its text after 49
// characters, so it never sees it.
static bool read_section(struct reader *r, const char *text) {
  const char *end = strchr(text, ']');
  size_t len = end == NULL ? 0 : (size_t)(end - text) - 1;
  if (!end_site(r)) {
    return false;
  }
  if (end == NULL || len >= sizeof(r->section)) {
    return fail_syntax(r, r->line);
  }
  end += 1 + strspn(end + 1, " \t\r\n");
  if (strchr(";#", *end) == NULL) {
    return fail_at(r, r->line, "nothing may follow a section's ]");
  }
  memcpy(r->section, text + 1, len);
  r->section[len] = '\0';
  return begin_section(r);
}

// Cuts trailing blanks and, as inih does, a comment after a blank.
static void trim_value(char *value) {
  for (char *c = value; *c != '\0'; c++) {
    if (*c == ';' && c > value && strchr(" \t", c[-1]) != NULL) {
      *c = '\0';
      break;
    }
  }
  size_t len = strlen(value);
  while (len > 0 && strchr(" \t\r\n", value[len - 1]) != NULL) {
    value[--len] = '\0';
  }
}

// Hands `text` to inih. It has room for 198 characters only, so a longer value
// goes around it.
static void hand_over(struct reader *r, char *out, size_t size, char *text) {
  size_t len = strlen(text);
  size_t name_len = strcspn(text, "=:");
  r->value = NULL;
  if (strchr(";#", text[0]) != NULL) {
    len = 0;
  } else if (len >= size && name_len + 4 < size && text[name_len] != '\0') {
    r->value = text + name_len + 1;
    r->value += strspn(r->value, " \t");
    trim_value(r->value);
    len = name_len + 1;
  }
  // What is still too long has no value: as its beginning alone, it is wrong.
  len = len < size ? len : size - 1;
  memcpy(out, text, len);
  out[len] = '\0';
}

// Gives inih one line, fgets's way. Nothing follows the first error, so that
// it is the one that is told. Blanks in front are dropped: inih would take an
// indented line for the continuation of the one before.
static char *read_line(char *out, int size, void *stream) {
  struct reader *r = stream;
  if (r->failed_line != 0 || fgets(r->text, kMaxLine, r->file) == NULL) {
    return NULL;
  }
  r->line++;
  if (strchr(r->text, '\n') == NULL && !feof(r->file)) {
    fail_at(r, r->line, "the line is longer than %d characters or holds a NUL",
            kMaxLine - 2);
    return NULL;
  }
  char *text = r->text;
  if (r->line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0) {
    text += 3;  // the byte order mark of some editors
  }
  text += strspn(text, " \t");
  if (text[0] == '[') {
    if (!read_section(r, text)) {
      return NULL;
    }
    text[0] = '\0';
  }
  hand_over(r, out, (size_t)size, text);
  return out;
}

// Returns `value`, or, when it is a relative path, one from the file's folder,
// released with `free`.
static char *resolve(const struct reader *r, int flags, const char *value) {
  const char *slash = strrchr(r->path, '/');
  if ((flags & kSettingPath) != 0 && value[0] != '/' && value[0] != '\0' &&
      slash != NULL) {
    return join(r->path, (size_t)(slash + 1 - r->path), value);
  }
  return xstrdup(value);
}

// Why `value` must not stand in the file, or NULL.
static const char *why_not_here(const struct reader *r, int flags,
                                const char *value) {
  if ((flags & kSettingSecret) == 0 || !upstream_url_has_credentials(value) ||
      r->is_private) {
    return NULL;
  }
  return "the file holds a password and others may read it; chmod 600 it";
}

// Keeps for whoever asks what the line has set.
static void note(struct reader *r, bool ok, const char *name, int flags,
                 const char *value) {
  if (ok) {
    setting_trail_add(&r->options->trail, r->section, name, value,
                      (flags & kSettingSecret) != 0, r->line);
  }
}

static void wipe(char *text) { OPENSSL_cleanse(text, strlen(text)); }

static bool apply_site(struct reader *r, const char *name, const char *value) {
  const struct site_setting *setting = site_setting_find(name);
  if (setting == NULL) {
    return fail_key(r, "site", name);
  }
  const char *why = why_not_here(r, setting->flags, value);
  char *resolved = resolve(r, setting->flags, value);
  bool ok = (why == NULL &&
             site_reading_apply(&r->site, setting, resolved, r->line, &why)) ||
            fail_value(r, name, setting->flags, value, why);
  note(r, ok, setting->name, setting->flags, resolved);
  wipe(resolved);
  free(resolved);
  return ok;
}

static bool apply(struct reader *r, const char *name, const char *value) {
  size_t num;
  const struct setting *setting = setting_find(r->section, name);
  if (setting == NULL) {
    return fail_key(r, r->section, name);
  }
  bool *seen = &r->seen[setting - setting_all(&num)];
  if (*seen && (setting->flags & kSettingMany) == 0) {
    return fail_at(r, r->line, "'%s' is set twice; remove one", name);
  }
  *seen = true;
  const char *why = why_not_here(r, setting->flags, value);
  char *resolved = resolve(r, setting->flags, value);
  bool ok = (why == NULL && setting->apply(r->options, resolved, &why)) ||
            fail_value(r, name, setting->flags, value, why);
  note(r, ok, setting->name, setting->flags, resolved);
  wipe(resolved);
  free(resolved);
  return ok;
}

static int on_key(void *owner, const char *section, const char *name,
                  const char *value) {
  (void)section;  // inih has seen none
  struct reader *r = owner;
  if (r->value != NULL) {
    value = r->value;
  }
  if (r->section[0] == '\0') {
    return fail_at(r, r->line,
                   "'%s' stands before any section; begin with [proxy]", name);
  }
  bool ok = r->site.section != NULL ? apply_site(r, name, value)
                                    : apply(r, name, value);
  // inih's own line, or ours, at which nobody looks any more.
  wipe((char *)(uintptr_t)value);
  return ok;
}

static bool read_file(struct reader *r) {
  errno = 0;
  int line = ini_parse_stream(read_line, r, on_key, r);
  if (ferror(r->file) != 0) {
    return options_error_set(r->error, EX_CONFIG, "%s cannot be read: %s",
                             r->path, strerror(errno));
  }
  // inih tells the first line with an error, of its own or of on_key's. Its
  // own come without a text.
  if (line > 0 && line != r->failed_line) {
    return fail_syntax(r, line);
  }
  return r->failed_line == 0 && end_site(r);
}

// Reads r->file, and closes it.
static bool read_and_close(struct reader *r) {
  setting_trail_set_path(&r->options->trail, r->path);
  setvbuf(r->file, r->buffer, _IOFBF, sizeof(r->buffer));
  r->text = xcalloc(kMaxLine, 1);
  bool ok = read_file(r);
  site_reading_drop(&r->site);
  fclose(r->file);
  OPENSSL_cleanse(r->text, kMaxLine);
  OPENSSL_cleanse(r->buffer, sizeof(r->buffer));
  free(r->text);
  return ok;
}

static bool is_private(const struct stat *info) {
  return (info->st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

bool config_file_load(struct options *options, struct options_error *out_error,
                      const char *path) {
  struct reader r = {.options = options, .error = out_error, .path = path};
  struct stat info;
  r.file = fopen(path, "re");
  if (r.file == NULL) {
    return options_error_set(out_error, EX_CONFIG, "%s cannot be read: %s",
                             path, strerror(errno));
  }
  r.is_private = fstat(fileno(r.file), &info) == 0 && is_private(&info);
  return read_and_close(&r);
}

bool config_file_check(struct options_error *out_error, const char *path,
                       const char *text, size_t len) {
  struct options options = {.help = false};
  struct reader r = {.options = &options, .error = out_error, .path = path};
  struct stat info;
  if (len == 0) {
    return true;  // which fmemopen may not like
  }
  r.file = fmemopen((char *)(uintptr_t)text, len, "r");
  if (r.file == NULL) {
    return options_error_set(out_error, EX_OSERR, "%s cannot be checked: %s",
                             path, strerror(errno));
  }
  r.is_private = stat(path, &info) != 0 || is_private(&info);
  bool ok = read_and_close(&r);
  options_cleanup(&options);
  return ok;
}
