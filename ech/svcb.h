// svcb reads the RDATA of one HTTPS record (RFC 9460, section 2.2), with the
// `ech` parameter of RFC 9848.

#ifndef ECHPROXY_ECH_SVCB_H
#define ECHPROXY_ECH_SVCB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

enum {
  kDnsNameSize = 254,  // 253 characters and a NUL
  kSvcbMaxHints = 16,  // more are dropped
};

// One record. Pointers point into the RDATA that was read.
struct svcb {
  uint16_t priority;          // 0 is AliasMode
  char target[kDnsNameSize];  // lower case, no final dot; "." means the owner
  bool no_default_alpn;
  bool has_port;
  bool compatible;  // false: `mandatory` names a key that is not known to us
  uint16_t port;
  const uint8_t *alpn;  // ALPN protocol list: u8 length and that many octets,
  size_t alpn_len;      // repeated; 0 when the key is absent
  const uint8_t *ech;   // ECHConfigList; NULL when the key is absent
  size_t ech_len;
  struct address hints[kSvcbMaxHints];  // ipv4hint, then ipv6hint; port 0
  size_t num_hints;
};

// svcb_parse reads `rdata`. False when it is malformed, which makes the whole
// RRset malformed (RFC 9460, section 2.2): a target that is compressed or not a
// name, keys out of order or twice, a value that its key does not allow,
// `mandatory` that names itself, a key twice, or one that is absent (section
// 8). In AliasMode parameters are read over. A target that holds octets which
// are not letters, digits, '-' or '_' is not a host name and counts as
// malformed too.
bool svcb_parse(struct svcb *out, const uint8_t *rdata, size_t len);

#endif
