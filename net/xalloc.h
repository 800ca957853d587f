// xalloc is allocation that cannot fail: it aborts when memory is gone, so that
// no caller carries an error path that nobody can test. Lengths that come from
// the wire are bounded before they get here.

#ifndef ECHPROXY_NET_XALLOC_H
#define ECHPROXY_NET_XALLOC_H

#include <stdlib.h>
#include <string.h>

// xcalloc returns `num` zeroed items of `size` bytes, released with `free`.
static inline void *xcalloc(size_t num, size_t size) {
  void *p = calloc(num, size);
  if (p == NULL && num != 0 && size != 0) {
    abort();
  }
  return p;
}

// xrealloc resizes `p` (which may be NULL) to `size` bytes, `size` not 0.
static inline void *xrealloc(void *p, size_t size) {
  p = realloc(p, size);
  if (p == NULL) {
    abort();
  }
  return p;
}

// xmemdup copies `len` bytes of `data`; the copy is released with `free`.
static inline void *xmemdup(const void *data, size_t len) {
  void *p = xrealloc(NULL, len == 0 ? 1 : len);
  if (len != 0) {
    memcpy(p, data, len);
  }
  return p;
}

// xstrdup copies `s`, released with `free`. NULL gives NULL.
static inline char *xstrdup(const char *s) {
  return s == NULL ? NULL : (char *)xmemdup(s, strlen(s) + 1);
}

#endif
