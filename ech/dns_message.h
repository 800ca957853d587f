// dns_message makes queries and reads answers (RFC 1035, RFC 6891, RFC 7830).
// Names are kept and compared in the form of wire_name.h; records that stand at
// any other name are not looked at.

#ifndef ECHPROXY_ECH_DNS_MESSAGE_H
#define ECHPROXY_ECH_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/wire_name.h"
#include "net/address.h"

enum dns_type {
  DNS_A = 1,
  DNS_NS = 2,
  DNS_AAAA = 28,
  DNS_SVCB = 64,
  DNS_HTTPS = 65,
};

enum {
  kDnsQueryBlock = 128,  // queries are padded to a multiple (RFC 8467, 4.1)
  kDnsQueryMaxLen = 512,
  kDnsMaxMessage = 65535,
  kDnsMaxRecords = 64,  // of the type asked for; more are an error
  kDnsMaxCnames = 8,
  kDnsMaxAnswers = 256,  // records of any type; more are an error
};

// dns_query_write writes a recursive query with id 0 (RFC 8484, section 4.1),
// an OPT record and padding. `name` has no final dot, but for the root, which
// is
// ".", and is sent in lower case.
// False when wire_name.h says that it is not a name. `*out_len` is always a
// multiple of kDnsQueryBlock.
bool dns_query_write(uint8_t out[kDnsQueryMaxLen], size_t *out_len,
                     const char *name, enum dns_type type);

enum { kDnsHeaderLen = 12 };

// dns_message_id and dns_message_set_id read and write the id of a message,
// which has at least kDnsHeaderLen octets.
uint16_t dns_message_id(const uint8_t *message);
void dns_message_set_id(uint8_t *message, uint16_t id);

// dns_message_is_truncated says whether TC is set: there is more than fits.
bool dns_message_is_truncated(const uint8_t *message);

// dns_message_answers says whether `message` answers `query`, whose id it has:
// a response to the same question, or an error without one (RFC 7766, section
// 7).
bool dns_message_answers(const uint8_t *message, size_t len,
                         const uint8_t *query, size_t query_len);

#define DNS_STATUSES(X)                                            \
  X(DNS_OK, "answered")                                            \
  X(DNS_NODATA, "no record of this type")                          \
  X(DNS_NXDOMAIN, "the name does not exist")                       \
  X(DNS_SERVFAIL, "the resolver failed to look it up (SERVFAIL)")  \
  X(DNS_REFUSED, "the resolver refused or failed (an error code)") \
  X(DNS_BOGUS, "the answer is malformed or does not belong to the question")

enum dns_status {
#define X(name, text) name,
  DNS_STATUSES(X)
#undef X
};

const char *dns_status_str(enum dns_status status);

// One record of the type asked for, after CNAMEs.
struct dns_record {
  const uint8_t *rdata;  // points into the message
  size_t rdata_len;
};

struct dns_answer {
  enum dns_status status;
  // The name that the records stand at: the question's, or where its CNAMEs
  // lead. Lower case, no final dot. Set with DNS_OK and DNS_NODATA.
  char name[kDnsNameSize];
  // How long the answer may be kept, in seconds: the smallest TTL of the
  // CNAMEs on the way and of the records; for DNS_NODATA and DNS_NXDOMAIN of
  // the CNAMEs and the SOA (RFC 2308, section 5), 0 without one. A TTL with its
  // top bit set is 0. 0 with any other status.
  uint32_t ttl;
  struct dns_record records[kDnsMaxRecords];
  size_t num_records;  // 0 unless DNS_OK
};

// dns_answer_parse reads `message` as the answer to the query for `name` and
// `type`. It never fails but with out->status DNS_BOGUS: not a response,
// another question or id, truncated (TC), a referral, a CNAME loop or more than
// kDnsMaxCnames, a CNAME beside other records, a record that lies about its
// length. `out` points into `message`.
void dns_answer_parse(struct dns_answer *out, const uint8_t *message,
                      size_t len, const char *name, enum dns_type type);

// dns_record_address reads an A (4 octets) or AAAA (16 octets) record. The port
// is 0.
bool dns_record_address(struct address *out, const struct dns_record *record,
                        enum dns_type type);

#endif
