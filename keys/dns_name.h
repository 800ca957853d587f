// dns_name says which host names we write into certificates and zone files.

#ifndef ECHPROXY_KEYS_DNS_NAME_H
#define ECHPROXY_KEYS_DNS_NAME_H

#include <stdbool.h>

// dns_name_valid says whether `name` is a host name of at most 253 octets,
// without a trailing dot: labels of 1 to 63 letters, digits, hyphens and
// underscores, which no host name should have and some sites do. A name that
// browsers read as an IPv4 address is none.
bool dns_name_valid(const char *name);

// dns_name_ends_in_number says whether the last label of `name` is all digits,
// or 0x followed by nothing but hexadecimal digits: what URL parsers take for
// a part of an IPv4 address (RFC 9849, section 6.1.7).
bool dns_name_ends_in_number(const char *name);

#endif
