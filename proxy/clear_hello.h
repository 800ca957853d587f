// clear_hello reads a ClientHello that a browser sends in the clear, from the
// octets of its connection as they come, so that the status page can show what
// an observer sees of a tunnel that is passed through. It takes bounded memory
// and holds nothing up.

#ifndef ECHPROXY_PROXY_CLEAR_HELLO_H
#define ECHPROXY_PROXY_CLEAR_HELLO_H

#include <stddef.h>
#include <stdint.h>

#include "ech/client_hello.h"
#include "net/bytes.h"

enum { kClearHelloMax = 16 * 1024 };  // a longer one is not read

enum clear_hello_state {
  CLEAR_HELLO_MORE,   // what has come may begin one
  CLEAR_HELLO_WHOLE,  // it is here
  CLEAR_HELLO_NONE,   // it is not TLS, or not TLS that can be read
};

// All zero at first; released with clear_hello_cleanup.
struct clear_hello {
  struct bytes message;  // the handshake message, as far as it has come
  size_t message_len;    // all of it, once that is known; 0: it is not
  uint8_t header[5];     // of a record
  size_t header_len;
  size_t record_left;  // octets of the record that are still to come
};

void clear_hello_cleanup(struct clear_hello *hello);

// clear_hello_read takes the next octets. Once it has returned anything but
// CLEAR_HELLO_MORE, it must not be called again.
enum clear_hello_state clear_hello_read(struct clear_hello *hello,
                                        const uint8_t *data, size_t len);

// clear_hello_name writes the server name of one that is CLEAR_HELLO_WHOLE, ""
// when it has none.
void clear_hello_name(const struct clear_hello *hello,
                      char out[kClientHelloNameSize]);

#endif
