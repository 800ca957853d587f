// chromium is the browser that people use, without a window, with a home
// directory of its own that trusts one more CA.

#ifndef ECHPROXY_TESTS_SUPPORT_CHROMIUM_H
#define ECHPROXY_TESTS_SUPPORT_CHROMIUM_H

#include <stdint.h>

#include "support/peer.h"
#include "support/scratch.h"

// chromium_start opens `url` through the HTTP proxy on `proxy_port` of
// 127.0.0.1, trusting the CA in the PEM file `ca_path`. Released with
// peer_free.
struct peer *chromium_start(struct scratch *scratch, uint16_t proxy_port,
                            const char *ca_path, const char *url);

// chromium_print_start does so, prints the page's document as HTML, and ends.
struct peer *chromium_print_start(struct scratch *scratch, uint16_t proxy_port,
                                  const char *ca_path, const char *url);

// chromium_print_with_login_start does so and gives the proxy that asks for
// them `name` and `password`, which it prints how often.
struct peer *chromium_print_with_login_start(struct scratch *scratch,
                                             uint16_t proxy_port,
                                             const char *ca_path,
                                             const char *url, const char *name,
                                             const char *password);

// chromium_print_at_home_start does so with the home directory `home` and
// whatever is trusted there.
struct peer *chromium_print_at_home_start(struct scratch *scratch,
                                          uint16_t proxy_port, const char *home,
                                          const char *url);

// chromium_direct_start opens `url` without a proxy, asks the DNS over HTTPS
// server `resolver` for all names, prints the page and ends.
struct peer *chromium_direct_start(struct scratch *scratch,
                                   const char *resolver, const char *ca_path,
                                   const char *url);

#endif
