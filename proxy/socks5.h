// socks5 reads what a SOCKS5 client sends and writes what it is told (RFC
// 1928): CONNECT only, without authentication or with a name and a password
// (RFC 1929).

#ifndef ECHPROXY_PROXY_SOCKS5_H
#define ECHPROXY_PROXY_SOCKS5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/authority.h"

#define SOCKS5_STATUSES(X)                                               \
  /* name, reply (RFC 1928, section 6), text */                          \
  X(SOCKS5_OK, 0, "the SOCKS request is well-formed")                    \
  X(SOCKS5_INCOMPLETE, 1, "the SOCKS request did not arrive in whole")   \
  X(SOCKS5_MALFORMED, 1, "the SOCKS request is malformed")               \
  X(SOCKS5_NO_METHOD, 0xff, "the SOCKS client offers no method of ours") \
  X(SOCKS5_BAD_COMMAND, 7, "the SOCKS command is not CONNECT")           \
  X(SOCKS5_BAD_ADDRESS_TYPE, 8, "the SOCKS address type is not known")   \
  X(SOCKS5_BAD_HOST, 4, "the SOCKS request names no valid host")         \
  X(SOCKS5_BAD_PORT, 1, "the SOCKS request names port 0")

enum socks5_status {
#define X(name, reply, text) name,
  SOCKS5_STATUSES(X)
#undef X
};

const char *socks5_status_str(enum socks5_status status);

// socks5_status_reply returns the code for socks5_reply_write.
uint8_t socks5_status_reply(enum socks5_status status);

enum {
  kSocks5GreetingMax = 2 + 255,
  kSocks5RequestMax = 4 + 1 + 255 + 2,
  kSocks5MethodLen = 2,
  kSocks5ReplyLen = 10,
  kSocks5LoginMax = 3 + 255 + 255,
  kSocks5LoginReplyLen = 2,
};

// The two methods that we know, by their codes.
enum socks5_method { SOCKS5_ANYBODY = 0, SOCKS5_PASSWORD = 2 };

// socks5_greeting_read reads the client's first message, which must offer
// `method`; `*out_len` is its length when the outcome is final but for
// SOCKS5_MALFORMED.
enum socks5_status socks5_greeting_read(size_t *out_len,
                                        enum socks5_method method,
                                        const uint8_t *data, size_t len);

// A name and a password, which point into the message and may hold anything.
struct socks5_login {
  const uint8_t *name;
  size_t name_len;  // at most 255, as the next
  const uint8_t *password;
  size_t password_len;
};

// socks5_login_read reads what follows with SOCKS5_PASSWORD: SOCKS5_OK,
// SOCKS5_INCOMPLETE or SOCKS5_MALFORMED.
enum socks5_status socks5_login_read(struct socks5_login *out, size_t *out_len,
                                     const uint8_t *data, size_t len);

// socks5_login_reply_write writes the answer to that.
void socks5_login_reply_write(uint8_t out[kSocks5LoginReplyLen],
                              bool is_welcome);

// socks5_request_read reads the client's last, the request, into `out` and
// `*out_len`.
enum socks5_status socks5_request_read(struct authority *out, size_t *out_len,
                                       const uint8_t *data, size_t len);

// socks5_method_write writes the answer to the greeting: `method`, or with
// SOCKS5_NO_METHOD 'no acceptable methods'.
void socks5_method_write(uint8_t out[kSocks5MethodLen],
                         enum socks5_method method, enum socks5_status status);

// socks5_reply_write writes the answer to the request. The address that it
// could name is left as 0.0.0.0: clients do not need it.
void socks5_reply_write(uint8_t out[kSocks5ReplyLen], uint8_t reply);

#endif
