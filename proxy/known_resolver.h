// known_resolver holds the DNS resolvers that work without being set up, with
// their addresses, so that not even their names are looked up in the clear.

#ifndef ECHPROXY_PROXY_KNOWN_RESOLVER_H
#define ECHPROXY_PROXY_KNOWN_RESOLVER_H

#include <stdbool.h>

#include "proxy/options.h"

// known_resolver_complete gives every resolver of `options` its addresses: the
// user's bootstrap addresses, else those that are known for its name. Without
// any resolver it sets the default ones. False when a resolver is left
// without an address; then `*out_why` is a static text and `*out_host` the
// resolver's name, borrowed from `options`, or NULL.
bool known_resolver_complete(struct options *options, const char **out_why,
                             const char **out_host);

#endif
