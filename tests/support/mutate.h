// mutate feeds a parser what a hostile peer might send instead of a good
// message. Each variant is a heap block of exactly its own size, so that
// AddressSanitizer sees the first octet that is read too far.

#ifndef ECHPROXY_TESTS_SUPPORT_MUTATE_H
#define ECHPROXY_TESTS_SUPPORT_MUTATE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef void mutate_cb(void *owner, const uint8_t *bytes, size_t len);

static inline void mutate_one(const uint8_t *good, size_t len, size_t at,
                              uint8_t change, mutate_cb *check, void *owner) {
  uint8_t *bytes = malloc(len == 0 ? 1 : len);
  memcpy(bytes, good, len);
  if (change != 0) {
    bytes[at] ^= change;
  }
  check(owner, bytes, len);
  free(bytes);
}

// mutate_truncate runs `check` on every proper prefix of `good`.
static inline void mutate_truncate(const uint8_t *good, size_t len,
                                   mutate_cb *check, void *owner) {
  for (size_t short_len = 0; short_len < len; short_len++) {
    mutate_one(good, short_len, 0, 0, check, owner);
  }
}

// mutate_change runs `check` on `good` with one octet changed: to each of the
// 255 other values, one after the other.
static inline void mutate_change(const uint8_t *good, size_t len,
                                 mutate_cb *check, void *owner) {
  for (size_t at = 0; at < len; at++) {
    for (unsigned change = 1; change < 256; change++) {
      mutate_one(good, len, at, (uint8_t)change, check, owner);
    }
  }
}

// mutate_flip is mutate_change for checks that take long: one bit at a time.
static inline void mutate_flip(const uint8_t *good, size_t len,
                               mutate_cb *check, void *owner) {
  for (size_t at = 0; at < len; at++) {
    for (unsigned bit = 0; bit < 8; bit++) {
      mutate_one(good, len, at, (uint8_t)(1u << bit), check, owner);
    }
  }
}

// mutate_insert runs `check` on `good` with one octet put in at every place.
static inline void mutate_insert(const uint8_t *good, size_t len,
                                 mutate_cb *check, void *owner) {
  for (size_t at = 0; at <= len; at++) {
    uint8_t *bytes = malloc(len + 1);
    memcpy(bytes, good, at);
    bytes[at] = 0;
    memcpy(bytes + at + 1, good + at, len - at);
    check(owner, bytes, len + 1);
    free(bytes);
  }
}

#endif
