#include "support/bssl_server.h"

#include <criterion/criterion.h>

#include "support/ech_file.h"
#include "support/loopback.h"

struct peer *bssl_server_start_file(struct scratch *scratch, uint16_t *out_port,
                                    const char *cert_name,
                                    const char *ech_path) {
  *out_port = loopback_free_port();
  const char *cert = scratch_format(scratch, "%s.crt", cert_name);
  const char *cert_key = scratch_format(scratch, "%s.key", cert_name);
  const char *const argv[] = {
      "bssl-tool",   "server",
      "-accept",     scratch_format(scratch, "%u", *out_port),
      "-cert",       scratch_path(scratch, cert),
      "-key",        scratch_path(scratch, cert_key),
      "-ech-key",    ech_path,
      "-ech-config", scratch_format(scratch, "%s.config", ech_path),
      "-loop",       "-www",
      NULL,
  };
  struct peer *peer = peer_start(argv, NULL);
  cr_assert(loopback_wait_for(*out_port), "bssl-tool: %s", peer_output(peer));
  return peer;
}

struct peer *bssl_server_start(struct scratch *scratch, uint16_t *out_port,
                               const char *cert_name,
                               const struct ech_key *key) {
  return bssl_server_start_file(
      scratch, out_port, cert_name,
      ech_file_write(scratch, "bssl.ech", key, ECH_KEY_RAW));
}
