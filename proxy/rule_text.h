// rule_text changes the mode of one site's section in the text of a
// configuration file, and leaves every other octet as the user wrote it. It
// reads lines as config_file does, and is a pure function.

#ifndef ECHPROXY_PROXY_RULE_TEXT_H
#define ECHPROXY_PROXY_RULE_TEXT_H

#include <stddef.h>

#include "net/bytes.h"

// rule_text_set appends to `out` the `len` octets of `text` with
// `mode = MODE` in [site "HOST"], or, where `mode` is NULL, without it: a
// section in which nothing is left goes too. `host` is spelled as struct
// authority does. It returns the number of the line that has the mode now, or 0
// when none has.
int rule_text_set(struct bytes *out, const char *text, size_t len,
                  const char *host, const char *mode);

#endif
