// https_records reads the HTTPS RRset of a name as a whole (RFC 9460): which
// mode it is in, which of its records we may use, and in which of them there is
// ECH.

#ifndef ECHPROXY_ECH_HTTPS_RECORDS_H
#define ECHPROXY_ECH_HTTPS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/dns_message.h"
#include "ech/svcb.h"

enum { kHttpsMaxRecords = 16 };

enum https_mode {
  HTTPS_MALFORMED,  // a record is; then none of the RRset is used (section 2.2)
  HTTPS_ALIAS,
  HTTPS_SERVICE,
};

// A ServiceMode record that we may use, with memory of its own.
struct https_record {
  uint16_t priority;
  char target[kDnsNameSize];  // never "."
  bool target_is_owner;       // the record says "."
  uint16_t port;              // 0: none given
  uint8_t *ech;               // NULL when there is none that is usable
  size_t ech_len;
  uint8_t *alpn;
  size_t alpn_len;
  bool no_default_alpn;
  struct address hints[kSvcbMaxHints];
  size_t num_hints;
};

struct https_records {
  enum https_mode mode;
  char alias[kDnsNameSize];  // HTTPS_ALIAS: where to; "." for nowhere
  // HTTPS_SERVICE: those that are compatible, ECH first, then by priority. More
  // than kHttpsMaxRecords are dropped from the end.
  struct https_record records[kHttpsMaxRecords];
  size_t num_records;
};

// https_records_read reads the records of `answer`, whose status is DNS_OK.
// `out` is released with https_records_cleanup.
void https_records_read(struct https_records *out,
                        const struct dns_answer *answer);

// https_records_cleanup releases what `records` holds; all zero is fine.
void https_records_cleanup(struct https_records *records);

#endif
