// ca_files is where the local CA is on disk, and how its two files are made:
// what ca, which opens them, and ca_rotation, which replaces them, share.

#ifndef ECHPROXY_KEYS_CA_FILES_H
#define ECHPROXY_KEYS_CA_FILES_H

#include <stdbool.h>

#include "keys/key_error.h"

enum { kCaFilesMax = 64 * 1024 };  // bytes of each

struct ca_files {
  char *dir;
  char *certificate;  // ca.pem
  char *key;          // ca-key.pem
  char *former;       // ca-former.pem: certificates of CAs that were replaced
  char *lock;         // ca.lock, held by whoever changes one of the others
};

// ca_files_init fills in the paths in `state_dir`. False when out of memory;
// either way `files` is then released with ca_files_cleanup.
bool ca_files_init(struct ca_files *files, const char *state_dir);
void ca_files_cleanup(struct ca_files *files);

// ca_files_exists says whether something has the name `path`. What we may not
// see exists, so that reading it tells the reason.
bool ca_files_exists(const char *path);

// ca_files_lock waits for the lock and returns a descriptor, which is closed to
// let it go. -1 with the reason in `out_error`.
int ca_files_lock(const struct ca_files *files, struct key_error *out_error);

// ca_files_begin notes under the lock `fd` that files are being made where
// there are none, and ca_files_end that they are. What a program was killed
// over in between is nobody's CA yet, and ca_files_was_cut says that there is
// such. ca_files_begin fails with the reason in `out_error`.
bool ca_files_begin(int fd, const struct ca_files *files,
                    struct key_error *out_error);
void ca_files_end(int fd);
bool ca_files_was_cut(int fd);

// ca_files_make_pair makes a CA and writes both files, the key first. With
// `may_replace` it takes the place of the one that is there. The caller holds
// the lock.
bool ca_files_make_pair(const struct ca_files *files, bool may_replace,
                        struct key_error *out_error);

#endif
