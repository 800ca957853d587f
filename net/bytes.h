// bytes is a buffer of bytes that grows.

#ifndef ECHPROXY_NET_BYTES_H
#define ECHPROXY_NET_BYTES_H

#include <stddef.h>
#include <stdint.h>

// `data` is released with `free`.
struct bytes {
  uint8_t *data;
  size_t len;
  size_t cap;
};

// bytes_append copies `len` bytes of `data` to the end of `bytes`.
void bytes_append(struct bytes *bytes, const void *data, size_t len);

#endif
