#include "proxy/clear_hello.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  kRecordHandshake = 22,  // RFC 9846, section 5.1
  kMessageClientHello = 1,
  kMessageHeaderLen = 4,
  kMaxRecordLen = 16384,
};

void clear_hello_cleanup(struct clear_hello *hello) {
  free(hello->message.data);
  *hello = (struct clear_hello){0};
}

// take_header takes an octet of a record's header. False when it is none of a
// handshake.
static bool take_header(struct clear_hello *hello, uint8_t octet) {
  hello->header[hello->header_len++] = octet;
  if (hello->header[0] != kRecordHandshake ||
      (hello->header_len > 1 && hello->header[1] != 3)) {
    return false;
  }
  if (hello->header_len == sizeof hello->header) {
    hello->record_left = (size_t)hello->header[3] << 8 | hello->header[4];
    hello->header_len = 0;
    return hello->record_left > 0 && hello->record_left <= kMaxRecordLen;
  }
  return true;
}

// read_message_header learns how long the message is. False when it is no
// ClientHello, or too long.
static bool read_message_header(struct clear_hello *hello) {
  const uint8_t *header = hello->message.data;
  if (hello->message.len > 0 && header[0] != kMessageClientHello) {
    return false;
  }
  if (hello->message.len >= kMessageHeaderLen) {
    hello->message_len =
        kMessageHeaderLen +
        ((size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3]);
  }
  return hello->message_len <= kClearHelloMax;
}

// take_body takes what it wants of a record's octets, and returns how many.
static size_t take_body(struct clear_hello *hello, const uint8_t *data,
                        size_t len) {
  size_t whole =
      hello->message_len == 0 ? kMessageHeaderLen : hello->message_len;
  size_t wanted = whole - hello->message.len;
  size_t n = len < hello->record_left ? len : hello->record_left;
  n = n < wanted ? n : wanted;
  bytes_append(&hello->message, data, n);
  hello->record_left -= n;
  return n;
}

enum clear_hello_state clear_hello_read(struct clear_hello *hello,
                                        const uint8_t *data, size_t len) {
  while (len > 0) {
    size_t n = 1;
    if (hello->record_left == 0) {
      if (!take_header(hello, *data)) {
        return CLEAR_HELLO_NONE;
      }
    } else {
      n = take_body(hello, data, len);
      if (hello->message_len == 0 && !read_message_header(hello)) {
        return CLEAR_HELLO_NONE;
      }
      if (hello->message_len != 0 && hello->message.len == hello->message_len) {
        return CLEAR_HELLO_WHOLE;
      }
    }
    data += n;
    len -= n;
  }
  return CLEAR_HELLO_MORE;
}

void clear_hello_name(const struct clear_hello *hello,
                      char out[kClientHelloNameSize]) {
  struct client_hello parsed;
  out[0] = '\0';
  if (client_hello_parse(&parsed, hello->message.data, hello->message.len)) {
    snprintf(out, kClientHelloNameSize, "%s", parsed.server_name);
  }
}
