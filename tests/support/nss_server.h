// nss_server is NSS's selfserv: an ECH server on a TLS library that is not
// BoringSSL. It speaks HTTP/1.0 and answers every request with a page.

#ifndef ECHPROXY_TESTS_SUPPORT_NSS_SERVER_H
#define ECHPROXY_TESTS_SUPPORT_NSS_SERVER_H

#include <stdint.h>

#include "keys/ech_key.h"
#include "support/peer.h"
#include "support/scratch.h"

// nss_server_start runs selfserv with `cert` and the ECH `key`, both borrowed
// until it returns, and sets the port of 127.0.0.1 that it listens on. Released
// with peer_free.
struct peer *nss_server_start(struct scratch *scratch, uint16_t *out_port,
                              const struct test_cert *cert,
                              const struct ech_key *key);

// nss_server_start_file does so with the file that `keygen --format nss` wrote.
struct peer *nss_server_start_file(struct scratch *scratch, uint16_t *out_port,
                                   const struct test_cert *cert,
                                   const char *ech_path);

// nss_server_start_for does so, and refuses hellos for any other name than
// `name`. For the others it writes "Negotiated server name: NAME".
struct peer *nss_server_start_for(struct scratch *scratch, uint16_t *out_port,
                                  const struct test_cert *cert,
                                  const struct ech_key *key, const char *name);

#endif
