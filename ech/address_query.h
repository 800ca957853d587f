// address_query finds the addresses of one name, IPv4 and IPv6 at the same
// time.

#ifndef ECHPROXY_ECH_ADDRESS_QUERY_H
#define ECHPROXY_ECH_ADDRESS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/dns_client.h"
#include "net/address.h"

enum { kAddressQueryMax = 16 };

struct address_query;

// address_query_cb says that there is more to know, twice at most.
typedef void address_query_cb(void *owner);

// address_query_start asks for A and AAAA of `name`, within `timeout_ms`. The
// result is released with address_query_free, which lets `on_more` run no more.
struct address_query *address_query_start(struct dns_client *client,
                                          const char *name, uint64_t timeout_ms,
                                          address_query_cb *on_more,
                                          void *owner);
void address_query_free(struct address_query *query);

// address_query_name returns the name asked for.
const char *address_query_name(const struct address_query *query);

// address_query_is_done says whether both answers are in.
bool address_query_is_done(const struct address_query *query);

// address_query_addresses writes what was found so far, IPv6 first, with
// `port`, and returns how many.
size_t address_query_addresses(const struct address_query *query, uint16_t port,
                               struct address out[kAddressQueryMax]);

// address_query_is_nxdomain says whether the name is known not to exist.
bool address_query_is_nxdomain(const struct address_query *query);

// address_query_ttl returns for how many seconds what was found so far may be
// kept. It is small while an answer is missing or could not be had.
uint32_t address_query_ttl(const struct address_query *query);

#endif
