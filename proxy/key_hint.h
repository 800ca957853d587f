// key_hint helps whoever has written a key of the configuration file wrong: it
// finds the one that was likely meant.

#ifndef ECHPROXY_PROXY_KEY_HINT_H
#define ECHPROXY_PROXY_KEY_HINT_H

#include <stddef.h>

enum { kKeyHintSize = 256 };

// key_hint_write says in `out` what to write in place of the key `name`, which
// the section `section` does not have ("site" for [site "PATTERN"]): the key
// nearest to it, the section that has it, or, where nothing is near, all keys.
void key_hint_write(char out[kKeyHintSize], const char *section,
                    const char *name);

// key_hint_distance returns how many letters must be added, dropped, replaced
// or swapped with the next to make `b`, of at most 31 letters, of `a`.
size_t key_hint_distance(const char *a, const char *b);

#endif
