#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

// Copies the `len` bytes at `text` into `out`, which they must fit with a NUL.
static bool copy_text(char *out, size_t out_size, const char *text,
                      size_t len) {
  if (len >= out_size) {
    return false;
  }
  memcpy(out, text, len);
  out[len] = '\0';
  return true;
}

static bool parse_ip(struct address *out, const char *text, size_t len,
                     uint16_t port) {
  bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
  char ip[INET6_ADDRSTRLEN];
  if (!copy_text(ip, sizeof(ip), text + (bracketed ? 1 : 0),
                 len - (bracketed ? 2 : 0))) {
    return false;
  }
  struct address address = {.port = port};
  if (!bracketed && inet_pton(AF_INET, ip, address.ip) == 1) {
    *out = address;
    return true;
  }
  address.is_ipv6 = true;
  if (inet_pton(AF_INET6, ip, address.ip) != 1) {
    return false;
  }
  *out = address;
  return true;
}

static bool parse_port(uint16_t *out, const char *text) {
  size_t len = strlen(text);
  if (len == 0 || len > 5) {
    return false;
  }
  unsigned port = 0;
  for (const char *p = text; *p != '\0'; p++) {
    if (*p < '0' || *p > '9') {
      return false;
    }
    port = port * 10 + (unsigned)(*p - '0');
  }
  if (port > UINT16_MAX) {
    return false;
  }
  *out = (uint16_t)port;
  return true;
}

bool address_from_ip(struct address *out, const char *text, uint16_t port) {
  return parse_ip(out, text, strlen(text), port);
}

bool address_from_host_port(struct address *out, const char *text) {
  const char *colon = strrchr(text, ':');
  uint16_t port;
  if (colon == NULL || colon == text || !parse_port(&port, colon + 1)) {
    return false;
  }
  // Without its brackets the end of an IPv6 address would pass for a port.
  struct address address;
  if (!parse_ip(&address, text, (size_t)(colon - text), port) ||
      (address.is_ipv6 && text[0] != '[')) {
    return false;
  }
  *out = address;
  return true;
}

bool address_from_sockaddr(struct address *out, const struct sockaddr *sa) {
  struct address address = {0};
  if (sa->sa_family == AF_INET) {
    struct sockaddr_in in;
    memcpy(&in, sa, sizeof(in));
    memcpy(address.ip, &in.sin_addr, 4);
    address.port = ntohs(in.sin_port);
  } else if (sa->sa_family == AF_INET6) {
    struct sockaddr_in6 in6;
    memcpy(&in6, sa, sizeof(in6));
    memcpy(address.ip, &in6.sin6_addr, 16);
    address.port = ntohs(in6.sin6_port);
    address.is_ipv6 = true;
  } else {
    return false;
  }
  *out = address;
  return true;
}

socklen_t address_to_sockaddr(struct sockaddr_storage *out,
                              const struct address *address) {
  memset(out, 0, sizeof(*out));
  if (address->is_ipv6) {
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(address->port);
    memcpy(&in6->sin6_addr, address->ip, 16);
    return sizeof(*in6);
  }
  struct sockaddr_in *in = (struct sockaddr_in *)out;
  in->sin_family = AF_INET;
  in->sin_port = htons(address->port);
  memcpy(&in->sin_addr, address->ip, 4);
  return sizeof(*in);
}

bool address_is_loopback(const struct address *address) {
  static const uint8_t kIpv6[16] = {[15] = 1};
  return address->is_ipv6 ? memcmp(address->ip, kIpv6, sizeof(kIpv6)) == 0
                          : address->ip[0] == 127;
}

// RFC 4291, section 2.5.5.2, and the older form of section 2.5.5.1, which the
// unspecified address and ::1 are of, too.
static bool carries_ipv4(const struct address *address) {
  static const uint8_t kMapped[12] = {[10] = 0xff, [11] = 0xff};
  static const uint8_t kCompatible[12] = {0};
  return memcmp(address->ip, kMapped, sizeof(kMapped)) == 0 ||
         memcmp(address->ip, kCompatible, sizeof(kCompatible)) == 0;
}

bool address_leads_to_loopback(const struct address *address) {
  if (address->is_ipv6 && !carries_ipv4(address)) {
    return false;
  }
  // 0.0.0.0/8 is "this host on this network" (RFC 1122, section 3.2.1.3).
  uint8_t first = address->ip[address->is_ipv6 ? 12 : 0];
  return first == 0 || first == 127;
}

const char *address_format(char out[kAddressTextSize],
                           const struct address *address) {
  char ip[INET6_ADDRSTRLEN];
  inet_ntop(address->is_ipv6 ? AF_INET6 : AF_INET, address->ip, ip, sizeof(ip));
  snprintf(out, kAddressTextSize, address->is_ipv6 ? "[%s]:%u" : "%s:%u", ip,
           (unsigned)address->port);
  return out;
}
