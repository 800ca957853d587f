#include "proxy/socks5.h"

#include <arpa/inet.h>
#include <string.h>

enum {
  kVersion = 5,
  kLoginVersion = 1,
  kCommandConnect = 1,
  kAddressIpv4 = 1,
  kAddressDomain = 3,
  kAddressIpv6 = 4,
  kRequestFixedLen = 4,  // version, command, reserved, address type
};

const char *socks5_status_str(enum socks5_status status) {
  static const char *const kTexts[] = {
#define X(name, reply, text) text,
      SOCKS5_STATUSES(X)
#undef X
  };
  return kTexts[status];
}

uint8_t socks5_status_reply(enum socks5_status status) {
  static const uint8_t kReplies[] = {
#define X(name, reply, text) reply,
      SOCKS5_STATUSES(X)
#undef X
  };
  return kReplies[status];
}

enum socks5_status socks5_greeting_read(size_t *out_len,
                                        enum socks5_method method,
                                        const uint8_t *data, size_t len) {
  if (len >= 1 && data[0] != kVersion) {
    return SOCKS5_MALFORMED;
  }
  if (len < 2 || len - 2 < data[1]) {
    return SOCKS5_INCOMPLETE;
  }
  *out_len = 2 + (size_t)data[1];
  bool offered = memchr(data + 2, (int)method, data[1]) != NULL;
  return offered ? SOCKS5_OK : SOCKS5_NO_METHOD;
}

enum socks5_status socks5_login_read(struct socks5_login *out, size_t *out_len,
                                     const uint8_t *data, size_t len) {
  if (len >= 1 && data[0] != kLoginVersion) {
    return SOCKS5_MALFORMED;
  }
  if (len < 2 || len < 3 + (size_t)data[1]) {
    return SOCKS5_INCOMPLETE;
  }
  size_t name_len = data[1];
  size_t password_len = data[2 + name_len];
  if (len < 3 + name_len + password_len) {
    return SOCKS5_INCOMPLETE;
  }
  *out = (struct socks5_login){data + 2, name_len, data + 3 + name_len,
                               password_len};
  *out_len = 3 + name_len + password_len;
  return SOCKS5_OK;
}

void socks5_login_reply_write(uint8_t out[kSocks5LoginReplyLen],
                              bool is_welcome) {
  out[0] = kLoginVersion;
  out[1] = is_welcome ? 0 : 1;
}

// Finds the address, without the length octet of a domain, and its length.
static enum socks5_status find_address(size_t *out_start, size_t *out_len,
                                       const uint8_t *data, size_t len) {
  *out_start = kRequestFixedLen;
  switch (data[3]) {
    case kAddressIpv4:
      *out_len = 4;
      return SOCKS5_OK;
    case kAddressIpv6:
      *out_len = 16;
      return SOCKS5_OK;
    case kAddressDomain:
      if (len <= kRequestFixedLen) {
        return SOCKS5_INCOMPLETE;
      }
      *out_start = kRequestFixedLen + 1;
      *out_len = data[kRequestFixedLen];
      return SOCKS5_OK;
    default:
      return SOCKS5_BAD_ADDRESS_TYPE;
  }
}

static bool read_host(struct authority *out, uint8_t type, const uint8_t *data,
                      size_t len) {
  char text[INET6_ADDRSTRLEN];
  if (type == kAddressDomain) {
    return authority_from_host(out, (const char *)data, len);
  }
  inet_ntop(type == kAddressIpv6 ? AF_INET6 : AF_INET, data, text,
            sizeof(text));
  return authority_from_host(out, text, strlen(text));
}

enum socks5_status socks5_request_read(struct authority *out, size_t *out_len,
                                       const uint8_t *data, size_t len) {
  if (len >= 1 && data[0] != kVersion) {
    return SOCKS5_MALFORMED;
  }
  if (len < kRequestFixedLen) {
    return SOCKS5_INCOMPLETE;
  }
  if (data[1] != kCommandConnect) {
    return SOCKS5_BAD_COMMAND;
  }
  if (data[2] != 0) {
    return SOCKS5_MALFORMED;
  }
  size_t start, address_len;
  enum socks5_status status = find_address(&start, &address_len, data, len);
  if (status != SOCKS5_OK) {
    return status;
  }
  if (len < start + address_len + 2) {
    return SOCKS5_INCOMPLETE;
  }
  const uint8_t *port = data + start + address_len;
  struct authority authority;
  if (!read_host(&authority, data[3], data + start, address_len)) {
    return SOCKS5_BAD_HOST;
  }
  authority.port = (uint16_t)(port[0] << 8 | port[1]);
  if (authority.port == 0) {
    return SOCKS5_BAD_PORT;
  }
  *out = authority;
  *out_len = start + address_len + 2;
  return SOCKS5_OK;
}

void socks5_method_write(uint8_t out[kSocks5MethodLen],
                         enum socks5_method method, enum socks5_status status) {
  out[0] = kVersion;
  out[1] = status == SOCKS5_OK ? (uint8_t)method : 0xff;
}

void socks5_reply_write(uint8_t out[kSocks5ReplyLen], uint8_t reply) {
  memset(out, 0, kSocks5ReplyLen);
  out[0] = kVersion;
  out[1] = reply;
  out[3] = kAddressIpv4;
}
