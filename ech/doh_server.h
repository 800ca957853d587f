// doh_server is where a DNS-over-HTTPS server is: its URL, the addresses to
// reach it at, so that its name never needs a lookup, and the way there.

#ifndef ECHPROXY_ECH_DOH_SERVER_H
#define ECHPROXY_ECH_DOH_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "net/upstream.h"

enum { kDohMaxAddresses = 8 };

// Where the server is.
struct doh_server {
  char host[254];  // DNS name, or an IP address without brackets
  uint16_t port;
  char path[256];                              // with its leading '/'
  struct address addresses[kDohMaxAddresses];  // with `port` in each
  size_t num_addresses;
  // The proxy to go through, which outlives all use of the server; NULL: none.
  const struct upstream *via;
};

// doh_server_parse reads "https://HOST[:PORT]/PATH" ("/dns-query" when there is
// no path); a final "{?dns}", as in RFC 8484's templates, is dropped. When HOST
// is an IP address it becomes the one address; otherwise `addresses` is left
// empty for bootstrap addresses to fill. On failure `*out_why` is a static text
// that says what is wrong with the URL.
bool doh_server_parse(struct doh_server *out, const char *url,
                      const char **out_why);

// doh_server_is_ip says whether the host is an IP address, which is then
// addresses[0].
bool doh_server_is_ip(const struct doh_server *server);

#endif
