// server_ech is what is known about ECH at a DNS server of ours: its own HTTPS
// or SVCB record, asked for over itself, so that later connections hide even
// which resolver is used.
//
// The record speaks of several endpoints; only what it says of the one that we
// connect to, by bootstrap address, counts: ServiceMode, its own name as the
// target, our port, our protocol. Once there is a usable configuration, no
// connection is made without it before its TTL is over, unless the server, with
// a certificate for the public name, says that it has switched ECH off.
// Afterwards it is still offered, until a new answer replaces it or a
// connection with it fails.
//
// It is thread-safe: the workers' channels to one server share it, so that none
// of them names the server in the clear when another knows its configuration.

#ifndef ECHPROXY_ECH_SERVER_ECH_H
#define ECHPROXY_ECH_SERVER_ECH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/dns_message.h"
#include "ech/dns_server.h"

struct server_ech;

// server_ech_new makes one that knows nothing, with one reference. Times are
// uv_now's.
struct server_ech *server_ech_new(void);

// server_ech_ref adds a reference, and server_ech_unref drops one. NULL does
// nothing.
void server_ech_ref(struct server_ech *ech);
void server_ech_unref(struct server_ech *ech);

// server_ech_list returns the configuration list to offer, a copy released with
// `free`, or NULL when none is known.
uint8_t *server_ech_list(struct server_ech *ech, size_t *out_len);

// server_ech_question writes what to ask for: HTTPS at the name of a DoH server
// (RFC 9460, section 9.1), SVCB at `_dns.` and the name of a DoT server (RFC
// 9461, section 3). False for a server that has no name.
bool server_ech_question(char out_name[kDnsNameSize], enum dns_type *out_type,
                         const struct dns_server *server);

// server_ech_is_due says whether the record should be asked for. When it says
// so it waits a while before it says so again.
bool server_ech_is_due(struct server_ech *ech, uint64_t now_ms);

// server_ech_learn takes in the server's answer to the question.
void server_ech_learn(struct server_ech *ech, const struct dns_server *server,
                      const struct dns_answer *answer, uint64_t now_ms);

// server_ech_replace takes retry configurations, verified for the public name,
// which it copies, for what is left of the TTL.
void server_ech_replace(struct server_ech *ech, const uint8_t *list,
                        size_t len);

// server_ech_disable says that the server has securely switched ECH off.
void server_ech_disable(struct server_ech *ech);

// server_ech_fail says that a connection with the configuration came to
// nothing: past its TTL it is forgotten.
void server_ech_fail(struct server_ech *ech, uint64_t now_ms);

#endif
