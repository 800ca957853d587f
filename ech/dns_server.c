#include "ech/dns_server.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
  const char *prefix;
  uint16_t port;
} kSchemes[] = {
    [DNS_SERVER_HTTPS] = {"https://", 443},
    [DNS_SERVER_TLS] = {"tls://", kDnsServerTlsPort},
    [DNS_SERVER_UDP] = {"udp://", 53},
};

static const char kTemplate[] = "{?dns}";
static const char kDefaultPath[] = "/dns-query";

static bool copy_text(char *out, size_t out_size, const char *text,
                      size_t len) {
  if (len >= out_size) {
    return false;
  }
  memcpy(out, text, len);
  out[len] = '\0';
  return true;
}

static bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Says whether `host`, in lower case, is labels of 1 to 63 characters.
static bool is_host(const char *host) {
  size_t label_len = 0;
  for (const char *p = host; *p != '\0'; p++) {
    if (*p == '.' ? label_len == 0 : !is_host_char(*p)) {
      return false;
    }
    label_len = *p == '.' ? 0 : label_len + 1;
    if (label_len > 63) {
      return false;
    }
  }
  return label_len > 0;
}

static void lower(char *text) {
  for (; *text != '\0'; text++) {
    if (*text >= 'A' && *text <= 'Z') {
      *text = (char)(*text - 'A' + 'a');
    }
  }
}

// Reads ":PORT"; nothing leaves `*out` as it is.
static bool parse_port(uint16_t *out, const char *text, size_t len) {
  if (len == 0) {
    return true;
  }
  if (len < 2 || len > 6 || text[0] != ':') {
    return false;
  }
  uint32_t port = 0;
  for (size_t i = 1; i < len; i++) {
    if (text[i] < '0' || text[i] > '9') {
      return false;
    }
    port = port * 10 + (uint32_t)(text[i] - '0');
  }
  *out = (uint16_t)port;
  return port >= 1 && port <= UINT16_MAX;
}

// Reads "[IPV6]" and leaves `*io_rest` at what follows.
static bool parse_bracketed(struct dns_server *server, const char **io_rest,
                            size_t len) {
  const char *end = memchr(*io_rest, ']', len);
  if (end == NULL ||
      !copy_text(server->host, sizeof(server->host), *io_rest + 1,
                 (size_t)(end - *io_rest - 1)) ||
      !address_from_ip(&server->addresses[0], server->host, 0) ||
      !server->addresses[0].is_ipv6) {
    return false;
  }
  server->num_addresses = 1;
  *io_rest = end + 1;
  return true;
}

static bool parse_name(struct dns_server *server, const char **io_rest,
                       size_t len) {
  const char *end = memchr(*io_rest, ':', len);
  size_t host_len = end == NULL ? len : (size_t)(end - *io_rest);
  if (!copy_text(server->host, sizeof(server->host), *io_rest, host_len)) {
    return false;
  }
  lower(server->host);
  if (address_from_ip(&server->addresses[0], server->host, 0)) {
    server->num_addresses = 1;
  } else if (!is_host(server->host)) {
    return false;
  }
  *io_rest += host_len;
  return true;
}

static bool parse_authority(struct dns_server *server, const char *text,
                            size_t len, const char **out_why) {
  const char *rest = text;
  bool ok = len > 0 && text[0] == '[' ? parse_bracketed(server, &rest, len)
                                      : parse_name(server, &rest, len);
  if (!ok) {
    *out_why = "its host is not a name or an IP address";
    return false;
  }
  if (!parse_port(&server->port, rest, len - (size_t)(rest - text))) {
    *out_why = "its port is not a number from 1 to 65535";
    return false;
  }
  server->addresses[0].port = server->port;
  return true;
}

static bool parse_path(struct dns_server *server, const char *path,
                       const char **out_why) {
  if (path[0] == '\0' || strcmp(path, "/") == 0) {
    path = kDefaultPath;
  }
  size_t len = strlen(path);
  size_t template_len = sizeof(kTemplate) - 1;
  if (len > template_len && strcmp(path + len - template_len, kTemplate) == 0) {
    len -= template_len;
  }
  if (!copy_text(server->path, sizeof(server->path), path, len)) {
    *out_why = "its path is too long";
    return false;
  }
  for (const char *p = server->path; *p != '\0'; p++) {
    if (*p <= ' ' || *p >= 0x7f || strchr("#{}<>\"\\^`|", *p) != NULL) {
      *out_why = "its path holds a character that no URL may hold";
      return false;
    }
  }
  return true;
}

// Finds the scheme of `url` and leaves `*io_rest` at what follows it.
static bool parse_scheme(struct dns_server *server, const char **io_rest) {
  for (size_t i = 0; i < sizeof(kSchemes) / sizeof(kSchemes[0]); i++) {
    size_t len = strlen(kSchemes[i].prefix);
    if (strncasecmp(*io_rest, kSchemes[i].prefix, len) == 0) {
      server->scheme = (enum dns_server_scheme)i;
      server->port = kSchemes[i].port;
      *io_rest += len;
      return true;
    }
  }
  return false;
}

// Reads what follows the authority.
static bool parse_rest(struct dns_server *server, const char *rest,
                       const char **out_why) {
  if (server->scheme == DNS_SERVER_HTTPS) {
    if (*rest != '\0' && *rest != '/') {
      *out_why = "its path does not begin with /";
      return false;
    }
    return parse_path(server, rest, out_why);
  }
  if (*rest != '\0' && strcmp(rest, "/") != 0) {
    *out_why = "only an https:// URL has a path";
    return false;
  }
  // Plain DNS can be read by whoever is on the way, so there must be no way.
  if (server->scheme == DNS_SERVER_UDP &&
      (server->num_addresses == 0 ||
       !address_is_loopback(&server->addresses[0]))) {
    *out_why =
        "plain DNS is only for a resolver on this machine, at an address of "
        "127.0.0.0/8 or [::1]; elsewhere use https:// or tls://";
    return false;
  }
  return true;
}

bool dns_server_parse(struct dns_server *out, const char *url,
                      const char **out_why) {
  struct dns_server server = {.num_addresses = 0};
  const char *authority = url;
  if (!parse_scheme(&server, &authority)) {
    *out_why = "it does not begin with https://, tls:// or udp://";
    return false;
  }
  size_t authority_len = strcspn(authority, "/?#{");
  if (!parse_authority(&server, authority, authority_len, out_why) ||
      !parse_rest(&server, authority + authority_len, out_why)) {
    return false;
  }
  *out = server;
  return true;
}

bool dns_server_is_ip(const struct dns_server *server) {
  struct address ignored;
  return address_from_ip(&ignored, server->host, 0);
}

const char *dns_server_format(char out[kDnsServerUrlSize],
                              const struct dns_server *server) {
  bool is_ipv6 = strchr(server->host, ':') != NULL;
  char port[8] = "";
  if (server->port != kSchemes[server->scheme].port) {
    snprintf(port, sizeof(port), ":%u", (unsigned)server->port);
  }
  snprintf(out, kDnsServerUrlSize, "%s%s%s%s%s%s",
           kSchemes[server->scheme].prefix, is_ipv6 ? "[" : "", server->host,
           is_ipv6 ? "]" : "", port, server->path);
  return out;
}
