// unbound is the encrypted resolver of the tests: the real program, as a DoH
// and DoT server with records of the test's own under `test.`.

#ifndef ECHPROXY_TESTS_SUPPORT_UNBOUND_H
#define ECHPROXY_TESTS_SUPPORT_UNBOUND_H

#include <stdint.h>

#include "support/scratch.h"

struct unbound;

// unbound_start runs unbound with the certificate scratch_cert wrote as
// `cert_name`, and the `records`, zone lines, NULL at their end. Names below
// `test.` that have none do not exist, but for `broken.test`: whatever is asked
// about it gets SERVFAIL. Released with unbound_stop.
struct unbound *unbound_start(struct scratch *scratch, const char *cert_name,
                              const char *const records[]);
void unbound_stop(struct unbound *unbound);

// unbound_cache_start runs it as a resolver that has no records of its own: it
// asks the DNS server on `upstream_port` of 127.0.0.1 for names below `test.`,
// and keeps the answers for their TTL. Released with unbound_stop.
struct unbound *unbound_cache_start(struct scratch *scratch,
                                    const char *cert_name,
                                    uint16_t upstream_port);

// unbound_port returns the port of 127.0.0.1 that answers
// https://127.0.0.1:PORT/dns-query.
uint16_t unbound_port(const struct unbound *unbound);

// unbound_tls_port returns the port that speaks DNS over TLS.
uint16_t unbound_tls_port(const struct unbound *unbound);

// unbound_plain_port returns the port that answers in the clear: over UDP up to
// 512 octets, more over TCP.
uint16_t unbound_plain_port(const struct unbound *unbound);

#endif
