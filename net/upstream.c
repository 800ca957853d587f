#include "net/upstream.h"

#include <assert.h>
#include <ctype.h>
#include <netdb.h>
#include <openssl/mem.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "net/xalloc.h"

// A piece of the URL; not ended by a NUL.
struct piece {
  const char *data;
  size_t len;
};

static bool copy_piece(char *out, size_t out_size, struct piece in) {
  if (in.len >= out_size) {
    return false;
  }
  memcpy(out, in.data, in.len);
  out[in.len] = '\0';
  return true;
}

static bool read_scheme(struct upstream *u, const char **url,
                        const char **out_why) {
  static const struct {
    const char *scheme;
    enum upstream_kind kind;
  } kSchemes[] = {{"socks5://", UPSTREAM_SOCKS5}, {"http://", UPSTREAM_HTTP}};
  for (size_t i = 0; i < sizeof(kSchemes) / sizeof(kSchemes[0]); i++) {
    size_t len = strlen(kSchemes[i].scheme);
    if (strncasecmp(*url, kSchemes[i].scheme, len) == 0) {
      u->kind = kSchemes[i].kind;
      *url += len;
      return true;
    }
  }
  *out_why = strncasecmp(*url, "socks5h://", 10) == 0
                 ? "write socks5://; names are never sent to an upstream proxy"
                 : "write it as socks5://HOST:PORT or http://HOST:PORT";
  return false;
}

static int hex_value(char c) {
  return !isxdigit((unsigned char)c) ? -1
         : isdigit((unsigned char)c) ? c - '0'
                                     : tolower((unsigned char)c) - 'a' + 10;
}

// RFC 3986, sections 2.1 and 3.2.1: what userinfo is made of. Control
// characters make no sense in either, and a NUL would end the text.
static bool decode_credential(char out[kUpstreamCredentialSize],
                              struct piece in) {
  static const char kPlain[] = "-._~!$&'()*+,;=:";
  size_t len = 0;
  for (size_t i = 0; i < in.len; i++) {
    int c = (unsigned char)in.data[i];
    if (c == '%') {
      int high = i + 1 < in.len ? hex_value(in.data[i + 1]) : -1;
      int low = i + 2 < in.len ? hex_value(in.data[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return false;
      }
      c = high * 16 + low;
      i += 2;
    } else if (!isalnum(c) && strchr(kPlain, c) == NULL) {
      return false;
    }
    if (c < 0x20 || c == 0x7f || len + 1 == kUpstreamCredentialSize) {
      return false;
    }
    out[len++] = (char)c;
  }
  out[len] = '\0';
  return len > 0;
}

static bool read_userinfo(struct upstream *u, struct piece in,
                          const char **out_why) {
  const char *colon = memchr(in.data, ':', in.len);
  if (colon == NULL) {
    *out_why = "a password is missing: USER:PASSWORD@ comes before the host";
    return false;
  }
  struct piece user = {in.data, (size_t)(colon - in.data)};
  struct piece password = {colon + 1, in.len - user.len - 1};
  if (!decode_credential(u->user, user) ||
      !decode_credential(u->password, password)) {
    *out_why =
        "user name and password are 1 to 255 characters each; write special "
        "ones percent-encoded, such as %40 for @";
    return false;
  }
  // RFC 7617, section 2: the first colon is where the password begins.
  if (u->kind == UPSTREAM_HTTP && strchr(u->user, ':') != NULL) {
    *out_why = "with http:// no user name can hold a colon";
    return false;
  }
  return true;
}

static bool read_port(uint16_t *out, const char *text) {
  size_t len = strspn(text, "0123456789");
  unsigned long port = len > 0 && len <= 5 ? strtoul(text, NULL, 10) : 0;
  // A URL may end with the slash of its empty path.
  if (port == 0 || port > UINT16_MAX ||
      (text[len] != '\0' && strcmp(text + len, "/") != 0)) {
    return false;
  }
  *out = (uint16_t)port;
  return true;
}

// A name's last label begins with a letter, or getaddrinfo would take some for
// the odd spellings of IP addresses.
static bool is_name(const char *host) {
  const char *label = host;
  for (const char *c = host; *c != '\0'; c++) {
    if (*c == '.') {
      if (c == label) {
        return false;
      }
      label = c + 1;
    } else if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_') {
      return false;
    }
  }
  return isalpha((unsigned char)*label) && host[0] != '-';
}

static void add_address(struct upstream *u, const char *ip) {
  bool ok = address_from_ip(&u->addresses[u->num_addresses++], ip, u->port);
  assert(ok);
  (void)ok;
}

// Sets the addresses of hosts that nobody needs to be asked about.
static bool set_host(struct upstream *u, struct piece in) {
  bool bracketed =
      in.len >= 2 && in.data[0] == '[' && in.data[in.len - 1] == ']';
  struct piece bare = {in.data + bracketed, in.len - 2 * (size_t)bracketed};
  if (!copy_piece(u->host, sizeof(u->host), bare)) {
    return false;
  }
  if (address_from_ip(&u->addresses[0], u->host, u->port)) {
    u->num_addresses = 1;
    return u->addresses[0].is_ipv6 == bracketed;
  }
  if (strcasecmp(u->host, "localhost") == 0) {  // RFC 6761, section 6.3
    add_address(u, "127.0.0.1");
    add_address(u, "::1");
  }
  return !bracketed && is_name(u->host);
}

static bool read_url(struct upstream *u, const char *url,
                     const char **out_why) {
  if (!read_scheme(u, &url, out_why)) {
    return false;
  }
  const char *at = strrchr(url, '@');
  if (at != NULL) {
    if (!read_userinfo(u, (struct piece){url, (size_t)(at - url)}, out_why)) {
      return false;
    }
    url = at + 1;
  }
  const char *colon = strrchr(url, ':');
  if (colon == NULL || !read_port(&u->port, colon + 1)) {
    *out_why = "a port from 1 to 65535 is missing behind the host";
    return false;
  }
  if (!set_host(u, (struct piece){url, (size_t)(colon - url)})) {
    *out_why =
        "the host is neither an IP address (IPv6 in brackets) nor a name";
    return false;
  }
  return true;
}

struct upstream *upstream_new(const char *url, const char **out_why) {
  struct upstream *u = xcalloc(1, sizeof(*u));
  if (!read_url(u, url, out_why)) {
    upstream_free(u);
    return NULL;
  }
  return u;
}

void upstream_free(struct upstream *u) {
  if (u != NULL) {
    OPENSSL_cleanse(u, sizeof(*u));
    free(u);
  }
}

bool upstream_url_has_credentials(const char *url) {
  return strchr(url, '@') != NULL;
}

bool upstream_resolve(struct upstream *u, const char **out_why) {
  const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                 .ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  if (u->num_addresses > 0) {
    return true;
  }
  int err = getaddrinfo(u->host, NULL, &hints, &found);
  if (err != 0) {
    *out_why = gai_strerror(err);
    return false;
  }
  for (const struct addrinfo *a = found;
       a != NULL && u->num_addresses < kUpstreamMaxAddresses; a = a->ai_next) {
    struct address *address = &u->addresses[u->num_addresses];
    if (address_from_sockaddr(address, a->ai_addr)) {
      address->port = u->port;
      u->num_addresses++;
    }
  }
  freeaddrinfo(found);
  if (u->num_addresses == 0) {
    *out_why = "the name has no address";
  }
  return u->num_addresses > 0;
}

const char *upstream_error_text(int err) {
  switch (err) {
#define X(code, text) \
  case code:          \
    return text;
    UPSTREAM_FAULTS(X)
#undef X
    default:
      return uv_strerror(err);
  }
}

bool upstream_error_is_final(int err) {
  // A wrong password is not tried once for each address: accounts get locked.
  return err == UV_ENOTCONN || err == UV_EACCES || err == UV_EPROTO ||
         err == UV_ENOTSUP;
}
