#include "support/unbound.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/loopback.h"
#include "support/peer.h"

struct unbound {
  struct peer *peer;
  uint16_t port;        // HTTPS
  uint16_t tls_port;    // three different ports
  uint16_t plain_port;  // UDP and TCP
};

static const char kConfig[] =
    "server:\n"
    "  directory: \"\"\n"
    "  chroot: \"\"\n"
    "  username: \"\"\n"
    "  pidfile: \"\"\n"
    "  use-syslog: no\n"
    "  logfile: \"\"\n"
    "  verbosity: 1\n"
    "  do-daemonize: no\n"
    "  module-config: iterator\n"
    "  num-threads: 1\n"
    "  interface: 127.0.0.1@%u\n"
    "  https-port: %u\n"
    "  interface: 127.0.0.1@%u\n"
    "  tls-port: %u\n"
    "  interface: 127.0.0.1@%u\n"
    "  max-udp-size: 512\n"
    "  http-endpoint: /dns-query\n"
    "  tls-service-pem: %s\n"
    "  tls-service-key: %s\n"
    "%s"
    "remote-control:\n"
    "  control-enable: no\n";

// `broken.test` is forwarded to an address that unbound is told not to ask, so
// that SERVFAIL comes at once.
static const char kOwnRecords[] =
    "  do-not-query-localhost: yes\n"
    "  local-zone: . static\n"
    "  local-zone: test. static\n"
    "  local-zone: broken.test. transparent\n"
    "%s"
    "forward-zone:\n"
    "  name: broken.test.\n"
    "  forward-addr: 127.0.0.1@1\n";

// Without a local-zone line, unbound answers for `test.` on its own.
static const char kOthersRecords[] =
    "  do-not-query-localhost: no\n"
    "  local-zone: test. nodefault\n"
    "stub-zone:\n"
    "  name: test.\n"
    "  stub-addr: 127.0.0.1@%u\n";

static const char *data_lines(struct scratch *scratch,
                              const char *const records[]) {
  const char *lines = "";
  for (; *records != NULL; records++) {
    lines = scratch_format(scratch, "%s  local-data: '%s'\n", lines, *records);
  }
  return lines;
}

static const char *write_config(struct scratch *scratch,
                                const struct unbound *u, const char *cert_name,
                                const char *zones) {
  const char *cert = scratch_format(scratch, "%s.crt", cert_name);
  const char *key = scratch_format(scratch, "%s.key", cert_name);
  const char *text =
      scratch_format(scratch, kConfig, u->port, u->port, u->tls_port,
                     u->tls_port, u->plain_port, scratch_path(scratch, cert),
                     scratch_path(scratch, key), zones);
  return scratch_write(scratch,
                       scratch_format(scratch, "unbound-%u.conf", u->port),
                       text, strlen(text));
}

static void pick_ports(struct unbound *u) {
  do {
    u->port = loopback_free_port();
    u->tls_port = loopback_free_port();
    u->plain_port = loopback_free_port();
  } while (u->port == u->tls_port || u->port == u->plain_port ||
           u->tls_port == u->plain_port);
}

static struct unbound *start(struct scratch *scratch, const char *cert_name,
                             const char *zones) {
  struct unbound *unbound = calloc(1, sizeof(*unbound));
  cr_assert_not_null(unbound);
  pick_ports(unbound);
  const char *config = write_config(scratch, unbound, cert_name, zones);
  const char *const argv[] = {"/usr/sbin/unbound", "-d", "-c", config, NULL};
  unbound->peer = peer_start(argv, NULL);
  cr_assert_not_null(peer_wait_line(unbound->peer, "start of service", 10000),
                     "unbound: %s", peer_output(unbound->peer));
  return unbound;
}

struct unbound *unbound_start(struct scratch *scratch, const char *cert_name,
                              const char *const records[]) {
  return start(
      scratch, cert_name,
      scratch_format(scratch, kOwnRecords, data_lines(scratch, records)));
}

struct unbound *unbound_cache_start(struct scratch *scratch,
                                    const char *cert_name,
                                    uint16_t upstream_port) {
  return start(scratch, cert_name,
               scratch_format(scratch, kOthersRecords, upstream_port));
}

void unbound_stop(struct unbound *unbound) {
  if (unbound != NULL) {
    peer_free(unbound->peer);
    free(unbound);
  }
}

uint16_t unbound_port(const struct unbound *unbound) { return unbound->port; }

uint16_t unbound_tls_port(const struct unbound *unbound) {
  return unbound->tls_port;
}

uint16_t unbound_plain_port(const struct unbound *unbound) {
  return unbound->plain_port;
}
