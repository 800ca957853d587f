// svcb reads the RDATA of one HTTPS record (RFC 9460, section 2.2), with the
// `ech` parameter of RFC 9848.

#ifndef ECHPROXY_ECH_SVCB_H
#define ECHPROXY_ECH_SVCB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/wire_name.h"
#include "net/address.h"

enum { kSvcbMaxHints = 16 };  // more are dropped

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
  const uint8_t *ech;   // see below; NULL when the key is absent
  size_t ech_len;
  struct address hints[kSvcbMaxHints];  // ipv4hint, then ipv6hint; port 0
  size_t num_hints;
};

// svcb_parse reads `rdata`. False when it is malformed, which makes the whole
// RRset malformed (RFC 9460, section 2.2): a target that is compressed or not a
// name, keys out of order or twice, the invalid key 65535, a value that its key
// does not allow, no-default-alpn without alpn (section 7.1.1), `mandatory`
// that names itself, a key twice, or one that is absent (section 8). A target
// that is not a name as wire_name.h says counts as malformed too.
//
// In AliasMode the parameters only have to be framed and ordered as section 2.2
// says; their values are not looked at (section 2.4.2) and nothing of them is
// set.
//
// The value of `ech` is handed out as it stands, even when it is empty or not a
// well-formed ECHConfigList: the record is still good for reaching the site, so
// the caller asks config_list.h and treats it as a record without a usable
// `ech`.
bool svcb_parse(struct svcb *out, const uint8_t *rdata, size_t len);

#endif
