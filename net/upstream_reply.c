#include "net/upstream_reply.h"

#include <stdbool.h>
#include <string.h>
#include <uv.h>

int upstream_reply_method(const uint8_t *data, size_t len, size_t *out_used) {
  if (len > 0 && data[0] != 5) {
    return UV_EPROTO;
  }
  if (len < 2) {
    return UV_EAGAIN;
  }
  if (data[1] == 0xff) {  // none of those that we offer
    return UV_EACCES;
  }
  if (data[1] != kSocks5NoPassword && data[1] != kSocks5Password) {
    return UV_EPROTO;
  }
  *out_used = 2;
  return 0;
}

int upstream_reply_password(const uint8_t *data, size_t len, size_t *out_used) {
  if (len > 0 && data[0] != 1) {
    return UV_EPROTO;
  }
  if (len < 2) {
    return UV_EAGAIN;
  }
  *out_used = 2;
  return data[1] == 0 ? 0 : UV_EACCES;
}

// RFC 1928, section 6.
static int socks5_refusal(uint8_t reply) {
  static const int kErrors[] = {
      [1] = UV_EIO,          [2] = UV_EPERM,        [3] = UV_ENETUNREACH,
      [4] = UV_EHOSTUNREACH, [5] = UV_ECONNREFUSED, [6] = UV_EHOSTUNREACH,
      [7] = UV_ENOTSUP,      [8] = UV_EAFNOSUPPORT,
  };
  return reply < sizeof(kErrors) / sizeof(kErrors[0]) ? kErrors[reply] : UV_EIO;
}

int upstream_reply_socks5(const uint8_t *data, size_t len, size_t *out_used) {
  static const size_t kPortLen = 2;
  if ((len > 0 && data[0] != 5) || (len > 2 && data[2] != 0)) {
    return UV_EPROTO;
  }
  if (len > 1 && data[1] != 0) {
    return socks5_refusal(data[1]);
  }
  if (len < 5) {
    return len == 4 && data[3] != 1 && data[3] != 3 && data[3] != 4 ? UV_EPROTO
                                                                    : UV_EAGAIN;
  }
  size_t address_len;
  switch (data[3]) {
    case 1:
      address_len = 4;
      break;
    case 3:
      address_len = 1 + (size_t)data[4];
      break;
    case 4:
      address_len = 16;
      break;
    default:
      return UV_EPROTO;
  }
  *out_used = 4 + address_len + kPortLen;
  return len < *out_used ? UV_EAGAIN : 0;
}

static int http_refusal(unsigned status) {
  switch (status) {
    case 401:  // as some proxies have it
    case 407:
      return UV_EACCES;
    case 403:
      return UV_EPERM;
    case 405:
    case 501:
      return UV_ENOTSUP;
    case 502:
    case 503:
      return UV_EHOSTUNREACH;
    case 504:
      return UV_ETIMEDOUT;
    default:
      return UV_EIO;
  }
}

// Finds the line that begins at `pos`: 0 and where the next one begins, or
// UV_EAGAIN, or UV_EPROTO when it holds what no line of a head holds.
static int find_line(const uint8_t *data, size_t len, size_t pos,
                     size_t *out_next) {
  for (; pos < len; pos++) {
    uint8_t c = data[pos];
    if (c == '\r') {
      if (pos + 1 == len) {
        return UV_EAGAIN;
      }
      *out_next = pos + 2;
      return data[pos + 1] == '\n' ? 0 : UV_EPROTO;
    }
    if ((c < 0x20 && c != '\t') || c == 0x7f) {
      return UV_EPROTO;
    }
  }
  return UV_EAGAIN;
}

// RFC 9112, section 4: "HTTP/1.1 200 Reason", the reason and the blank before
// it often left out. Looks at what is there of it.
static bool is_status_line(const uint8_t *line, size_t len) {
  static const char kShape[] = "HTTP/1.v ddd ";
  for (size_t i = 0; i < len && kShape[i] != '\0'; i++) {
    uint8_t c = line[i];
    bool ok = kShape[i] == 'v'   ? c == '0' || c == '1'
              : kShape[i] == 'd' ? c >= '0' && c <= '9'
              : i == 12          ? c == ' ' || c == '\r'
                                 : c == (uint8_t)kShape[i];
    if (!ok) {
      return false;
    }
  }
  return true;
}

// Reads the head at `pos`: its status, and where it ends.
static int read_head(const uint8_t *data, size_t len, size_t pos,
                     unsigned *out_status, size_t *out_end) {
  static const size_t kStatusAt = 9;
  const uint8_t *line = data + pos;
  size_t next;
  if (!is_status_line(line, len - pos)) {
    return UV_EPROTO;
  }
  int err = find_line(data, len, pos, &next);
  if (err != 0) {
    return err;
  }
  *out_status = (line[kStatusAt] - 48u) * 100 +
                (line[kStatusAt + 1] - 48u) * 10 + (line[kStatusAt + 2] - 48u);
  if (*out_status < 100 || *out_status == 101) {  // we asked for no upgrade
    return UV_EPROTO;
  }
  if (*out_status >= 300) {
    return http_refusal(*out_status);
  }
  do {
    pos = next;
    err = find_line(data, len, pos, &next);
  } while (err == 0 && next - pos > 2);
  *out_end = next;
  return err;
}

int upstream_reply_http(const uint8_t *data, size_t len, size_t *out_used) {
  size_t pos = 0;
  unsigned status = 0;
  int err;
  size_t bounded = len < kUpstreamReplyMax ? len : kUpstreamReplyMax;
  do {
    err = read_head(data, bounded, pos, &status, &pos);
  } while (err == 0 && status < 200);  // RFC 9110, section 15.2
  if (err == UV_EAGAIN && len >= kUpstreamReplyMax) {
    return UV_EPROTO;
  }
  *out_used = pos;
  return err;
}
