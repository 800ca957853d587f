#include "net/bytes.h"

#include "net/xalloc.h"

void bytes_append(struct bytes *bytes, const void *data, size_t len) {
  if (len == 0) {
    return;
  }
  if (len > SIZE_MAX / 4 || bytes->len > SIZE_MAX / 4) {
    abort();
  }
  size_t need = bytes->len + len;
  if (need > bytes->cap) {
    bytes->cap = need > bytes->cap * 2 ? need : bytes->cap * 2;
    bytes->data = xrealloc(bytes->data, bytes->cap);
  }
  memcpy(bytes->data + bytes->len, data, len);
  bytes->len = need;
}
