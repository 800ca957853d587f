// config_file reads the configuration file, which is INI: [proxy] and
// [resolver], with a key for every option that `run` has, and a section
// [site "PATTERN"] for each site that wants its own (docs/CONFIGURATION.md).

#ifndef ECHPROXY_PROXY_CONFIG_FILE_H
#define ECHPROXY_PROXY_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/options.h"

// config_file_load applies the settings in `path` to `options`. Anything in it
// that is not understood is an error that names the file and the line, and so
// is a file that it names and that cannot be used.
bool config_file_load(struct options *options, struct options_error *out_error,
                      const char *path);

// config_file_check says whether the file would be understood if the `len`
// octets of `text` were in it, with the mode that it has. Nothing is applied.
bool config_file_check(struct options_error *out_error, const char *path,
                       const char *text, size_t len);

// config_file_path returns where the user's own file belongs, released with
// `free`, whether it exists or not; NULL when there is no home directory.
char *config_file_path(void);

// config_file_default returns the same, but NULL when there is no such file.
char *config_file_default(void);

#endif
