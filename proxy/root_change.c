#include "proxy/root_change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/ca_rotation.h"
#include "net/xalloc.h"
#include "proxy/command_line.h"
#include "proxy/state_dir.h"
#include "roots/our_roots.h"
#include "roots/root_places.h"
#include "roots/system_store.h"
#include "roots/text.h"

// A change while it runs.
struct run {
  const struct root_change *change;
  struct root_change_result *result;
  struct our_roots roots;
};

static void print_line(const struct run *r, const char *what,
                       const struct root_place *place) {
  char *line = text_format("%-22s %-34s %s", what, place->label, place->path);
  key_error_make_plain(line);
  fprintf(r->change->out, "%s\n", line);
  free(line);
}

// print_line_about is for stores that nothing is done to.
static void print_line_about(const struct run *r, const char *what,
                             const struct root_place *place) {
  if (!r->change->only_changes) {
    print_line(r, what, place);
  }
}

static void fail(const struct run *r, const struct root_place *place,
                 const struct key_error *error) {
  r->result->num_failed++;
  print_line(r, "FAILED", place);
  fflush(r->change->out);  // so that the reason stands below it
  command_line_complain(r->change->command, "%s: %s", place->label,
                        error->text);
}

// Listing.

static const char *state_of(const struct root_place *place,
                            const struct our_roots_view *view) {
  if (view->is_trusted) {
    return "trusted";
  }
  if (view->has_current) {
    return "there, not trusted";
  }
  return root_place_exists(place) ? "not trusted" : "no database yet";
}

// print_foreign tells of what is not this CA's, and stays unless asked for.
static void print_foreign(const struct run *r,
                          const struct our_roots_view *view) {
  if (view->num_foreign > 0 && !r->change->all) {
    fprintf(r->change->out,
            "  %zu CA(s) of echproxy that %s knows nothing of; "
            "`echproxy untrust --all` removes them\n",
            view->num_foreign, r->change->state_dir);
  }
}

static void list_place(const struct run *r, const struct root_place *place,
                       const struct our_roots_view *view) {
  print_line(r, state_of(place, view), place);
  if (view->num_former > 0) {
    fprintf(r->change->out,
            "  %zu CA(s) that this one replaced; `echproxy trust` removes "
            "them\n",
            view->num_former);
  }
  print_foreign(r, view);
  if (view->is_trusted && place->system == NULL) {
    r->result->num_trusting++;
  }
}

// Changing.

static bool wants_change(const struct run *r, const struct root_place *place,
                         const struct our_roots_view *view) {
  if (r->change->kind == ROOT_CHANGE_TRUST) {
    return !view->is_trusted || view->num_former > 0;
  }
  return view->has_current || view->num_former > 0 ||
         (r->change->all && view->num_foreign > 0) ||
         root_place_has_traces(place, &r->roots);
}

// tell_root prints the command to type, unless the CA is yet to be made.
static void tell_root(const struct run *r, const struct root_place *place) {
  bool trust = r->change->kind == ROOT_CHANGE_TRUST;
  r->result->num_for_root++;
  print_line(r, trust ? "needs root" : "STILL THERE, needs root", place);
  if (trust && !r->roots.has_current) {
    return;
  }
  char *command = system_store_command(place->system, &r->roots, trust);
  fprintf(r->change->out, "  %s\n", command);
  free(command);
}

static void change_place(const struct run *r, const struct root_place *place,
                         const struct our_roots_view *view) {
  bool trust = r->change->kind == ROOT_CHANGE_TRUST;
  struct key_error error = {""};
  if (!wants_change(r, place, view)) {
    print_line_about(r, trust ? "trusted already" : "not there", place);
    return;
  }
  if (root_place_needs_root(place)) {
    tell_root(r, place);
    return;
  }
  if (r->change->dry_run) {
    r->result->num_changed++;
    print_line(r, trust ? "would be trusted" : "would be removed", place);
    return;
  }
  if (trust ? !root_place_trust(place, &r->roots, &error)
            : !root_place_untrust(place, &r->roots, &error)) {
    fail(r, place, &error);
    return;
  }
  r->result->num_changed++;
  print_line(r, trust ? "trusted" : "removed", place);
}

static void handle_place(const struct run *r, const struct root_place *place) {
  struct our_roots_view view;
  struct key_error error = {""};
  r->result->num_own += place->system == NULL ? 1 : 0;
  if (!root_place_look(place, &r->roots, &view, &error)) {
    fail(r, place, &error);
  } else if (r->change->kind == ROOT_CHANGE_LIST) {
    list_place(r, place, &view);
  } else {
    change_place(r, place, &view);
    print_foreign(r, &view);
  }
}

// Beginning.

// This keeps what belongs to root out of a user's home, and the user's
// CA out of root's.
bool root_change_allowed(struct key_error *out_error) {
  static const char kAdvice[] =
      "run it as yourself and without sudo; it prints what needs root";
  const char *home = state_dir_home();
  const char *sudo = getenv("SUDO_UID");
  struct stat info;
  if (home == NULL) {
    key_error_set(out_error, "there is no home directory; set HOME");
    return false;
  }
  if (stat(home, &info) != 0) {
    key_error_set(out_error, "the home directory %s: %s; set HOME", home,
                  strerror(errno));
    return false;
  }
  if (info.st_uid != geteuid()) {
    key_error_set(out_error, "%s belongs to user %ld and this is user %ld; %s",
                  home, (long)info.st_uid, (long)geteuid(), kAdvice);
    return false;
  }
  if (geteuid() == 0 && sudo != NULL && strcmp(sudo, "0") != 0) {
    key_error_set(out_error, "this is root, and the browsers are user %s's; %s",
                  sudo, kAdvice);
    return false;
  }
  return true;
}

// The variable is for system images that are not running, and for tests.
static const char *system_root(void) {
  const char *root = getenv("ECHPROXY_SYSTEM_ROOT");
  return root == NULL || strcmp(root, "/") == 0 ? "" : root;
}

static void handle_places(struct run *r, const char *home) {
  const struct root_home where = {.home = home,
                                  .config_home = getenv("XDG_CONFIG_HOME"),
                                  .data_home = getenv("XDG_DATA_HOME"),
                                  .system_root = system_root()};
  struct root_places *places = root_places_find(&where);
  size_t num;
  const struct root_place *all = root_places_all(places, &num);
  for (size_t i = 0; i < num; i++) {
    handle_place(r, &all[i]);
  }
  root_places_free(places);
}

// lock_home keeps two changes from taking each other's databases away. The lock
// is on the home directory itself, so that nothing is left of it, and is let go
// by closing what this returns. Without locks, as some file systems are, it
// goes on.
static int lock_home(const char *home) {
  int fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  while (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR) {
  }
  return fd;
}

// read_known reads what is to be looked for. Somebody else may have deleted the
// CA just now.
static bool read_known(const struct root_change *change, struct ca_known *known,
                       struct key_error *out_error) {
  bool needs_ca = change->kind == ROOT_CHANGE_TRUST && !change->dry_run;
  if (!ca_known_read(known, change->state_dir, out_error)) {
    return false;
  }
  if (needs_ca && !known->has_current) {
    key_error_set(out_error, "there is no CA in %s any more; run this again",
                  change->state_dir);
  }
  return !needs_ca || known->has_current;
}

static bool run_change(struct run *r, const char *home,
                       struct key_error *out_error) {
  struct ca_known known = {.num = 0};
  char *pem_path = text_format("%s/ca.pem", r->change->state_dir);
  bool ok = read_known(r->change, &known, out_error);
  if (ok) {
    our_roots_init(&r->roots, &known, pem_path, r->change->all);
    handle_places(r, home);
    our_roots_cleanup(&r->roots);
  }
  ca_known_cleanup(&known);
  free(pem_path);
  return ok;
}

bool root_change_run(const struct root_change *change,
                     struct root_change_result *out_result,
                     struct key_error *out_error) {
  *out_result = (struct root_change_result){0};
  if (!root_change_allowed(out_error)) {
    return false;
  }
  bool changes = change->kind != ROOT_CHANGE_LIST && !change->dry_run;
  struct run r = {.change = change, .result = out_result};
  char *home = xstrdup(state_dir_home());
  int lock = changes ? lock_home(home) : -1;
  bool ok = run_change(&r, home, out_error);
  if (lock >= 0) {
    close(lock);
  }
  free(home);
  return ok;
}
