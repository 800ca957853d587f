// bssl_server is BoringSSL's own command-line tool as an ECH server. It speaks
// HTTP/1.0, serves one connection after the other, and answers with a page
// about the connection.

#ifndef ECHPROXY_TESTS_SUPPORT_BSSL_SERVER_H
#define ECHPROXY_TESTS_SUPPORT_BSSL_SERVER_H

#include <stdint.h>

#include "keys/ech_key.h"
#include "support/peer.h"
#include "support/scratch.h"

// bssl_server_start runs `bssl-tool server` with the certificate that
// scratch_cert wrote as `cert_name` and the ECH `key`, borrowed until it
// returns, and sets the port of 127.0.0.1 that it listens on. Released with
// peer_free.
struct peer *bssl_server_start(struct scratch *scratch, uint16_t *out_port,
                               const char *cert_name,
                               const struct ech_key *key);

// bssl_server_start_file does so with the files that `keygen --format raw`
// wrote: `ech_path`, and the one beside it.
struct peer *bssl_server_start_file(struct scratch *scratch, uint16_t *out_port,
                                    const char *cert_name,
                                    const char *ech_path);

#endif
