// root_places is all the stores of roots that one user's programs read: the
// system's, and those of every Chromium and Firefox in the home directory,
// Snap's and Flatpak's too.

#ifndef ECHPROXY_ROOTS_ROOT_PLACES_H
#define ECHPROXY_ROOTS_ROOT_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "keys/key_error.h"
#include "roots/our_roots.h"

struct system_store;

// Where to look. Relative XDG directories are as good as none.
struct root_home {
  const char *home;         // an absolute path
  const char *config_home;  // $XDG_CONFIG_HOME, or NULL
  const char *data_home;    // $XDG_DATA_HOME, or NULL
  const char *system_root;  // the system's root directory, "" for "/"
};

// One store. Its strings live as long as the list.
struct root_place {
  char *label;  // whose it is, as in "Firefox, profile abcd.default"
  char *path;
  const struct system_store *system;  // NULL: a database of NSS
};

struct root_places;

// root_places_find finds them; released with root_places_free. A Chromium that
// has no database yet is there with the one that it will read.
struct root_places *root_places_find(const struct root_home *where);
void root_places_free(struct root_places *places);

// root_places_all returns the stores, borrowed while `places` lives.
const struct root_place *root_places_all(const struct root_places *places,
                                         size_t *out_num);

// root_place_exists says whether the store is there, or would have to be made.
bool root_place_exists(const struct root_place *place);

// root_place_look says what a store has of ours. False with the reason in
// `out_error`.
bool root_place_look(const struct root_place *place,
                     const struct our_roots *roots,
                     struct our_roots_view *out_view,
                     struct key_error *out_error);

// root_place_has_traces says whether bytes of our roots are left in a store
// that has none of them.
bool root_place_has_traces(const struct root_place *place,
                           const struct our_roots *roots);

// root_place_needs_root says whether only root may change the store, and we are
// not root.
bool root_place_needs_root(const struct root_place *place);

// root_place_trust and root_place_untrust are nss_store's or system_store's
// functions of those names.
bool root_place_trust(const struct root_place *place,
                      const struct our_roots *roots,
                      struct key_error *out_error);
bool root_place_untrust(const struct root_place *place,
                        const struct our_roots *roots,
                        struct key_error *out_error);

#endif
