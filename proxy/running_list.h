// running_list finds the user's proxies that run with one state directory, by
// the files that they leave in it while they do (running_file.h): a file's name
// is the address, and its content the token that opens what the proxy shows.

#ifndef ECHPROXY_PROXY_RUNNING_LIST_H
#define ECHPROXY_PROXY_RUNNING_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/key_error.h"
#include "net/address.h"

enum {
  kRunningListMax = 32,
  kRunningListTokenSize = 129,  // the longest that is taken, and a NUL
};

// What one file says. The proxy may have been killed since.
struct running {
  struct address address;  // that it listens at
  char token[kRunningListTokenSize];
  int64_t written_ns;  // when the file was
};

// running_list_read reads what is in `state_dir`, the newest first, and returns
// how many there are. Files that others could have written or read, and those
// that hold no token, are left out: `out_error` then says of one of them why,
// and is "" otherwise.
size_t running_list_read(struct running out[kRunningListMax],
                         const char *state_dir, struct key_error *out_error);

// running_reach gives the address to ask at: that of loopback for one that
// stands for all. False when it is none of this machine's, or no more: the
// token is never sent off it.
bool running_reach(struct address *out, const struct running *running);

// running_list_wipe overwrites the tokens.
void running_list_wipe(struct running list[kRunningListMax]);

#endif
