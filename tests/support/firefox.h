// firefox is the other browser that people use, without a window, with a home
// directory of its own that trusts one more CA.

#ifndef ECHPROXY_TESTS_SUPPORT_FIREFOX_H
#define ECHPROXY_TESTS_SUPPORT_FIREFOX_H

#include <stdint.h>

#include "support/peer.h"
#include "support/scratch.h"

// firefox_print_start opens `url` through the HTTP proxy on `proxy_port` of
// 127.0.0.1, trusting the CA in the PEM file `ca_path`, prints the page's
// document as HTML, and ends. Released with peer_free.
struct peer *firefox_print_start(struct scratch *scratch, uint16_t proxy_port,
                                 const char *ca_path, const char *url);

// firefox_print_with_login_start does so when `login`, NAME:PASSWORD, is saved
// for that proxy.
struct peer *firefox_print_with_login_start(struct scratch *scratch,
                                            uint16_t proxy_port,
                                            const char *ca_path,
                                            const char *url, const char *login);

// firefox_print_with_profile_start does so with the profile in the directory
// `profile`, which is there, and whatever is trusted in it.
struct peer *firefox_print_with_profile_start(struct scratch *scratch,
                                              uint16_t proxy_port,
                                              const char *profile,
                                              const char *url);

// firefox_direct_start opens `url` without a proxy, asks the DNS over HTTPS
// server `resolver` for all names, prints the page and ends.
struct peer *firefox_direct_start(struct scratch *scratch, const char *resolver,
                                  const char *ca_path, const char *url);

#endif
