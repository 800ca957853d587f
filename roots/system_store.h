// system_store is the store of roots that the distribution keeps for programs
// such as curl, git and Python: a directory for added roots, and a program that
// puts them together into the file that those programs read.

#ifndef ECHPROXY_ROOTS_SYSTEM_STORE_H
#define ECHPROXY_ROOTS_SYSTEM_STORE_H

#include <stdbool.h>

#include "keys/key_error.h"
#include "roots/our_roots.h"

struct system_store;

// system_store_find finds the store of the system whose root directory is
// `root` ("" for the one that runs), NULL when it is none of those that are
// known: Debian's, Fedora's, Arch's. Released with system_store_free.
struct system_store *system_store_find(const char *root);
void system_store_free(struct system_store *store);

// system_store_dir is the directory for added roots, borrowed.
const char *system_store_dir(const struct system_store *store);

// system_store_look says what it has of ours. False with the reason in
// `out_error`.
bool system_store_look(const struct system_store *store,
                       const struct our_roots *roots,
                       struct our_roots_view *out_view,
                       struct key_error *out_error);

// system_store_writable says whether we may change it.
bool system_store_writable(const struct system_store *store);

// system_store_command returns what a person types who may change it, so that
// the current root is trusted (`trust`), or not, and the others are gone. NULL
// when nothing has to be changed. Released with `free`.
char *system_store_command(const struct system_store *store,
                           const struct our_roots *roots, bool trust);

// system_store_trust makes the current root trusted and removes former ones,
// system_store_untrust removes them all. False with the reason in `out_error`.
bool system_store_trust(const struct system_store *store,
                        const struct our_roots *roots,
                        struct key_error *out_error);
bool system_store_untrust(const struct system_store *store,
                          const struct our_roots *roots,
                          struct key_error *out_error);

#endif
