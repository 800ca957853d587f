// fuzz is what the fuzz targets share. Each target is one file that defines
// LLVMFuzzerTestOneInput: libFuzzer calls it with what it makes up, and
// replay.c with the files of its corpus.

#ifndef ECHPROXY_TESTS_FUZZ_FUZZ_H
#define ECHPROXY_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// fuzz_require ends the program when what must always hold does not.
static inline void fuzz_require(bool holds) {
  if (!holds) {
    abort();
  }
}

static inline bool fuzz_same(const void *a, size_t a_len, const void *b,
                             size_t b_len) {
  return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

#endif
