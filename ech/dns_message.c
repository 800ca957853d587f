#include "ech/dns_message.h"

#include <arpa/nameser.h>
#include <openssl/bytestring.h>
#include <resolv.h>
#include <string.h>

enum {
  kFlagRecursionDesired = 0x0100,
  kOptionPadding = 12,  // RFC 7830
  kOptionHeaderLen = 4,
  // For a stub on loopback; it means nothing to DoH and DoT.
  kUdpPayloadSize = 4096,
  kIpv4Len = 4,
  kIpv6Len = 16,
  kSoaNumbersLen = 20,  // what follows the two names of an SOA
  kSoaMinimumOffset = 16,
};

const char *dns_status_str(enum dns_status status) {
  static const char *const kTexts[] = {
#define X(name, text) [name] = text,
      DNS_STATUSES(X)
#undef X
  };
  return kTexts[status];
}

static bool write_name(CBB *cbb, const char *name) {
  return strcmp(name, ".") == 0 ? CBB_add_u8(cbb, 0)
                                : wire_name_write(cbb, name);
}

// write_head writes the header and the question.
static bool write_head(CBB *cbb, const char *name, enum dns_type type) {
  return CBB_add_u16(cbb, 0) &&                      // ID
         CBB_add_u16(cbb, kFlagRecursionDesired) &&  //
         CBB_add_u16(cbb, 1) &&                      // QDCOUNT
         CBB_add_u16(cbb, 0) &&                      // ANCOUNT
         CBB_add_u16(cbb, 0) &&                      // NSCOUNT
         CBB_add_u16(cbb, 1) &&                      // ARCOUNT
         write_name(cbb, name) && CBB_add_u16(cbb, (uint16_t)type) &&
         CBB_add_u16(cbb, ns_c_in);
}

// write_opt writes the OPT record, padded so that the message ends on a block.
static bool write_opt(CBB *cbb) {
  CBB options, padding;
  if (!CBB_add_u8(cbb, 0) ||  // the root
      !CBB_add_u16(cbb, ns_t_opt) || !CBB_add_u16(cbb, kUdpPayloadSize) ||
      !CBB_add_u32(cbb, 0) ||  // extended RCODE, version 0, no flags
      !CBB_flush(cbb)) {
    return false;
  }
  size_t unpadded = CBB_len(cbb) + sizeof(uint16_t) + kOptionHeaderLen;
  size_t pad = (kDnsQueryBlock - unpadded % kDnsQueryBlock) % kDnsQueryBlock;
  uint8_t *zeros;
  if (!CBB_add_u16_length_prefixed(cbb, &options) ||
      !CBB_add_u16(&options, kOptionPadding) ||
      !CBB_add_u16_length_prefixed(&options, &padding) ||
      !CBB_add_space(&padding, &zeros, pad)) {
    return false;
  }
  memset(zeros, 0, pad);
  return CBB_flush(cbb);
}

bool dns_query_write(uint8_t out[kDnsQueryMaxLen], size_t *out_len,
                     const char *name, enum dns_type type) {
  CBB cbb;
  bool ok = CBB_init_fixed(&cbb, out, kDnsQueryMaxLen) &&
            write_head(&cbb, name, type) && write_opt(&cbb) &&
            CBB_finish(&cbb, NULL, out_len);
  CBB_cleanup(&cbb);
  return ok;
}

uint16_t dns_message_id(const uint8_t *message) {
  return (uint16_t)(message[0] << 8 | message[1]);
}

void dns_message_set_id(uint8_t *message, uint16_t id) {
  message[0] = (uint8_t)(id >> 8);
  message[1] = (uint8_t)id;
}

bool dns_message_is_truncated(const uint8_t *message) {
  return (message[2] & 0x02) != 0;
}

// Returns where the question of a query that we wrote ends.
static size_t question_end(const uint8_t *query, size_t len) {
  size_t at = kDnsHeaderLen;
  while (at < len && query[at] != 0) {
    at += 1u + query[at];
  }
  at += 1 + 2 * sizeof(uint16_t);  // the root, type and class
  return at < len ? at : len;
}

static uint8_t to_lower(uint8_t octet) {
  return (uint8_t)(octet >= 'A' && octet <= 'Z' ? octet + ('a' - 'A') : octet);
}

bool dns_message_answers(const uint8_t *message, size_t len,
                         const uint8_t *query, size_t query_len) {
  if (len < kDnsHeaderLen || (message[2] & 0x80) == 0) {
    return false;
  }
  bool is_error = (message[3] & 0x0f) != 0;
  if (is_error && message[4] == 0 && message[5] == 0) {
    return true;
  }
  size_t end = question_end(query, query_len);
  if (len < end || message[4] != 0 || message[5] != 1) {
    return false;
  }
  // A length octet is no letter. A type that only differs in what would be a
  // letter's case is found out by dns_answer_parse.
  for (size_t i = kDnsHeaderLen; i < end; i++) {
    if (to_lower(message[i]) != to_lower(query[i])) {
      return false;
    }
  }
  return true;
}

// usable_ttl reads a TTL with its top bit set as 0 (RFC 2181, section 8).
static uint32_t usable_ttl(uint32_t ttl) { return ttl > INT32_MAX ? 0 : ttl; }

static uint32_t min_u32(uint32_t a, uint32_t b) { return a < b ? a : b; }

static bool is_named(const ns_rr *rr, const char *name) {
  char owner[kDnsNameSize];
  return wire_name_normalize(owner, ns_rr_name(*rr)) &&
         strcmp(owner, name) == 0;
}

// question_matches says whether `msg` is a response to exactly our question,
// with the id that our queries have.
static bool question_matches(ns_msg *msg, const char *name,
                             enum dns_type type) {
  ns_rr rr;
  return ns_msg_id(*msg) == 0 && ns_msg_getflag(*msg, ns_f_qr) == 1 &&
         ns_msg_getflag(*msg, ns_f_opcode) == ns_o_query &&
         ns_msg_getflag(*msg, ns_f_tc) == 0 &&
         ns_msg_count(*msg, ns_s_qd) == 1 &&
         ns_parserr(msg, ns_s_qd, 0, &rr) == 0 &&
         (int)ns_rr_type(rr) == (int)type && (int)ns_rr_class(rr) == ns_c_in &&
         is_named(&rr, name);
}

// read_rcode gives the RCODE with the upper bits of the OPT record (RFC 6891,
// section 6.1.3). False when a record is broken.
static bool read_rcode(ns_msg *msg, int *out_rcode) {
  int rcode = ns_msg_getflag(*msg, ns_f_rcode);
  for (int i = 0; i < ns_msg_count(*msg, ns_s_ar); i++) {
    ns_rr rr;
    if (ns_parserr(msg, ns_s_ar, i, &rr) != 0) {
      return false;
    }
    if ((int)ns_rr_type(rr) == ns_t_opt) {
      rcode |= (int)(ns_rr_ttl(rr) >> 24) << 4;
    }
  }
  *out_rcode = rcode;
  return true;
}

// read_cname replaces `name` by where the CNAME record `rr` points.
static bool read_cname(ns_msg *msg, const ns_rr *rr, char name[kDnsNameSize]) {
  char text[NS_MAXDNAME];
  // The name may point anywhere in the message, but must itself fill the RDATA.
  int used = ns_name_uncompress(ns_msg_base(*msg), ns_msg_end(*msg),
                                ns_rr_rdata(*rr), text, sizeof(text));
  return used >= 0 && used == ns_rr_rdlen(*rr) &&
         wire_name_normalize(name, text);
}

// take_record adds `rr` to the records of `out`.
static bool take_record(struct dns_answer *out, const ns_rr *rr) {
  if (out->num_records == kDnsMaxRecords) {
    return false;
  }
  struct dns_record *record = &out->records[out->num_records++];
  record->rdata = ns_rr_rdata(*rr);
  record->rdata_len = ns_rr_rdlen(*rr);
  out->ttl = min_u32(out->ttl, usable_ttl(ns_rr_ttl(*rr)));
  return true;
}

// read_name looks at all answers that stand at out->name: either the records of
// `type`, which it keeps, or one CNAME, which it puts into `target`, otherwise
// "". False when the answer is bogus.
static bool read_name(struct dns_answer *out, ns_msg *msg, enum dns_type type,
                      char target[kDnsNameSize]) {
  target[0] = '\0';
  for (int i = 0; i < ns_msg_count(*msg, ns_s_an); i++) {
    ns_rr rr;
    if (ns_parserr(msg, ns_s_an, i, &rr) != 0) {
      return false;
    }
    if ((int)ns_rr_class(rr) != ns_c_in || !is_named(&rr, out->name)) {
      continue;
    }
    if ((int)ns_rr_type(rr) == (int)type) {
      if (!take_record(out, &rr)) {
        return false;
      }
    } else if ((int)ns_rr_type(rr) == ns_t_cname) {
      if (target[0] != '\0' || !read_cname(msg, &rr, target)) {
        return false;
      }
      out->ttl = min_u32(out->ttl, usable_ttl(ns_rr_ttl(rr)));
    }
  }
  // A name with a CNAME has nothing else (RFC 2181, section 10.1).
  return target[0] == '\0' || out->num_records == 0;
}

// read_answers follows the CNAMEs, which may stand in any order, to the records
// of `type`.
static bool read_answers(struct dns_answer *out, ns_msg *msg,
                         enum dns_type type) {
  if (ns_msg_count(*msg, ns_s_an) > kDnsMaxAnswers) {
    return false;
  }
  for (int cnames = 0; cnames <= kDnsMaxCnames; cnames++) {
    char target[kDnsNameSize];
    if (!read_name(out, msg, type, target)) {
      return false;
    }
    if (target[0] == '\0') {
      return true;
    }
    memcpy(out->name, target, sizeof(target));
  }
  return false;
}

// read_soa gives how long a negative answer may be kept: the lesser of the
// SOA's TTL and its MINIMUM.
static bool read_soa(const ns_rr *rr, uint32_t *out_ttl) {
  const uint8_t *pos = ns_rr_rdata(*rr);
  const uint8_t *end = pos + ns_rr_rdlen(*rr);
  for (int names = 0; names < 2; names++) {
    int skipped = dn_skipname(pos, end);
    if (skipped < 0) {
      return false;
    }
    pos += skipped;
  }
  CBS minimum;
  CBS_init(&minimum, pos, (size_t)(end - pos));
  uint32_t seconds;
  if (CBS_len(&minimum) != kSoaNumbersLen ||
      !CBS_skip(&minimum, kSoaMinimumOffset) ||
      !CBS_get_u32(&minimum, &seconds)) {
    return false;
  }
  *out_ttl = min_u32(usable_ttl(ns_rr_ttl(*rr)), usable_ttl(seconds));
  return true;
}

// read_authority finds the TTL of a negative answer. Servers but no SOA are a
// referral (RFC 2308, section 2.2): whoever sent it does not know.
static bool read_authority(struct dns_answer *out, ns_msg *msg) {
  bool has_soa = false;
  bool has_servers = false;
  for (int i = 0; i < ns_msg_count(*msg, ns_s_ns); i++) {
    ns_rr rr;
    uint32_t ttl;
    if (ns_parserr(msg, ns_s_ns, i, &rr) != 0) {
      return false;
    }
    has_servers = has_servers || (int)ns_rr_type(rr) == ns_t_ns;
    if ((int)ns_rr_type(rr) == ns_t_soa) {
      if (!read_soa(&rr, &ttl)) {
        return false;
      }
      has_soa = true;
      out->ttl = min_u32(out->ttl, ttl);
    }
  }
  if (!has_soa) {
    out->ttl = 0;
  }
  return has_soa || !has_servers;
}

// read_status fills `out` but for its status, which it returns.
static enum dns_status read_status(struct dns_answer *out, ns_msg *msg,
                                   enum dns_type type) {
  int rcode;
  if (!question_matches(msg, out->name, type) || !read_rcode(msg, &rcode)) {
    return DNS_BOGUS;
  }
  if (rcode != ns_r_noerror && rcode != ns_r_nxdomain) {
    return rcode == ns_r_servfail ? DNS_SERVFAIL : DNS_REFUSED;
  }
  out->ttl = UINT32_MAX;
  if (!read_answers(out, msg, type)) {
    return DNS_BOGUS;
  }
  if (out->num_records > 0) {
    return rcode == ns_r_noerror ? DNS_OK : DNS_BOGUS;
  }
  if (!read_authority(out, msg)) {
    return DNS_BOGUS;
  }
  return rcode == ns_r_noerror ? DNS_NODATA : DNS_NXDOMAIN;
}

void dns_answer_parse(struct dns_answer *out, const uint8_t *message,
                      size_t len, const char *name, enum dns_type type) {
  memset(out, 0, sizeof(*out));
  out->status = DNS_BOGUS;
  ns_msg msg;
  // Walks all sections, and refuses a record that runs over the end and octets
  // after the last one.
  if (len <= kDnsMaxMessage && wire_name_normalize(out->name, name) &&
      ns_initparse(message, (int)len, &msg) == 0) {
    out->status = read_status(out, &msg, type);
  }
  if (out->status != DNS_OK) {
    out->num_records = 0;
  }
  if (out->status != DNS_OK && out->status != DNS_NODATA) {
    out->name[0] = '\0';
  }
  if (out->status >= DNS_SERVFAIL) {
    out->ttl = 0;
  }
}

bool dns_record_address(struct address *out, const struct dns_record *record,
                        enum dns_type type) {
  bool is_ipv6 = type == DNS_AAAA;
  size_t len = is_ipv6 ? kIpv6Len : kIpv4Len;
  if ((!is_ipv6 && type != DNS_A) || record->rdata_len != len) {
    return false;
  }
  struct address address = {.is_ipv6 = is_ipv6};
  memcpy(address.ip, record->rdata, len);
  *out = address;
  return true;
}
