// user_list is who may use the proxy when it asks for a name and a password: a
// file of lines NAME:PASSWORD. No password is kept, only a keyed digest of each
// line. It never changes, and so is thread-safe.

#ifndef ECHPROXY_PROXY_USER_LIST_H
#define ECHPROXY_PROXY_USER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/key_error.h"

enum {
  kUserListMaxUsers = 1000,
  kUserListMaxText = 255,  // octets of a name or a password (RFC 1929)
  kUserListMaxFile = 1024 * 1024,
};

struct user_list;

// user_list_read reads the file `path`, which nobody but its owner may read or
// write to. Blank lines and lines that begin with '#' do not count. NULL with
// the reason in `out_error`, which names the line and repeats nothing of it.
struct user_list *user_list_read(const char *path, struct key_error *out_error);

// user_list_free releases `users`. NULL does nothing.
void user_list_free(struct user_list *users);

// user_list_has says whether the `len` octets of `credentials`, NAME:PASSWORD,
// are those of a user. How long it takes depends on `len` and on how many users
// there are, and on nothing else.
bool user_list_has(const struct user_list *users, const uint8_t *credentials,
                   size_t len);

// user_list_hash returns a number that `data` and a secret of `users` make.
uint32_t user_list_hash(const struct user_list *users, const uint8_t *data,
                        size_t len);

#endif
