// scratch is the directory of one test, with the files that its peers read.

#ifndef ECHPROXY_TESTS_SUPPORT_SCRATCH_H
#define ECHPROXY_TESTS_SUPPORT_SCRATCH_H

#include <stddef.h>

#include "support/test_cert.h"

struct scratch;

// scratch_new makes an empty directory. scratch_free removes it with all that
// is in it, and releases every string that functions of `scratch` returned.
struct scratch *scratch_new(void);
void scratch_free(struct scratch *scratch);

// scratch_format returns a text in printf's form that lives as long as
// `scratch`.
__attribute__((format(printf, 2, 3))) const char *scratch_format(
    struct scratch *scratch, const char *format, ...);

// scratch_path returns the path of the file `name` in the directory, whether it
// exists or not.
const char *scratch_path(struct scratch *scratch, const char *name);

// scratch_dir makes a directory in the directory and returns its path.
const char *scratch_dir(struct scratch *scratch, const char *name);

// scratch_write writes a file with mode 0600 and returns its path.
const char *scratch_write(struct scratch *scratch, const char *name,
                          const void *data, size_t len);

// scratch_read returns a file's bytes with a NUL after them, or NULL. `out_len`
// may be NULL.
const char *scratch_read(struct scratch *scratch, const char *path,
                         size_t *out_len);

// scratch_cert writes NAME.crt and NAME.key, PEM. Their paths are
// scratch_path's.
void scratch_cert(struct scratch *scratch, const char *name,
                  const struct test_cert *cert);

#endif
