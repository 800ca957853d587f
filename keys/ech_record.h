// ech_record is the HTTPS record that publishes ECH configurations for a site
// (RFC 9460, RFC 9848), in the forms that DNS servers and their tools take. It
// holds public data only.

#ifndef ECHPROXY_KEYS_ECH_RECORD_H
#define ECHPROXY_KEYS_ECH_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "keys/key_error.h"

struct ech_record;

// ech_record_new makes the record of priority 1 for the site `name`, which may
// end in a dot, and may begin with `*.` for port 443. For other ports it stands
// at _PORT._https.NAME (RFC 9460, section 9.1), with NAME spelt out as its
// target, because `.` would send clients to the addresses of the longer name.
// `alpn` lists protocols with commas between them, such as "h2,http/1.1"; "" is
// a record without that parameter. `list` is an ECHConfigList. All is copied.
// NULL with the reason in `out_error` when a part cannot stand in a record.
// Released with ech_record_free.
struct ech_record *ech_record_new(const char *name, uint16_t port, uint32_t ttl,
                                  const char *alpn, const uint8_t *list,
                                  size_t list_len, struct key_error *out_error);

// ech_record_free releases `record`. NULL does nothing.
void ech_record_free(struct ech_record *record);

// The next three return a text that is released with OPENSSL_free, or NULL when
// memory is short.

// ech_record_zone_line returns the record as zone files have it, without a
// newline:
//   NAME. 1800 IN HTTPS 1 . alpn="h2,http/1.1" ech=BASE64
char *ech_record_zone_line(const struct ech_record *record);

// ech_record_generic_line returns it for servers that do not know the type (RFC
// 3597, section 5), without a newline:
//   NAME. 1800 IN TYPE65 \# LEN HEX
char *ech_record_generic_line(const struct ech_record *record);

// ech_record_nsupdate returns commands for nsupdate, each on a line of its own,
// that put this record in the place of all HTTPS records of its name, in one
// transaction (RFC 2136), and send them.
char *ech_record_nsupdate(const struct ech_record *record);

// ech_record_target returns the target without its last dot: "" when it is the
// record's own name. Borrowed while `record` lives.
const char *ech_record_target(const struct ech_record *record);

// ech_record_base64 returns the ECHConfigList in base64, likewise borrowed.
const char *ech_record_base64(const struct ech_record *record);

#endif
