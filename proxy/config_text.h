// config_text writes configuration files, from the tables of their keys
// (setting.h, site_setting.h): the one to begin with, and what is in force.

#ifndef ECHPROXY_PROXY_CONFIG_TEXT_H
#define ECHPROXY_PROXY_CONFIG_TEXT_H

#include "net/bytes.h"
#include "proxy/options.h"

// config_text_initial appends a file that explains every key and sets none.
// `#key = value` in it is a default, `# key = value` an example.
void config_text_initial(struct bytes *out);

// config_text_effective appends what `options`, which were parsed, say, as a
// file, with a comment behind each value that says where it comes from.
void config_text_effective(struct bytes *out, const struct options *options);

#endif
