// wire_name is the one form in which names from DNS messages are kept and
// compared: lower case, no final dot, and no octets but letters, digits, '-',
// '_' and the dots between labels. Names with other octets exist in DNS but not
// on hosts, and could be taken for another name once they are text.

#ifndef ECHPROXY_ECH_WIRE_NAME_H
#define ECHPROXY_ECH_WIRE_NAME_H

#include <openssl/bytestring.h>
#include <stdbool.h>

enum {
  kDnsNameSize = 254,  // 253 characters and a NUL
  kDnsLabelMaxLen = 63,
};

// wire_name_normalize brings `text`, which has no final dot, into that form.
// False when it is empty or not such a name.
bool wire_name_normalize(char out[kDnsNameSize], const char *text);

// wire_name_read reads an uncompressed name (RFC 1035, section 3.1) from
// `cbs`. The root becomes ".".
bool wire_name_read(char out[kDnsNameSize], CBS *cbs);

// wire_name_write adds `name` to `cbb` as labels, in lower case. False when it
// is not a name as above, or when `cbb` is full.
bool wire_name_write(CBB *cbb, const char *name);

#endif
