// status_format writes numbers as people read them, short enough for a column.

#ifndef ECHPROXY_PROXY_STATUS_FORMAT_H
#define ECHPROXY_PROXY_STATUS_FORMAT_H

#include <stdint.h>

enum { kStatusFormatSize = 32 };

// status_format_bytes writes "512 B", "1.2 kB" or "33 MB" (of 1000) and returns
// `out`.
const char *status_format_bytes(char out[kStatusFormatSize], uint64_t bytes);

// status_format_ms writes "0.3 ms", "12 ms" or "1.5 s" and returns `out`.
const char *status_format_ms(char out[kStatusFormatSize], double ms);

// status_format_age writes "12 s", "5 min", "2 h 5 min" or "3 d 4 h" and
// returns `out`.
const char *status_format_age(char out[kStatusFormatSize], uint64_t seconds);

#endif
