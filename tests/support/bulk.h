// bulk is 64 MiB of which no two blocks are alike, the same that site.py serves
// and its page makes.

#ifndef ECHPROXY_TESTS_SUPPORT_BULK_H
#define ECHPROXY_TESTS_SUPPORT_BULK_H

#include <stddef.h>
#include <stdint.h>

enum { kBulkSize = 64 << 20 };

// bulk_new returns kBulkSize bytes, released with free.
uint8_t *bulk_new(void);

// bulk_hash writes the SHA-256 of `data` in hexadecimal, with a NUL, and
// returns `out`.
const char *bulk_hash(char out[65], const void *data, size_t len);

#endif
