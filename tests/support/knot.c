#include "support/knot.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support/loopback.h"
#include "support/peer.h"

enum { kStartMs = 20000, kRunMs = 30000 };

struct knot {
  struct scratch *scratch;
  struct peer *peer;
  uint16_t port;
};

static const char kConfig[] =
    "server:\n"
    "    rundir: %s\n"
    "    listen: 127.0.0.1@%u\n"
    "    udp-workers: 1\n"
    "    tcp-workers: 1\n"
    "    background-workers: 1\n"
    "log:\n"
    "  - target: stderr\n"
    "    any: info\n"
    "acl:\n"
    "  - id: update\n"
    "    address: 127.0.0.1\n"
    "    action: update\n"
    "database:\n"
    "    storage: %s\n"
    "zone:\n"
    "  - domain: test\n"
    "    storage: %s\n"
    "    file: test.zone\n"
    "    acl: update\n";

// What is not there may be asked for again after a second.
static const char kZone[] =
    "test. 3600 IN SOA ns.test. host.test. 1 3600 600 86400 1\n"
    "test. 3600 IN NS ns.test.\n"
    "ns.test. 3600 IN A 127.0.0.1\n"
    "%s";

static void write_zone(struct scratch *scratch, const char *const records[]) {
  const char *lines = "";
  for (; *records != NULL; records++) {
    lines = scratch_format(scratch, "%s%s\n", lines, *records);
  }
  const char *text = scratch_format(scratch, kZone, lines);
  scratch_write(scratch, "knot/test.zone", text, strlen(text));
}

struct knot *knot_start(struct scratch *scratch, const char *const records[]) {
  struct knot *knot = calloc(1, sizeof(*knot));
  cr_assert_not_null(knot);
  *knot = (struct knot){scratch, NULL, loopback_free_port()};
  const char *dir = scratch_dir(scratch, "knot");
  write_zone(scratch, records);
  const char *text =
      scratch_format(scratch, kConfig, dir, knot->port, dir, dir);
  const char *config =
      scratch_write(scratch, "knot/knot.conf", text, strlen(text));
  knot->peer = peer_start(
      (const char *const[]){"/usr/sbin/knotd", "-c", config, NULL}, NULL);
  cr_assert_not_null(peer_wait_line(knot->peer, "server started", kStartMs),
                     "knotd: %s", peer_output(knot->peer));
  return knot;
}

void knot_stop(struct knot *knot) {
  if (knot != NULL) {
    peer_free(knot->peer);
    free(knot);
  }
}

uint16_t knot_port(const struct knot *knot) { return knot->port; }

void knot_update(struct knot *knot, const char *script) {
  const char *text = scratch_format(knot->scratch, "server 127.0.0.1 %u\n%s",
                                    knot->port, script);
  const char *path =
      scratch_write(knot->scratch, "nsupdate.txt", text, strlen(text));
  program_must((const char *const[]){"nsupdate", path, NULL});
}

const char *knot_query(struct scratch *scratch, uint16_t port,
                       const char *name) {
  struct program program;
  const char *const argv[] = {
      "kdig",   "@127.0.0.1", "-p",     scratch_format(scratch, "%u", port),
      "+short", name,         "TYPE65", NULL};
  program_run(&program, argv, NULL, kRunMs);
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  const char *out = scratch_format(scratch, "%s", program.out);
  program_cleanup(&program);
  return out;
}
