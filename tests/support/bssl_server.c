#include "support/bssl_server.h"

#include <criterion/criterion.h>

#include "support/loopback.h"

enum { kListPrefixLen = 2 };  // an ECHConfigList's length, before its entry

struct peer *bssl_server_start(struct scratch *scratch, uint16_t *out_port,
                               const char *cert_name,
                               const struct ech_key *key) {
  uint8_t private_key[32];
  size_t list_len;
  const uint8_t *list = ech_key_config_list(key, &list_len);
  ech_key_private(key, private_key);
  *out_port = loopback_free_port();
  const char *cert = scratch_format(scratch, "%s.crt", cert_name);
  const char *cert_key = scratch_format(scratch, "%s.key", cert_name);
  const char *const argv[] = {
      "bssl-tool",
      "server",
      "-accept",
      scratch_format(scratch, "%u", *out_port),
      "-cert",
      scratch_path(scratch, cert),
      "-key",
      scratch_path(scratch, cert_key),
      "-ech-key",
      scratch_write(scratch, "ech.raw", private_key, sizeof(private_key)),
      "-ech-config",
      scratch_write(scratch, "ech.config", list + kListPrefixLen,
                    list_len - kListPrefixLen),
      "-loop",
      "-www",
      NULL,
  };
  struct peer *peer = peer_start(argv, NULL);
  cr_assert(loopback_wait_for(*out_port), "bssl-tool: %s", peer_output(peer));
  return peer;
}
