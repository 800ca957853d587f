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
#include "proxy/setting.h"

enum { kMaxTracked = 32 };  // settings in the table, at most

// The file while it is read.
struct reader {
  struct options *options;
  struct options_error *error;
  const char *path;
  FILE *file;
  char buffer[BUFSIZ];  // the file's; what it holds may be secret
  int line;             // that was read last, from 1
  int failed_line;      // 0 while all is well
  bool seen[kMaxTracked];
};

static char *join(const char *a, size_t a_len, const char *b) {
  char *path = xcalloc(a_len + strlen(b) + 1, 1);
  memcpy(path, a, a_len);
  memcpy(path + a_len, b, strlen(b));
  return path;
}

char *config_file_default(void) {
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
  char *path = join(base, strlen(base), rest);
  if (access(path, F_OK) != 0) {
    free(path);
    return NULL;
  }
  return path;
}

__attribute__((format(printf, 2, 3))) static void fail(struct reader *r,
                                                       const char *format,
                                                       ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  r->failed_line = r->line;
  options_error_set(r->error, EX_CONFIG, "%s:%d: %s", r->path, r->line, text);
}

// Gives inih one line, fgets's way. Nothing follows the first error, so that
// it is the one that is told. Blanks in front are dropped: inih would take an
// indented line for the continuation of the one before.
static char *read_line(char *out, int size, void *stream) {
  struct reader *r = stream;
  if (r->failed_line != 0 || fgets(out, size, r->file) == NULL) {
    return NULL;
  }
  r->line++;
  if (strchr(out, '\n') == NULL && !feof(r->file)) {
    fail(r, "the line is longer than %d characters or holds a NUL", size - 2);
    return NULL;
  }
  size_t blanks = strspn(out, " \t");
  memmove(out, out + blanks, strlen(out + blanks) + 1);
  return out;
}

static bool is_private(const struct reader *r) {
  struct stat info;
  return fstat(fileno(r->file), &info) == 0 &&
         (info.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

// Applies a setting whose value may hold a password, and wipes it.
static bool apply_secret(struct reader *r, const struct setting *setting,
                         char *value) {
  const char *why = NULL;
  if (upstream_url_has_credentials(value) && !is_private(r)) {
    why = "the file holds a password and others may read it; chmod 600 it";
  } else if (setting->apply(r->options, value, &why)) {
    why = NULL;
  }
  OPENSSL_cleanse(value, strlen(value));
  if (why != NULL) {
    fail(r, "%s: %s", setting->name, why);
  }
  return why == NULL;
}

static bool apply(struct reader *r, const struct setting *setting,
                  const char *value) {
  const char *why = NULL;
  const char *slash = strrchr(r->path, '/');
  char *path = NULL;
  if ((setting->flags & kSettingPath) != 0 && value[0] != '/' &&
      value[0] != '\0' && slash != NULL) {
    path = join(r->path, (size_t)(slash + 1 - r->path), value);
  }
  bool ok = setting->apply(r->options, path != NULL ? path : value, &why);
  free(path);
  if (!ok) {
    fail(r, "%s = %s: %s", setting->name, value, why);
  }
  return ok;
}

static int on_key(void *owner, const char *section, const char *name,
                  const char *value) {
  struct reader *r = owner;
  size_t num;
  const struct setting *setting = setting_find(section, name);
  if (setting == NULL) {
    if (setting_section_exists(section)) {
      fail(r, "[%s] has no key '%s' (see echproxy run --help)", section, name);
    } else if (section[0] == '\0') {
      fail(r, "'%s' stands before any section; begin with [proxy]", name);
    } else {
      fail(r, "there is no section [%s]; there are [proxy] and [resolver]",
           section);
    }
    return 0;
  }
  bool *seen = &r->seen[setting - setting_all(&num)];
  if (*seen && (setting->flags & kSettingMany) == 0) {
    fail(r, "'%s' is set twice; remove one", name);
    return 0;
  }
  *seen = true;
  // inih's own line, which it no longer looks at.
  return (setting->flags & kSettingSecret) != 0
             ? apply_secret(r, setting, (char *)(uintptr_t)value)
             : apply(r, setting, value);
}

bool config_file_load(struct options *options, struct options_error *out_error,
                      const char *path) {
  struct reader r = {.options = options, .error = out_error, .path = path};
  r.file = fopen(path, "re");
  if (r.file == NULL) {
    return options_error_set(out_error, EX_CONFIG, "%s cannot be read: %s",
                             path, strerror(errno));
  }
  setvbuf(r.file, r.buffer, _IOFBF, sizeof(r.buffer));
  errno = 0;
  int line = ini_parse_stream(read_line, &r, on_key, &r);
  bool broken = ferror(r.file) != 0;
  int err = errno;
  fclose(r.file);
  OPENSSL_cleanse(r.buffer, sizeof(r.buffer));
  if (broken) {
    return options_error_set(out_error, EX_CONFIG, "%s cannot be read: %s",
                             path, strerror(err));
  }
  // inih tells the first line with an error, of its own or of on_key's. Its
  // own come without a text.
  if (line > 0 && line != r.failed_line) {
    return options_error_set(
        out_error, EX_CONFIG,
        "%s:%d: neither a [section] nor a line like key = value", path, line);
  }
  return r.failed_line == 0;
}
