// hex_hello makes ClientHellos out of extensions in hex, for tests of what
// reads them.

#ifndef ECHPROXY_TESTS_SUPPORT_HEX_HELLO_H
#define ECHPROXY_TESTS_SUPPORT_HEX_HELLO_H

#include "support/hex.h"

enum { kHexHelloSize = 4096 };

// hex_hello makes the handshake message of a ClientHello of `extensions`, as
// "type length body" in hex, or without an extension block when it is NULL. It
// returns the length.
static inline size_t hex_hello(uint8_t out[kHexHelloSize],
                               const char *extensions) {
  size_t len = hex_decode(
      out, kHexHelloSize,
      "01 000000 0303 "
      "0000000000000000000000000000000000000000000000000000000000000000 "
      "00 0002 1301 01 00");
  if (extensions != NULL) {
    size_t body_len =
        hex_decode(out + len + 2, kHexHelloSize - len - 2, extensions);
    out[len] = (uint8_t)(body_len >> 8);
    out[len + 1] = (uint8_t)body_len;
    len += 2 + body_len;
  }
  out[2] = (uint8_t)((len - 4) >> 8);
  out[3] = (uint8_t)(len - 4);
  return len;
}

#endif
