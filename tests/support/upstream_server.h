// upstream_server is a real proxy for the proxy to go through: microsocks
// (SOCKS5) or tinyproxy (HTTP CONNECT), with a tap in front of it that sees
// what the proxy sends it.

#ifndef ECHPROXY_TESTS_SUPPORT_UPSTREAM_SERVER_H
#define ECHPROXY_TESTS_SUPPORT_UPSTREAM_SERVER_H

#include "support/scratch.h"
#include "support/tap.h"

enum upstream_program { MICROSOCKS, TINYPROXY };

struct upstream_server;

// upstream_server_start runs `program` on loopback. With `user` not NULL it
// lets in whoever knows `password`, otherwise everybody. Released with
// upstream_server_stop.
struct upstream_server *upstream_server_start(struct scratch *scratch,
                                              enum upstream_program program,
                                              const char *user,
                                              const char *password);

// upstream_server_stop ends it. NULL does nothing.
void upstream_server_stop(struct upstream_server *server);

// upstream_server_url returns "socks5://127.0.0.1:PORT" or "http://...", with
// "USERINFO@" when that is not NULL. It lives as long as the scratch directory.
const char *upstream_server_url(const struct upstream_server *server,
                                const char *userinfo);

// upstream_server_tap returns the tap, and upstream_server_log all that the
// program has logged so far, valid until the next call.
struct tap *upstream_server_tap(struct upstream_server *server);
const char *upstream_server_log(struct upstream_server *server);

#endif
