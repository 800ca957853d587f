#include "net/upstream_connect.h"

#include <assert.h>
#include <openssl/base64.h>
#include <openssl/mem.h>
#include <stdio.h>

#include "net/dial.h"
#include "net/upstream_reply.h"
#include "net/xalloc.h"

enum {
  // The user's own proxy is near, or a SYN was lost and is sent again after a
  // second.
  kReachTimeoutMs = 2500,
  kRequestSize = 1024,  // of any request: the credentials are bounded
};

enum step {
  REACH_PROXY,
  SOCKS5_METHOD,
  SOCKS5_PASSWORD,
  SOCKS5_CONNECT,
  HTTP_CONNECT,
};

struct upstream_connect {
  struct worker *worker;
  const struct upstream *upstream;
  struct address target;
  upstream_connect_cb *done;
  void *owner;
  enum step step;
  struct dial *dial;      // one of these two at a time
  struct stream *stream;  //
  struct bytes got;       // of the step's reply
};

static size_t write_method(const struct upstream_connect *c, uint8_t *out);
static size_t write_password(const struct upstream_connect *c, uint8_t *out);
static size_t write_socks5(const struct upstream_connect *c, uint8_t *out);
static size_t write_http(const struct upstream_connect *c, uint8_t *out);

// A step behind REACH_PROXY is one request and its reply. SOCKS5 goes from the
// method to the password, when the proxy wants one, and to the connection.
static const struct {
  size_t (*write)(const struct upstream_connect *c, uint8_t *out);
  int (*read)(const uint8_t *data, size_t len, size_t *out_used);
} kSteps[] = {
    [SOCKS5_METHOD] = {write_method, upstream_reply_method},
    [SOCKS5_PASSWORD] = {write_password, upstream_reply_password},
    [SOCKS5_CONNECT] = {write_socks5, upstream_reply_socks5},
    [HTTP_CONNECT] = {write_http, upstream_reply_http},
};

static bool has_credentials(const struct upstream_connect *c) {
  return c->upstream->user[0] != '\0';
}

// RFC 1928, section 3.
static size_t write_method(const struct upstream_connect *c, uint8_t *out) {
  size_t len = 0;
  out[len++] = 5;
  out[len++] = has_credentials(c) ? 2 : 1;
  out[len++] = kSocks5NoPassword;
  if (has_credentials(c)) {
    out[len++] = kSocks5Password;
  }
  return len;
}

static size_t write_counted(uint8_t *out, const char *text) {
  size_t len = strlen(text);
  out[0] = (uint8_t)len;
  memcpy(out + 1, text, len);
  return len + 1;
}

// RFC 1929, section 2.
static size_t write_password(const struct upstream_connect *c, uint8_t *out) {
  size_t len = 0;
  out[len++] = 1;
  len += write_counted(out + len, c->upstream->user);
  return len + write_counted(out + len, c->upstream->password);
}

// RFC 1928, section 4, with an address and never a name.
static size_t write_socks5(const struct upstream_connect *c, uint8_t *out) {
  static const uint8_t kHead[] = {5, 1, 0};
  const struct address *target = &c->target;
  size_t ip_len = target->is_ipv6 ? 16 : 4;
  size_t len = sizeof(kHead);
  memcpy(out, kHead, len);
  out[len++] = target->is_ipv6 ? 4 : 1;
  memcpy(out + len, target->ip, ip_len);
  len += ip_len;
  out[len++] = (uint8_t)(target->port >> 8);
  out[len++] = (uint8_t)target->port;
  return len;
}

// RFC 7617, section 2.
static size_t write_basic(const struct upstream_connect *c, char *out) {
  static const char kField[] = "Proxy-Authorization: Basic ";
  char pair[2 * kUpstreamCredentialSize];
  size_t len = sizeof(kField) - 1;
  int pair_len = snprintf(pair, sizeof(pair), "%s:%s", c->upstream->user,
                          c->upstream->password);
  memcpy(out, kField, len);
  len += EVP_EncodeBlock((uint8_t *)out + len, (const uint8_t *)pair,
                         (size_t)pair_len);
  OPENSSL_cleanse(pair, sizeof(pair));
  memcpy(out + len, "\r\n", 2);
  return len + 2;
}

// RFC 9110, section 9.3.6, with an address and never a name.
static size_t write_http(const struct upstream_connect *c, uint8_t *out) {
  char target[kAddressTextSize];
  char *text = (char *)out;
  address_format(target, &c->target);
  size_t len =
      (size_t)snprintf(text, kRequestSize,
                       "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", target, target);
  if (has_credentials(c)) {
    len += write_basic(c, text + len);
  }
  memcpy(text + len, "\r\n", 2);
  return len + 2;
}

void upstream_connect_cancel(struct upstream_connect *c) {
  if (c != NULL) {
    dial_cancel(c->dial);
    stream_close(c->stream);
    free(c->got.data);
    free(c);
  }
}

// finish tells the outcome and releases `c`.
static void finish(struct upstream_connect *c, int err) {
  upstream_connect_cb *done = c->done;
  void *owner = c->owner;
  struct stream *stream = NULL;
  if (err == 0) {
    stream = c->stream;
    c->stream = NULL;  // handed over
    stream_read_stop(stream);
    stream_set_events(stream, NULL, NULL);
  }
  upstream_connect_cancel(c);
  done(owner, err, stream);
}

static void enter(struct upstream_connect *c, enum step next) {
  uint8_t request[kRequestSize];
  c->step = next;
  c->got.len = 0;
  size_t len = kSteps[next].write(c, request);
  assert(len <= sizeof(request));
  stream_write(c->stream, request, len);
  OPENSSL_cleanse(request, sizeof(request));
}

// The proxy has answered the step's request with the first `used` bytes.
static void on_reply(struct upstream_connect *c, size_t used) {
  bool is_last = c->step == SOCKS5_CONNECT || c->step == HTTP_CONNECT;
  if (is_last) {
    stream_unread(c->stream, c->got.data + used, c->got.len - used);
    finish(c, 0);
  } else if (c->got.len > used) {  // it was not asked for more yet
    finish(c, UV_EPROTO);
  } else if (c->step == SOCKS5_METHOD && c->got.data[1] == kSocks5Password) {
    if (has_credentials(c)) {
      enter(c, SOCKS5_PASSWORD);
    } else {  // it was not offered
      finish(c, UV_EPROTO);
    }
  } else {
    enter(c, SOCKS5_CONNECT);
  }
}

static void on_data(void *owner, const uint8_t *data, size_t len) {
  struct upstream_connect *c = owner;
  size_t used = 0;
  bytes_append(&c->got, data, len);
  int err = kSteps[c->step].read(c->got.data, c->got.len, &used);
  if (err == 0) {
    on_reply(c, used);
  } else if (err != UV_EAGAIN) {
    finish(c, err);
  }
}

static void on_end(void *owner, int err) {
  (void)err;  // whether it was a reset or not, the proxy wants no more of us
  finish(owner, UV_ECONNRESET);
}

static void on_reached(void *owner, int err, struct stream *stream,
                       const struct address *address) {
  static const struct stream_events kEvents = {.on_data = on_data,
                                               .on_end = on_end};
  (void)address;
  struct upstream_connect *c = owner;
  c->dial = NULL;
  if (err != 0) {
    finish(c, UV_ENOTCONN);
    return;
  }
  c->stream = stream;
  stream_set_events(stream, &kEvents, c);
  stream_read_start(stream);
  enter(c, c->upstream->kind == UPSTREAM_HTTP ? HTTP_CONNECT : SOCKS5_METHOD);
}

struct upstream_connect *upstream_connect_start(struct worker *worker,
                                                const struct upstream *upstream,
                                                const struct address *target,
                                                upstream_connect_cb *done,
                                                void *owner) {
  struct upstream_connect *c = xcalloc(1, sizeof(*c));
  c->worker = worker;
  c->upstream = upstream;
  c->target = *target;
  c->done = done;
  c->owner = owner;
  c->dial = dial_start(worker, NULL, upstream->addresses,
                       upstream->num_addresses, kReachTimeoutMs, on_reached, c);
  return c;
}
