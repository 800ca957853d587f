#include "support/upstream_server.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support/loopback.h"
#include "support/peer.h"

struct upstream_server {
  struct scratch *scratch;
  enum upstream_program program;
  struct peer *peer;
  struct tap *tap;
};

static struct peer *start_microsocks(const char *port, const char *user,
                                     const char *password) {
  const char *const open[] = {"microsocks", "-i", "127.0.0.1",
                              "-p",         port, NULL};
  const char *const closed[] = {"microsocks", "-i", "127.0.0.1", "-p",
                                port,         "-u", user,        "-P",
                                password,     NULL};
  return peer_start(user == NULL ? open : closed, NULL);
}

static struct peer *start_tinyproxy(struct scratch *scratch, const char *port,
                                    const char *user, const char *password) {
  const char *auth = user == NULL ? ""
                                  : scratch_format(scratch, "BasicAuth %s %s\n",
                                                   user, password);
  const char *text = scratch_format(scratch,
                                    "Port %s\n"
                                    "Listen 127.0.0.1\n"
                                    "Timeout 60\n"
                                    "MaxClients 50\n"
                                    "LogLevel Info\n"
                                    "DisableViaHeader Yes\n"
                                    "%s",
                                    port, auth);
  const char *config =
      scratch_write(scratch, scratch_format(scratch, "tinyproxy-%s.conf", port),
                    text, strlen(text));
  const char *const argv[] = {"tinyproxy", "-d", "-c", config, NULL};
  return peer_start(argv, NULL);
}

struct upstream_server *upstream_server_start(struct scratch *scratch,
                                              enum upstream_program program,
                                              const char *user,
                                              const char *password) {
  struct upstream_server *server = calloc(1, sizeof(*server));
  cr_assert_not_null(server);
  uint16_t port = loopback_free_port();
  const char *port_text = scratch_format(scratch, "%u", port);
  server->scratch = scratch;
  server->program = program;
  server->peer = program == MICROSOCKS
                     ? start_microsocks(port_text, user, password)
                     : start_tinyproxy(scratch, port_text, user, password);
  cr_assert(loopback_wait_for(port), "%s", peer_output(server->peer));
  server->tap = tap_new(port);
  return server;
}

void upstream_server_stop(struct upstream_server *server) {
  if (server != NULL) {
    tap_free(server->tap);
    peer_free(server->peer);
    free(server);
  }
}

const char *upstream_server_url(const struct upstream_server *server,
                                const char *userinfo) {
  return scratch_format(server->scratch, "%s://%s%s127.0.0.1:%u",
                        server->program == MICROSOCKS ? "socks5" : "http",
                        userinfo == NULL ? "" : userinfo,
                        userinfo == NULL ? "" : "@", tap_port(server->tap));
}

struct tap *upstream_server_tap(struct upstream_server *server) {
  return server->tap;
}

const char *upstream_server_log(struct upstream_server *server) {
  return peer_output(server->peer);
}
