// address is an IP address and a port, in the small form that lookups keep and
// dials use.

#ifndef ECHPROXY_NET_ADDRESS_H
#define ECHPROXY_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
  uint8_t ip[16];  // network order; IPv4 uses the first four bytes
  uint16_t port;   // host order
  bool is_ipv6;
};

enum {
  // The longest text that address_format writes, with its NUL:
  // "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535".
  kAddressTextSize = 64,
};

// address_from_ip reads a numeric IPv4 or IPv6 address, the latter with or
// without brackets, and no zone.
bool address_from_ip(struct address *out, const char *text, uint16_t port);

// address_from_host_port reads "IPV4:PORT" or "[IPV6]:PORT", PORT 0 to 65535.
bool address_from_host_port(struct address *out, const char *text);

// address_from_sockaddr reads AF_INET and AF_INET6.
bool address_from_sockaddr(struct address *out, const struct sockaddr *sa);

// address_to_sockaddr writes `address` as the kernel wants it and returns the
// length that is in use.
socklen_t address_to_sockaddr(struct sockaddr_storage *out,
                              const struct address *address);

// address_is_loopback says whether `address` is one of this machine's own that
// nothing else reaches: 127.0.0.0/8 or ::1.
bool address_is_loopback(const struct address *address);

// address_leads_to_loopback says whether who connects to `address` comes to
// this machine's loopback: to such an address, to one that carries it (as
// ::ffff:127.0.0.1 does), or to the unspecified one, which the kernel takes for
// it.
bool address_leads_to_loopback(const struct address *address);

// address_format writes "192.0.2.1:443" or "[2001:db8::1]:443" into `out` and
// returns it.
const char *address_format(char out[kAddressTextSize],
                           const struct address *address);

#endif
