#include "roots/system_store.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/secret_file.h"
#include "net/xalloc.h"
#include "roots/text.h"
#include "roots/tool.h"

enum {
  kToolMs = 120000,
  kMaxFile = 1024 * 1024,
  kMaxBundle = 32 * 1024 * 1024,
  kMaxFiles = 256,
};

static const struct layout {
  const char *dir;
  const char *tool;
  const char
      *remove_option;  // that makes the tool forget what is gone, or NULL
  const char *bundle;
} kLayouts[] = {
    // Fedora, RHEL
    {"/etc/pki/ca-trust/source/anchors", "update-ca-trust", NULL,
     "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"},
    // Arch
    {"/etc/ca-certificates/trust-source/anchors", "update-ca-trust", NULL,
     "/etc/ca-certificates/extracted/tls-ca-bundle.pem"},
    // Debian, Ubuntu, Alpine
    {"/usr/local/share/ca-certificates", "update-ca-certificates", "--fresh",
     "/etc/ssl/certs/ca-certificates.crt"},
};

enum { kNumLayouts = sizeof(kLayouts) / sizeof(kLayouts[0]) };

struct system_store {
  const struct layout *layout;
  char *dir;
  char *tool;
  char *bundle;
};

// find_tool looks where programs for root are, and not on PATH.
static char *find_tool(const char *root, const char *name) {
  static const char *const kDirs[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};
  for (size_t i = 0; i < sizeof(kDirs) / sizeof(kDirs[0]); i++) {
    char *path = text_format("%s%s/%s", root, kDirs[i], name);
    if (access(path, X_OK) == 0) {
      return path;
    }
    free(path);
  }
  return NULL;
}

static bool is_directory(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

struct system_store *system_store_find(const char *root) {
  for (size_t i = 0; i < kNumLayouts; i++) {
    char *dir = text_format("%s%s", root, kLayouts[i].dir);
    char *tool = is_directory(dir) ? find_tool(root, kLayouts[i].tool) : NULL;
    if (tool != NULL) {
      struct system_store *store = xcalloc(1, sizeof(*store));
      store->layout = &kLayouts[i];
      store->dir = dir;
      store->tool = tool;
      store->bundle = text_format("%s%s", root, kLayouts[i].bundle);
      return store;
    }
    free(dir);
  }
  return NULL;
}

void system_store_free(struct system_store *store) {
  if (store != NULL) {
    free(store->dir);
    free(store->tool);
    free(store->bundle);
    free(store);
  }
}

const char *system_store_dir(const struct system_store *store) {
  return store->dir;
}

// Reading.

// count_file counts what a file of certificates in PEM form has of ours, and
// how many it has at all.
static bool count_file(const char *path, size_t max_len,
                       const struct our_roots *roots,
                       struct our_roots_view *view, size_t *out_num,
                       struct key_error *out_error) {
  uint8_t *data = NULL;
  size_t len = 0;
  *out_num = 0;
  if (!secret_file_read(path, max_len, false, &data, &len, out_error)) {
    return false;
  }
  BIO *bio = BIO_new_mem_buf(data, (int)len);
  char *name = NULL;
  char *header = NULL;
  uint8_t *der = NULL;
  long der_len = 0;
  while (bio != NULL && PEM_read_bio(bio, &name, &header, &der, &der_len)) {
    our_roots_view_add(view, our_roots_kind(roots, der, (size_t)der_len));
    ++*out_num;
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
  }
  ERR_clear_error();
  BIO_free(bio);
  secret_file_free(data, len);
  return true;
}

// The files in the directory that hold certificates of ours.
struct files {
  char *unwanted[kMaxFiles];  // paths of those that have to go
  size_t num_unwanted;
  char *mixed;  // one that has other certificates as well, or NULL
  struct our_roots_view view;
};

static void files_cleanup(struct files *files) {
  for (size_t i = 0; i < files->num_unwanted; i++) {
    free(files->unwanted[i]);
  }
  free(files->mixed);
}

static bool is_unwanted(const struct our_roots *roots,
                        const struct our_roots_view *view, bool keep_current) {
  return (view->has_current && !keep_current) || view->num_former > 0 ||
         (view->num_foreign > 0 && roots->take_foreign);
}

static void add_view(struct our_roots_view *sum,
                     const struct our_roots_view *view) {
  sum->has_current |= view->has_current;
  sum->num_former += view->num_former;
  sum->num_foreign += view->num_foreign;
}

static void add_file(struct files *files, const char *path,
                     const struct our_roots *roots, bool keep_current) {
  struct our_roots_view view = {.has_current = false};
  size_t num;
  struct key_error ignored;
  if (!count_file(path, kMaxFile, roots, &view, &num, &ignored)) {
    return;  // what nobody can read is trusted by nobody
  }
  add_view(&files->view, &view);
  if (!is_unwanted(roots, &view, keep_current)) {
    return;
  }
  if (num > 1 && files->mixed == NULL) {
    files->mixed = xstrdup(path);
  } else if (num == 1 && files->num_unwanted < kMaxFiles) {
    files->unwanted[files->num_unwanted++] = xstrdup(path);
  }
}

// files_find reads the directory, as far as a person or a program has put
// certificates right into it.
static bool files_find(struct files *out, const struct system_store *store,
                       const struct our_roots *roots, bool keep_current,
                       struct key_error *out_error) {
  *out = (struct files){.num_unwanted = 0};
  DIR *dir = opendir(store->dir);
  if (dir == NULL) {
    key_error_set(out_error, "cannot read %s: %s", store->dir, strerror(errno));
    return false;
  }
  for (const struct dirent *entry = readdir(dir); entry != NULL;
       entry = readdir(dir)) {
    if (entry->d_name[0] != '.') {
      char *path = text_format("%s/%s", store->dir, entry->d_name);
      add_file(out, path, roots, keep_current);
      free(path);
    }
  }
  closedir(dir);
  return true;
}

bool system_store_look(const struct system_store *store,
                       const struct our_roots *roots,
                       struct our_roots_view *out_view,
                       struct key_error *out_error) {
  struct files files;
  struct our_roots_view bundle = {.has_current = false};
  size_t num;
  bool ok =
      files_find(&files, store, roots, true, out_error) &&
      (access(store->bundle, F_OK) != 0 ||
       count_file(store->bundle, kMaxBundle, roots, &bundle, &num, out_error));
  // Those of the bundle come from the directory; in between one is stale.
  *out_view = (struct our_roots_view){
      .has_current = files.view.has_current || bundle.has_current,
      .is_trusted = bundle.has_current,
      .num_former = files.view.num_former > bundle.num_former
                        ? files.view.num_former
                        : bundle.num_former,
      .num_foreign = files.view.num_foreign > bundle.num_foreign
                         ? files.view.num_foreign
                         : bundle.num_foreign,
  };
  files_cleanup(&files);
  return ok;
}

// Changing.

bool system_store_writable(const struct system_store *store) {
  return access(store->dir, W_OK) == 0;
}

static bool run_tool(const struct system_store *store, bool removes,
                     struct key_error *out_error) {
  const char *option = removes ? store->layout->remove_option : NULL;
  const char *const argv[] = {store->tool, option, NULL};
  struct tool_run run;
  tool_run_init(&run, argv, kToolMs);
  bool ok = run.outcome == TOOL_DONE;
  if (run.outcome == TOOL_TIMED_OUT) {
    key_error_set(out_error, "%s did not finish within %d seconds", store->tool,
                  kToolMs / 1000);
  } else if (!ok) {
    key_error_set(out_error, "%s: %s", store->tool, tool_last_line(&run));
  }
  tool_run_cleanup(&run);
  return ok;
}

static bool remove_files(const struct files *files,
                         struct key_error *out_error) {
  if (files->mixed != NULL) {
    key_error_set(out_error,
                  "%s holds the CA among other certificates; take it out of "
                  "that file yourself",
                  files->mixed);
    return false;
  }
  for (size_t i = 0; i < files->num_unwanted; i++) {
    if (unlink(files->unwanted[i]) != 0) {
      key_error_set(out_error, "cannot remove %s: %s", files->unwanted[i],
                    strerror(errno));
      return false;
    }
  }
  return true;
}

static bool remove_unwanted(const struct system_store *store,
                            const struct our_roots *roots, bool keep_current,
                            struct key_error *out_error) {
  struct files files;
  bool ok = files_find(&files, store, roots, keep_current, out_error) &&
            remove_files(&files, out_error);
  files_cleanup(&files);
  return ok;
}

static char *file_of(const struct system_store *store,
                     const struct our_root *root) {
  return text_format("%s/%s.crt", store->dir, root->name);
}

static bool write_current(const struct system_store *store,
                          const struct our_root *root,
                          struct key_error *out_error) {
  const uint8_t *data;
  size_t len;
  char *path = file_of(store, root);
  BIO *bio = BIO_new(BIO_s_mem());
  key_error_set(out_error, "out of memory while writing %s", path);
  bool ok =
      bio != NULL && PEM_write_bio_X509(bio, root->certificate) &&
      BIO_mem_contents(bio, &data, &len) &&
      secret_file_write(path, data, len, SECRET_FILE_PUBLIC, true, out_error);
  BIO_free(bio);
  free(path);
  return ok;
}

static bool is_as_wanted(const struct our_roots *roots,
                         const struct our_roots_view *view, bool trust) {
  return (trust ? view->is_trusted : !view->has_current) &&
         !is_unwanted(roots, view, trust);
}

// settle is true when the store is as it should be, after the tool has run
// where that takes it.
static bool settle(const struct system_store *store,
                   const struct our_roots *roots, bool trust,
                   struct key_error *out_error) {
  struct our_roots_view view;
  if (!run_tool(store, !trust, out_error) ||
      !system_store_look(store, roots, &view, out_error)) {
    return false;
  }
  if (!is_as_wanted(roots, &view, trust)) {
    key_error_set(out_error, "%s has run, and %s %s the CA", store->tool,
                  store->bundle, trust ? "is still without" : "still has");
    return false;
  }
  return true;
}

static bool change(const struct system_store *store,
                   const struct our_roots *roots, bool trust,
                   struct key_error *out_error) {
  struct our_roots_view view;
  if (!system_store_look(store, roots, &view, out_error)) {
    return false;
  }
  return is_as_wanted(roots, &view, trust) ||
         (remove_unwanted(store, roots, trust, out_error) &&
          (!trust || write_current(store, &roots->known[0], out_error)) &&
          settle(store, roots, trust, out_error));
}

bool system_store_trust(const struct system_store *store,
                        const struct our_roots *roots,
                        struct key_error *out_error) {
  return change(store, roots, true, out_error);
}

bool system_store_untrust(const struct system_store *store,
                          const struct our_roots *roots,
                          struct key_error *out_error) {
  return change(store, roots, false, out_error);
}

// Telling.

static char *append(char *text, const char *more) {
  char *longer = text_format("%s%s", text, more);
  free(text);
  return longer;
}

static char *append_word(char *text, const char *path) {
  char *word = text_shell_word(path);
  text = append(append(text, " "), word);
  free(word);
  return text;
}

static char *removing_command(const struct system_store *store,
                              const struct our_roots *roots, bool trust) {
  struct files files;
  struct key_error ignored;
  files_find(&files, store, roots, trust, &ignored);
  char *text = xstrdup(files.num_unwanted > 0 ? "sudo rm" : "");
  for (size_t i = 0; i < files.num_unwanted; i++) {
    text = append_word(text, files.unwanted[i]);
  }
  if (files.num_unwanted > 0) {
    text = append(text, " && ");
  }
  files_cleanup(&files);
  return text;
}

char *system_store_command(const struct system_store *store,
                           const struct our_roots *roots, bool trust) {
  struct our_roots_view view;
  struct key_error ignored;
  if (system_store_look(store, roots, &view, &ignored) &&
      is_as_wanted(roots, &view, trust)) {
    return NULL;
  }
  char *text = removing_command(store, roots, trust);
  if (trust) {
    char *file = file_of(store, &roots->known[0]);
    text = append_word(append(text, "sudo install -m 644"), roots->pem_path);
    text = append(append_word(text, file), " && ");
    free(file);
  }
  text = append_word(append(text, "sudo"), store->tool);
  if (!trust && store->layout->remove_option != NULL) {
    text = append_word(text, store->layout->remove_option);
  }
  return text;
}
