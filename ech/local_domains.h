// local_domains is the user's list of domains whose names are for the system's
// resolver (split horizon): those of a company or a home, that public DNS does
// not know or must not hear of.

#ifndef ECHPROXY_ECH_LOCAL_DOMAINS_H
#define ECHPROXY_ECH_LOCAL_DOMAINS_H

#include <stdbool.h>
#include <stddef.h>

#include "ech/wire_name.h"

// All zero at first; released with local_domains_cleanup.
struct local_domains {
  char (*domains)[kDnsNameSize];
  size_t num_domains;
};

void local_domains_cleanup(struct local_domains *domains);

// local_domains_normalize brings `text` into the form of wire_name.h: a leading
// "*." or dot and a final dot are dropped. False when it is no domain.
bool local_domains_normalize(char out[kDnsNameSize], const char *text);

// local_domains_add adds `text`, and with it all names below. False when it is
// no domain.
bool local_domains_add(struct local_domains *domains, const char *text);

// local_domains_contain says whether `name`, in the form of wire_name.h, is in
// one of the domains.
bool local_domains_contain(const struct local_domains *domains,
                           const char *name);

#endif
