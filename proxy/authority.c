#include "proxy/authority.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "keys/dns_name.h"
#include "net/address.h"

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void set_ip(struct authority *out, const struct address *address) {
  out->is_ip = true;
  out->is_ipv6 = address->is_ipv6;
  inet_ntop(address->is_ipv6 ? AF_INET6 : AF_INET, address->ip, out->host,
            sizeof(out->host));
}

bool authority_from_host(struct authority *out, const char *text, size_t len) {
  char host[kAuthorityHostSize + 1];  // the final dot may come on top
  if (len == 0 || len >= sizeof(host) || memchr(text, '\0', len) != NULL) {
    return false;
  }
  for (size_t i = 0; i < len; i++) {
    host[i] = lower(text[i]);
  }
  host[len] = '\0';
  struct authority authority = {.port = 0};
  struct address address;
  if (address_from_ip(&address, host, 0)) {
    set_ip(&authority, &address);
    *out = authority;
    return true;
  }
  if (host[len - 1] == '.') {
    host[--len] = '\0';
  }
  if (len >= kAuthorityHostSize || !dns_name_valid(host)) {
    return false;
  }
  memcpy(authority.host, host, len + 1);
  *out = authority;
  return true;
}

static bool parse_port(uint16_t *out, const char *text, size_t len) {
  if (len == 0 || len > 5) {
    return false;
  }
  unsigned port = 0;
  for (size_t i = 0; i < len; i++) {
    if (text[i] < '0' || text[i] > '9') {
      return false;
    }
    port = port * 10 + (unsigned)(text[i] - '0');
  }
  if (port == 0 || port > UINT16_MAX) {
    return false;
  }
  *out = (uint16_t)port;
  return true;
}

bool authority_from_text(struct authority *out, const char *text, size_t len) {
  const char *end = text + len;
  bool bracketed = len > 0 && text[0] == '[';
  const char *after = memchr(text, bracketed ? ']' : ':', len);
  if (bracketed && after == NULL) {
    return false;
  }
  const char *host_end = after == NULL ? end : after + (bracketed ? 1 : 0);
  uint16_t port = 0;
  if (host_end != end &&
      (*host_end != ':' ||
       !parse_port(&port, host_end + 1, (size_t)(end - host_end) - 1))) {
    return false;
  }
  if (!authority_from_host(out, text, (size_t)(host_end - text))) {
    return false;
  }
  out->port = port;
  return true;
}

bool authority_from_url(struct authority *out, size_t *out_path,
                        const char *url, size_t len) {
  static const char kScheme[] = "http://";
  size_t start = sizeof(kScheme) - 1;
  if (len < start || strncasecmp(url, kScheme, start) != 0 ||
      memchr(url, '#', len) != NULL) {
    return false;
  }
  size_t path = start;
  while (path < len && url[path] != '/' && url[path] != '?') {
    path++;
  }
  if (!authority_from_text(out, url + start, path - start)) {
    return false;
  }
  *out_path = path;
  return true;
}

void authority_write(struct bytes *out, const struct authority *authority,
                     uint16_t default_port) {
  char text[kAuthorityHostSize + 16];
  int len = snprintf(text, sizeof(text), authority->is_ipv6 ? "[%s]" : "%s",
                     authority->host);
  bytes_append(out, text, (size_t)len);
  if (authority->port != 0 && authority->port != default_port) {
    len = snprintf(text, sizeof(text), ":%u", (unsigned)authority->port);
    bytes_append(out, text, (size_t)len);
  }
}
