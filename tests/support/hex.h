// hex turns "00 0a ff" into octets, so that test vectors stand in the tests as
// the RFCs print them.

#ifndef ECHPROXY_TESTS_SUPPORT_HEX_H
#define ECHPROXY_TESTS_SUPPORT_HEX_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// hex_decode writes the octets of `text`, in which spaces do not count, and
// returns how many they are.
static inline size_t hex_decode(uint8_t *out, size_t out_size,
                                const char *text) {
  size_t len = 0;
  unsigned octet;
  int used;
  while (sscanf(text, " %2x%n", &octet, &used) == 1) {
    assert(len < out_size);
    out[len++] = (uint8_t)octet;
    text += used;
  }
  return len;
}

#endif
