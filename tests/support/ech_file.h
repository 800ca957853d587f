// ech_file gives servers ECH keys in the formats that they read.

#ifndef ECHPROXY_TESTS_SUPPORT_ECH_FILE_H
#define ECHPROXY_TESTS_SUPPORT_ECH_FILE_H

#include "keys/ech_key.h"
#include "support/scratch.h"

// ech_file_write writes `key` in `format` as the file `name`, and NAME.config
// where the format has a second file, and returns the path.
const char *ech_file_write(struct scratch *scratch, const char *name,
                           const struct ech_key *key,
                           enum ech_key_format format);

#endif
