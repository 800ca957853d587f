// special_name tells the names that public DNS may be asked about from those
// that never leave this machine's own resolver, or that no resolver may see
// (RFC 6761).

#ifndef ECHPROXY_ECH_SPECIAL_NAME_H
#define ECHPROXY_ECH_SPECIAL_NAME_H

#include <stdbool.h>

#include "ech/wire_name.h"
#include "net/address.h"

enum name_kind {
  NAME_PUBLIC,       // ask DNS
  NAME_IP,           // an IP address, nothing to ask
  NAME_LOOPBACK,     // localhost and below (RFC 6761, section 6.3)
  NAME_SYSTEM,       // for the system's resolver: single labels, .local (RFC
                     // 6762), .home.arpa (RFC 8375)
  NAME_ONION,        // must not be asked for (RFC 7686, section 2)
  NAME_NONEXISTENT,  // .invalid (RFC 6761, section 6.4); and ech.internal,
                     // which is this program's own name for itself
  NAME_NOT_A_HOST,   // not a host name at all
};

// special_name_classify says what `host` is. A final dot is dropped. `out_name`
// is the name in the form of wire_name.h, but for NAME_IP, which sets `out_ip`
// with port 0, and NAME_NOT_A_HOST.
enum name_kind special_name_classify(char out_name[kDnsNameSize],
                                     struct address *out_ip, const char *host);

// special_name_is_within says whether `name` is `domain` or below it, both in
// the form of wire_name.h.
bool special_name_is_within(const char *name, const char *domain);

#endif
