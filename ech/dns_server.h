// dns_server is where a DNS server is and how it is asked: its URL, the
// addresses to reach it at, so that its name never needs a lookup, and the way
// there.

#ifndef ECHPROXY_ECH_DNS_SERVER_H
#define ECHPROXY_ECH_DNS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "net/upstream.h"

enum { kDnsServerMaxAddresses = 8, kDnsServerTlsPort = 853 };

enum dns_server_scheme {
  DNS_SERVER_HTTPS,  // DNS over HTTPS (RFC 8484)
  DNS_SERVER_TLS,    // DNS over TLS (RFC 7858)
  DNS_SERVER_UDP,    // plain DNS, for a server on this machine only
};

struct dns_server {
  enum dns_server_scheme scheme;
  char host[254];  // DNS name, or an IP address without brackets
  uint16_t port;
  char path[256];  // with its leading '/'; "" unless DNS_SERVER_HTTPS
  struct address addresses[kDnsServerMaxAddresses];  // with `port` in each
  size_t num_addresses;
  // The proxy to go through, which outlives all use of the server; NULL: none.
  // DNS_SERVER_UDP has none.
  const struct upstream *via;
};

// dns_server_parse reads one of
//   https://HOST[:PORT]/PATH  "/dns-query" when there is no path; a final
//                             "{?dns}", as in RFC 8484's templates, is dropped
//   tls://HOST[:PORT]         port 853 unless it says otherwise
//   udp://IP[:PORT]           a loopback address only; port 53
// When HOST is an IP address it becomes the one address; otherwise `addresses`
// is left empty for bootstrap addresses to fill. On failure `*out_why` is a
// static text that says what is wrong with the URL.
bool dns_server_parse(struct dns_server *out, const char *url,
                      const char **out_why);

// The longest URL that dns_server_format writes, with its NUL.
enum { kDnsServerUrlSize = 8 + 254 + 2 + 6 + 256 };

// dns_server_format writes the server's URL, without the port if that is the
// usual one, and returns `out`.
const char *dns_server_format(char out[kDnsServerUrlSize],
                              const struct dns_server *server);

// dns_server_is_ip says whether the host is an IP address, which is then
// addresses[0].
bool dns_server_is_ip(const struct dns_server *server);

#endif
