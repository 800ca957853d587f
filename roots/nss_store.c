#include "roots/nss_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/secret_file.h"
#include "net/xalloc.h"
#include "roots/nss_database.h"
#include "roots/nss_trace.h"
#include "roots/text.h"
#include "roots/tool.h"

enum {
  kToolMs = 30000,
  kMaxRemoved = 32,  // in one go: more roots of ours than anybody has
};

// In a directory that nss_store_trust made, so that it can be taken away again.
static const char kMadeByUs[] = ".made-by-echproxy";

// What one reading of a database finds.
struct finding {
  const struct our_roots *roots;
  struct our_roots_view *view;
  char *current_label;        // NULL: none, or no name
  bool keep_current;          // what is unwanted goes by it
  char *labels[kMaxRemoved];  // of unwanted ones
  size_t num_labels;
  bool has_nameless;  // an unwanted one that certutil cannot be told of
};

static void finding_cleanup(struct finding *f) {
  free(f->current_label);
  for (size_t i = 0; i < f->num_labels; i++) {
    free(f->labels[i]);
  }
}

static void on_certificate(void *owner, const uint8_t *der, size_t len,
                           const char *label) {
  struct finding *f = owner;
  enum our_root_kind kind = our_roots_kind(f->roots, der, len);
  our_roots_view_add(f->view, kind);
  if (kind == OUR_ROOT_CURRENT && f->current_label == NULL) {
    f->current_label = xstrdup(label);
  }
  if (!our_roots_unwanted(f->roots, kind, f->keep_current)) {
    return;
  }
  if (label == NULL || label[0] == '\0') {
    f->has_nameless = true;
  } else if (f->num_labels < kMaxRemoved) {
    f->labels[f->num_labels++] = xstrdup(label);
  }
}

// find releases nothing: the caller does, with finding_cleanup.
static bool find(struct finding *f, const char *dir,
                 struct key_error *out_error) {
  return !nss_database_exists(dir) ||
         nss_database_read(dir, on_certificate, f, out_error);
}

// Running certutil.

// explain_password names the command that was tried: whoever runs it is asked.
static void explain_password(struct key_error *out_error,
                             const char *const argv[]) {
  char *command = xstrdup(argv[0]);
  for (size_t i = 1; argv[i] != NULL; i++) {
    char *word = text_shell_word(argv[i]);
    char *longer = text_format("%s %s", command, word);
    free(word);
    free(command);
    command = longer;
  }
  key_error_set(out_error,
                "it is protected by a primary password, which echproxy does "
                "not ask for; run `%s` yourself",
                command);
  free(command);
}

static bool explain(struct key_error *out_error, struct tool_run *run,
                    const char *const argv[]) {
  if (run->outcome == TOOL_MISSING) {
    key_error_set(out_error,
                  "certutil is needed for this; install its package: "
                  "libnss3-tools (Debian, Ubuntu), nss-tools (Fedora), nss "
                  "(Arch)");
  } else if (run->outcome == TOOL_TIMED_OUT) {
    key_error_set(out_error, "certutil did not finish within %d seconds",
                  kToolMs / 1000);
  } else if (strstr(run->output, "SEC_ERROR_BAD_PASSWORD") != NULL) {
    explain_password(out_error, argv);
  } else {
    key_error_set(out_error, "%s", tool_last_line(run));
  }
  return false;
}

// certutil_run runs it on `dir` with `args`, NULL at their end. `out` is then
// released with tool_run_cleanup, also when it failed.
static bool certutil_run(struct tool_run *out, const char *dir,
                         const char *const args[],
                         struct key_error *out_error) {
  const char *argv[16] = {"certutil", "-d"};
  char *database = text_format("sql:%s", dir);
  argv[2] = database;
  for (size_t i = 0; args[i] != NULL; i++) {
    argv[3 + i] = args[i];
  }
  tool_run_init(out, argv, kToolMs);
  bool ok = out->outcome == TOOL_DONE || explain(out_error, out, argv);
  free(database);
  return ok;
}

static bool certutil(const char *dir, const char *const args[],
                     struct key_error *out_error) {
  struct tool_run run;
  bool ok = certutil_run(&run, dir, args, out_error);
  tool_run_cleanup(&run);
  return ok;
}

// flags_trust reads the first of the three groups of flags at the end of a line
// of `certutil -L`: C is a CA that is trusted for servers.
static bool flags_trust(const char *flags) {
  flags += strspn(flags, " ");
  return memchr(flags, 'C', strcspn(flags, ",")) != NULL;
}

static bool lists_as_trusted(const char *line, const char *label) {
  size_t len = strlen(label);
  for (; line != NULL; line = strchr(line, '\n')) {
    line += line[0] == '\n' ? 1 : 0;
    if (strncmp(line, label, len) == 0 && line[len] == ' ' &&
        flags_trust(line + len)) {
      return true;
    }
  }
  return false;
}

// find_trust asks certutil, which knows how each version of NSS writes it down.
static bool find_trust(bool *out, const char *dir, const char *label,
                       struct key_error *out_error) {
  struct tool_run run;
  bool ok =
      certutil_run(&run, dir, (const char *const[]){"-L", NULL}, out_error);
  *out = ok && lists_as_trusted(run.output, label);
  tool_run_cleanup(&run);
  return ok;
}

bool nss_store_look(const char *dir, const struct our_roots *roots,
                    struct our_roots_view *out_view,
                    struct key_error *out_error) {
  *out_view = (struct our_roots_view){.has_current = false};
  struct finding f = {.roots = roots, .view = out_view, .keep_current = true};
  bool ok = find(&f, dir, out_error) &&
            (f.current_label == NULL || find_trust(&out_view->is_trusted, dir,
                                                   f.current_label, out_error));
  finding_cleanup(&f);
  return ok;
}

// Removing.

static bool remove_labels(const struct finding *f, const char *dir,
                          struct key_error *out_error) {
  for (size_t i = 0; i < f->num_labels; i++) {
    if (!certutil(dir, (const char *const[]){"-D", "-n", f->labels[i], NULL},
                  out_error)) {
      return false;
    }
  }
  return true;
}

// remove_once sets `*out_left` when there was something to remove.
static bool remove_once(const char *dir, const struct our_roots *roots,
                        bool keep_current, bool *out_left,
                        struct key_error *out_error) {
  struct our_roots_view view = {.has_current = false};
  struct finding f = {
      .roots = roots, .view = &view, .keep_current = keep_current};
  bool ok = find(&f, dir, out_error);
  *out_left = f.num_labels > 0 || f.has_nameless;
  if (ok && f.num_labels > 0) {
    ok = remove_labels(&f, dir, out_error);
  } else if (ok && f.has_nameless) {
    ok = false;
    key_error_set(out_error,
                  "%s holds the CA without a name, which certutil cannot "
                  "remove; remove it in the browser's settings",
                  dir);
  }
  finding_cleanup(&f);
  return ok;
}

// remove_unwanted looks again after each removal: a name can stand for several.
static bool remove_unwanted(const char *dir, const struct our_roots *roots,
                            bool keep_current, struct key_error *out_error) {
  bool left = true;
  for (int round = 0; left && round < 4; round++) {
    if (!remove_once(dir, roots, keep_current, &left, out_error)) {
      return false;
    }
  }
  if (left) {
    key_error_set(out_error, "certutil did not remove the CA from %s", dir);
  }
  return !left;
}

// Making.

static bool make_database(const char *dir, struct key_error *out_error) {
  struct stat info;
  bool is_new_dir = stat(dir, &info) != 0;
  if (is_new_dir && !secret_file_make_dir(dir, out_error)) {
    return false;
  }
  if (!certutil(dir, (const char *const[]){"-N", "--empty-password", NULL},
                out_error)) {
    if (is_new_dir) {
      nss_database_remove(dir);
    }
    return false;
  }
  if (is_new_dir) {
    char *marker = text_format("%s/%s", dir, kMadeByUs);
    secret_file_write(marker, (const uint8_t *)"", 0, SECRET_FILE_PRIVATE,
                      false, NULL);
    free(marker);
  }
  return true;
}

// unmake takes away what make_database made, unless a browser has come to use
// it. The directory above goes too when that leaves it empty.
static void unmake(const char *dir) {
  char *marker = text_format("%s/%s", dir, kMadeByUs);
  if (unlink(marker) == 0 && nss_database_empty(dir)) {
    nss_database_remove(dir);
    char *slash = strrchr(marker, '/');
    *slash = '\0';
    slash = strrchr(marker, '/');
    if (slash != NULL && slash != marker) {
      *slash = '\0';
      rmdir(marker);
    }
  }
  free(marker);
}

// Trusting.

// add leaves nothing behind when NSS takes the certificate and not the trust:
// that is what it does without the primary password.
static bool add(const char *dir, const struct our_roots *roots,
                struct key_error *out_error) {
  const char *name = roots->known[0].name;
  if (certutil(dir,
               (const char *const[]){"-A", "-t", "C,,", "-n", name, "-i",
                                     roots->pem_path, NULL},
               out_error)) {
    return true;
  }
  remove_unwanted(dir, roots, false, NULL);
  return false;
}

// trust_current also mends one that somebody has added without trust.
static bool trust_current(const char *dir, const struct our_roots *roots,
                          struct key_error *out_error) {
  struct our_roots_view view;
  if (!nss_store_look(dir, roots, &view, out_error)) {
    return false;
  }
  if (view.is_trusted) {
    return true;
  }
  if ((view.has_current && !remove_unwanted(dir, roots, false, out_error)) ||
      !add(dir, roots, out_error) ||
      !nss_store_look(dir, roots, &view, out_error)) {
    return false;
  }
  if (!view.is_trusted) {
    key_error_set(out_error, "certutil did not make %s trust the CA", dir);
  }
  return view.is_trusted;
}

bool nss_store_trust(const char *dir, const struct our_roots *roots,
                     struct key_error *out_error) {
  bool made = !nss_database_exists(dir);
  struct key_error error = {""};
  if (made && !make_database(dir, out_error)) {
    return false;
  }
  if (!nss_database_writable(dir, out_error) ||
      !remove_unwanted(dir, roots, true, out_error)) {
    return false;
  }
  if (trust_current(dir, roots, &error)) {
    return true;
  }
  if (made) {
    unmake(dir);
  }
  key_error_set(out_error, "%s", error.text);
  return false;
}

// Untrusting.

bool nss_store_has_traces(const char *dir, const struct our_roots *roots) {
  for (size_t i = 0; i < roots->num_known; i++) {
    if (nss_trace_found(dir, &roots->known[i])) {
      return true;
    }
  }
  return false;
}

static bool leave_no_trace(const char *dir, const struct our_roots *roots,
                           bool took_foreign, struct key_error *out_error) {
  // What foreign ones leave is not known, so it is not looked for.
  if (!took_foreign && !nss_store_has_traces(dir, roots)) {
    return true;
  }
  if (!nss_database_scrub(dir, out_error)) {
    return false;
  }
  if (nss_store_has_traces(dir, roots)) {
    key_error_set(out_error,
                  "%s is free of the CA, but its files still hold bytes of it; "
                  "close the browser and run this again",
                  dir);
    return false;
  }
  return true;
}

bool nss_store_untrust(const char *dir, const struct our_roots *roots,
                       struct key_error *out_error) {
  if (!nss_database_exists(dir)) {
    return true;
  }
  struct our_roots_view view = {.has_current = false};
  bool ok =
      nss_database_writable(dir, out_error) &&
      nss_store_look(dir, roots, &view, out_error) &&
      remove_unwanted(dir, roots, false, out_error) &&
      leave_no_trace(dir, roots, roots->take_foreign && view.num_foreign > 0,
                     out_error);
  if (ok) {
    unmake(dir);
  }
  return ok;
}
