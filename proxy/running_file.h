// running_file lets the user's own programs find the proxy that runs and read
// what it shows: `STATE_DIR/running/ADDR:PORT` holds the token that its data
// are only given for. Nobody else can read the file. Its name is the address,
// so that it can be used as it is, by Prometheus for one.

#ifndef ECHPROXY_PROXY_RUNNING_FILE_H
#define ECHPROXY_PROXY_RUNNING_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "keys/key_error.h"
#include "net/address.h"

// A token is 32 random octets in base64url (RFC 4648, section 5), and a NUL.
enum { kRunningTokenSize = 44 };

// running_token_make makes a new one.
void running_token_make(char out[kRunningTokenSize]);

// running_file_address returns the address at which this machine reaches a
// proxy that listens at `listen`, which may be that of all interfaces.
struct address running_file_address(const struct address *listen);

struct running_files;

// running_files_write writes the file of each of `addresses`, at which the
// proxy listens, in place of what a proxy that was killed has left there.
// False, with the reason in `out_error`, when one could not be written; the
// others are there. Either way
// `*out` is released with running_files_remove.
bool running_files_write(struct running_files **out, const char *state_dir,
                         const struct address *addresses, size_t num,
                         const char *token, struct key_error *out_error);

// running_files_remove removes those of the files that still hold our token,
// and releases `files`. NULL does nothing.
void running_files_remove(struct running_files *files);

#endif
