// root_change goes through the stores of roots that this user's programs read,
// makes each trust the local CA or rid of it, and says what it did: what
// `trust`, `untrust` and `ca --rotate` have in common.

#ifndef ECHPROXY_PROXY_ROOT_CHANGE_H
#define ECHPROXY_PROXY_ROOT_CHANGE_H

#include <stdbool.h>
#include <stdio.h>

#include "keys/key_error.h"

enum root_change_kind {
  ROOT_CHANGE_LIST,     // says what is there
  ROOT_CHANGE_TRUST,    // the CA is trusted, those that it replaced are removed
  ROOT_CHANGE_UNTRUST,  // all of them are removed
};

struct root_change {
  enum root_change_kind kind;
  const char *state_dir;
  const char *command;  // whose messages these are
  FILE *out;            // gets a line for each store
  bool dry_run;         // says what would be done
  bool all;             // UNTRUST: CAs of other state directories too
  bool only_changes;    // is silent about stores that need none
};

// What is left to do.
struct root_change_result {
  size_t num_changed;   // or would be, in a dry run
  size_t num_failed;    // each told on standard error
  size_t num_for_root;  // each told with the command to type
  size_t num_trusting;  // of the user's own stores
  size_t num_own;       // the user's own stores
};

// root_change_allowed says whether this is the user whose stores they are.
// False with the reason in `out_error`: no home directory, that of another
// user, or root in a user's place.
bool root_change_allowed(struct key_error *out_error);

// root_change_run does it. False with the reason in `out_error` when it cannot
// begin: it is not allowed, or the CA cannot be read.
bool root_change_run(const struct root_change *change,
                     struct root_change_result *out_result,
                     struct key_error *out_error);

#endif
