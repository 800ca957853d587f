#include "roots/root_places.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "net/xalloc.h"
#include "roots/firefox_profiles.h"
#include "roots/nss_database.h"
#include "roots/nss_store.h"
#include "roots/system_store.h"
#include "roots/text.h"

struct root_places {
  struct system_store *system;
  struct root_place *items;
  size_t num;
};

// Chromium reads ~/.pki/nssdb, and where that is not there,
// ~/.local/share/pki/nssdb. What is confined has a home of its own.
static const struct {
  const char *label;
  const char *home;  // in the user's
  const char *data;  // in that
} kChromiums[] = {
    {"Chromium and its kin", "", ".local/share"},
    {"Chromium (Snap)", "snap/chromium/current", ".local/share"},
    {"Brave (Snap)", "snap/brave/current", ".local/share"},
    {"Chromium (Flatpak)", ".var/app/org.chromium.Chromium", "data"},
    {"Chrome (Flatpak)", ".var/app/com.google.Chrome", "data"},
    {"Brave (Flatpak)", ".var/app/com.brave.Browser", "data"},
    {"Edge (Flatpak)", ".var/app/com.microsoft.Edge", "data"},
    {"Vivaldi (Flatpak)", ".var/app/com.vivaldi.Vivaldi", "data"},
    {"Ungoogled Chromium (Flatpak)",
     ".var/app/io.github.ungoogled_software.ungoogled_chromium", "data"},
};

static const struct {
  const char *label;
  const char *dir;
} kFirefoxes[] = {
    {"Firefox", ".mozilla/firefox"},
    {"Firefox", NULL},  // in $XDG_CONFIG_HOME
    {"Firefox (Snap)", "snap/firefox/common/.mozilla/firefox"},
    {"Firefox (Snap)", "snap/firefox/common/.config/mozilla/firefox"},
    {"Firefox (Flatpak)", ".var/app/org.mozilla.firefox/.mozilla/firefox"},
    {"Firefox (Flatpak)",
     ".var/app/org.mozilla.firefox/config/mozilla/firefox"},
};

enum {
  kNumChromiums = sizeof(kChromiums) / sizeof(kChromiums[0]),
  kNumFirefoxes = sizeof(kFirefoxes) / sizeof(kFirefoxes[0]),
};

static bool is_directory(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

// is_listed goes by what the paths lead to: one may be a link to another.
static bool is_listed(const struct root_places *places, const char *path) {
  char *real = realpath(path, NULL);
  bool found = false;
  for (size_t i = 0; real != NULL && i < places->num && !found; i++) {
    char *other = realpath(places->items[i].path, NULL);
    found = other != NULL && strcmp(real, other) == 0;
    free(other);
  }
  free(real);
  return found;
}

// add takes both strings.
static void add(struct root_places *places, char *label, char *path,
                const struct system_store *system) {
  if (is_listed(places, path)) {
    free(label);
    free(path);
    return;
  }
  places->items =
      xrealloc(places->items, (places->num + 1) * sizeof(*places->items));
  places->items[places->num++] = (struct root_place){label, path, system};
}

static const char *absolute_or_null(const char *path) {
  return path != NULL && path[0] == '/' ? path : NULL;
}

// add_chromium adds the databases that are there, or else the one that every
// version of Chromium reads.
static void add_chromium(struct root_places *places, const char *label,
                         const char *home, const char *data) {
  char *old = text_format("%s/.pki/nssdb", home);
  char *new = text_format("%s/pki/nssdb", data);
  bool has_new = nss_database_exists(new);
  if (nss_database_exists(old) || !has_new) {
    add(places, xstrdup(label), xstrdup(old), NULL);
  }
  if (has_new) {
    add(places, xstrdup(label), xstrdup(new), NULL);
  }
  free(old);
  free(new);
}

static void add_chromiums(struct root_places *places,
                          const struct root_home *where) {
  for (size_t i = 0; i < kNumChromiums; i++) {
    bool is_confined = kChromiums[i].home[0] != '\0';
    char *home = is_confined
                     ? text_format("%s/%s", where->home, kChromiums[i].home)
                     : xstrdup(where->home);
    const char *given = absolute_or_null(where->data_home);
    char *data = !is_confined && given != NULL
                     ? xstrdup(given)
                     : text_format("%s/%s", home, kChromiums[i].data);
    if (!is_confined || is_directory(home)) {
      add_chromium(places, kChromiums[i].label, home, data);
    }
    free(home);
    free(data);
  }
}

struct firefox {
  struct root_places *places;
  const char *label;
};

static void on_profile(void *owner, const char *path) {
  const struct firefox *f = owner;
  const char *slash = strrchr(path, '/');
  add(f->places,
      text_format("%s, profile %s", f->label, slash == NULL ? path : slash + 1),
      xstrdup(path), NULL);
}

static void add_firefoxes(struct root_places *places,
                          const struct root_home *where) {
  const char *given = absolute_or_null(where->config_home);
  for (size_t i = 0; i < kNumFirefoxes; i++) {
    char *dir;
    if (kFirefoxes[i].dir != NULL) {
      dir = text_format("%s/%s", where->home, kFirefoxes[i].dir);
    } else if (given != NULL) {
      dir = text_format("%s/mozilla/firefox", given);
    } else {
      dir = text_format("%s/.config/mozilla/firefox", where->home);
    }
    firefox_profiles_find(dir, on_profile,
                          &(struct firefox){places, kFirefoxes[i].label});
    free(dir);
  }
}

struct root_places *root_places_find(const struct root_home *where) {
  struct root_places *places = xcalloc(1, sizeof(*places));
  places->system = system_store_find(where->system_root);
  add_chromiums(places, where);
  add_firefoxes(places, where);
  if (places->system != NULL) {
    add(places, xstrdup("system: curl, git, Python"),
        xstrdup(system_store_dir(places->system)), places->system);
  }
  return places;
}

void root_places_free(struct root_places *places) {
  for (size_t i = 0; i < places->num; i++) {
    free(places->items[i].label);
    free(places->items[i].path);
  }
  free(places->items);
  system_store_free(places->system);
  free(places);
}

const struct root_place *root_places_all(const struct root_places *places,
                                         size_t *out_num) {
  *out_num = places->num;
  return places->items;
}

bool root_place_exists(const struct root_place *place) {
  return place->system != NULL || nss_database_exists(place->path);
}

bool root_place_look(const struct root_place *place,
                     const struct our_roots *roots,
                     struct our_roots_view *out_view,
                     struct key_error *out_error) {
  return place->system != NULL
             ? system_store_look(place->system, roots, out_view, out_error)
             : nss_store_look(place->path, roots, out_view, out_error);
}

bool root_place_has_traces(const struct root_place *place,
                           const struct our_roots *roots) {
  return place->system == NULL && nss_store_has_traces(place->path, roots);
}

bool root_place_needs_root(const struct root_place *place) {
  return place->system != NULL && !system_store_writable(place->system);
}

bool root_place_trust(const struct root_place *place,
                      const struct our_roots *roots,
                      struct key_error *out_error) {
  return place->system != NULL
             ? system_store_trust(place->system, roots, out_error)
             : nss_store_trust(place->path, roots, out_error);
}

bool root_place_untrust(const struct root_place *place,
                        const struct our_roots *roots,
                        struct key_error *out_error) {
  return place->system != NULL
             ? system_store_untrust(place->system, roots, out_error)
             : nss_store_untrust(place->path, roots, out_error);
}
