// ech_public_name is the rule for the name that an ECH client shows to the
// network in place of the site's.

#ifndef ECHPROXY_KEYS_ECH_PUBLIC_NAME_H
#define ECHPROXY_KEYS_ECH_PUBLIC_NAME_H

#include <stdbool.h>

// ech_public_name_valid says whether clients may use `name` as a public_name
// (RFC 9849, section 6.1.7): LDH labels of at most 63 octets, at most 255 in
// all, no dot at either end, and a last label that no parser takes for a part
// of an IPv4 address.
bool ech_public_name_valid(const char *name);

#endif
