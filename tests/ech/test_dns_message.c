#include "ech/dns_message.h"

#include <arpa/nameser.h>
#include <criterion/criterion.h>
#include <openssl/bytestring.h>
#include <resolv.h>
#include <string.h>

#include "support/mutate.h"

enum {
  kMaxLen = 65535 + 16,
  kResponse = 0x8180,  // QR, RD, RA
  kCname = 5,
  kSoa = 6,
  kNs = 2,
  kTxt = 16,
  kOpt = 41,
};

static const uint8_t kAddress[4] = {192, 0, 2, 1};

// A message under construction.
struct message {
  uint8_t bytes[kMaxLen];
  size_t len;
};

static void add(struct message *m, const void *bytes, size_t len) {
  cr_assert_leq(m->len + len, sizeof(m->bytes));
  memcpy(m->bytes + m->len, bytes, len);
  m->len += len;
}

static void add_u16(struct message *m, unsigned value) {
  uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
  add(m, bytes, sizeof(bytes));
}

// add_name adds `text` as it stands, without a check: labels may hold anything
// but dots. "" is the root.
static void add_name(struct message *m, const char *text) {
  while (*text != '\0') {
    uint8_t len = (uint8_t)strcspn(text, ".");
    add(m, &len, 1);
    add(m, text, len);
    text += len + (text[len] == '.' ? 1 : 0);
  }
  add(m, "", 1);
}

static void begin(struct message *m, unsigned flags, const char *question,
                  unsigned type) {
  m->len = 0;
  add_u16(m, 0);
  add_u16(m, flags);
  add_u16(m, 1);
  for (int i = 0; i < 3; i++) {
    add_u16(m, 0);
  }
  add_name(m, question);
  add_u16(m, type);
  add_u16(m, 1);
}

// add_record adds a record to `section` (1 to 3), which must not be before that
// of the last one.
static void add_record_of_class(struct message *m, int section,
                                const char *owner, unsigned type,
                                unsigned class, uint32_t ttl, const void *rdata,
                                size_t rdata_len) {
  uint8_t *count = m->bytes + 4 + 2 * section;
  unsigned num = (unsigned)(count[0] << 8 | count[1]) + 1;
  count[0] = (uint8_t)(num >> 8);
  count[1] = (uint8_t)num;
  add_name(m, owner);
  add_u16(m, type);
  add_u16(m, class);
  add_u16(m, ttl >> 16);
  add_u16(m, ttl & 0xffff);
  add_u16(m, (unsigned)rdata_len);
  add(m, rdata, rdata_len);
}

static void add_record(struct message *m, int section, const char *owner,
                       unsigned type, uint32_t ttl, const void *rdata,
                       size_t rdata_len) {
  add_record_of_class(m, section, owner, type, 1, ttl, rdata, rdata_len);
}

static void add_a(struct message *m, const char *owner, uint32_t ttl) {
  add_record(m, 1, owner, DNS_A, ttl, kAddress, sizeof(kAddress));
}

static void add_named(struct message *m, int section, const char *owner,
                      unsigned type, uint32_t ttl, const char *target) {
  struct message *rdata = calloc(1, sizeof(*rdata));
  add_name(rdata, target);
  add_record(m, section, owner, type, ttl, rdata->bytes, rdata->len);
  free(rdata);
}

static void add_cname(struct message *m, const char *owner, uint32_t ttl,
                      const char *target) {
  add_named(m, 1, owner, kCname, ttl, target);
}

static void add_soa(struct message *m, uint32_t ttl, uint32_t minimum) {
  struct message *rdata = calloc(1, sizeof(*rdata));
  add_name(rdata, "ns.example");
  add_name(rdata, "root.example");
  for (int i = 0; i < 4; i++) {
    add_u16(rdata, 0);
    add_u16(rdata, 7);
  }
  add_u16(rdata, minimum >> 16);
  add_u16(rdata, minimum & 0xffff);
  add_record(m, 2, "example", kSoa, ttl, rdata->bytes, rdata->len);
  free(rdata);
}

static enum dns_status parse_as(struct dns_answer *out, const struct message *m,
                                const char *name, enum dns_type type) {
  dns_answer_parse(out, m->bytes, m->len, name, type);
  return out->status;
}

static enum dns_status parse(struct dns_answer *out, const struct message *m) {
  return parse_as(out, m, "www.example", DNS_A);
}

static struct message m;
static struct dns_answer a;

static void expect_query(const char *name, enum dns_type type) {
  uint8_t query[kDnsQueryMaxLen];
  size_t len;
  ns_msg msg;
  ns_rr rr;
  cr_assert(dns_query_write(query, &len, name, type), "%s", name);
  cr_expect_eq(len % kDnsQueryBlock, 0);
  cr_assert_gt(len, 0);
  cr_assert_leq(len, kDnsQueryMaxLen);
  cr_assert_eq(ns_initparse(query, (int)len, &msg), 0);
  cr_expect_eq(ns_msg_id(msg), 0);
  cr_expect_eq(ns_msg_getflag(msg, ns_f_qr), 0);
  cr_expect_eq(ns_msg_getflag(msg, ns_f_opcode), 0);
  cr_expect_eq(ns_msg_getflag(msg, ns_f_rd), 1);
  cr_assert_eq(ns_msg_count(msg, ns_s_qd), 1);
  cr_assert_eq(ns_parserr(&msg, ns_s_qd, 0, &rr), 0);
  cr_expect_str_eq(ns_rr_name(rr), name);
  cr_expect_eq((int)ns_rr_type(rr), (int)type);
  cr_assert_eq(ns_msg_count(msg, ns_s_ar), 1);
  cr_assert_eq(ns_parserr(&msg, ns_s_ar, 0, &rr), 0);
  cr_expect_eq((int)ns_rr_type(rr), kOpt);
  cr_expect_geq((int)ns_rr_class(rr), 512);
  cr_expect_eq(ns_rr_ttl(rr), 0);
  // One option: padding, all zeros.
  const uint8_t *rdata = ns_rr_rdata(rr);
  cr_assert_geq(ns_rr_rdlen(rr), 4);
  cr_expect_eq(rdata[0] << 8 | rdata[1], 12);
  cr_expect_eq((rdata[2] << 8 | rdata[3]) + 4, ns_rr_rdlen(rr));
  for (int i = 4; i < ns_rr_rdlen(rr); i++) {
    cr_assert_eq(rdata[i], 0);
  }
}

Test(dns_message, pads_queries_for_names_of_every_length) {
  char name[kDnsNameSize];
  for (size_t len = 1; len < kDnsNameSize; len++) {
    memset(name, 'a', len);
    for (size_t i = 63; i < len; i += 64) {
      name[i] = '.';
    }
    if (name[len - 1] == '.') {
      continue;
    }
    name[len] = '\0';
    expect_query(name, DNS_HTTPS);
  }
  expect_query("_8443._https.www.example", DNS_HTTPS);
  expect_query("www.example", DNS_AAAA);
}

Test(dns_message, sends_names_in_lower_case) {
  uint8_t upper[kDnsQueryMaxLen], lower[kDnsQueryMaxLen];
  size_t upper_len, lower_len;
  cr_assert(dns_query_write(upper, &upper_len, "WWW.Example", DNS_A));
  cr_assert(dns_query_write(lower, &lower_len, "www.example", DNS_A));
  cr_assert_eq(upper_len, lower_len);
  cr_expect_arr_eq(upper, lower, lower_len);
}

Test(dns_message, asks_for_no_name_that_is_none) {
  static const char *const kCases[] = {"", "..", "a.", "a..b", "a b", "a\\.b"};
  uint8_t query[kDnsQueryMaxLen];
  size_t len;
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    cr_expect(!dns_query_write(query, &len, kCases[i], DNS_A), "%s", kCases[i]);
  }
}

Test(dns_message, reads_records_with_their_smallest_ttl) {
  begin(&m, kResponse, "www.example", DNS_A);
  add_a(&m, "www.example", 300);
  add_a(&m, "WWW.EXAMPLE", 60);
  add_a(&m, "www.example", 3600);
  cr_assert_eq(parse(&a, &m), DNS_OK);
  cr_expect_str_eq(a.name, "www.example");
  cr_expect_eq(a.ttl, 60);
  cr_assert_eq(a.num_records, 3);
  cr_expect_eq(a.records[0].rdata_len, 4);
  cr_expect_arr_eq(a.records[0].rdata, kAddress, 4);
  cr_expect_eq(a.records[2].rdata + 4, m.bytes + m.len);
}

Test(dns_message, reads_compressed_owners) {
  begin(&m, kResponse, "www.example", DNS_A);
  m.bytes[7] = 1;
  add_u16(&m, 0xc00c);
  add_u16(&m, DNS_A);
  add_u16(&m, 1);
  add_u16(&m, 0);
  add_u16(&m, 30);
  add_u16(&m, 4);
  add(&m, kAddress, 4);
  cr_assert_eq(parse(&a, &m), DNS_OK);
  cr_expect_eq(a.ttl, 30);
}

Test(dns_message, compares_the_question_without_case) {
  begin(&m, kResponse, "wWw.eXaMpLe", DNS_A);
  add_a(&m, "www.example", 1);
  cr_expect_eq(parse_as(&a, &m, "Www.Example", DNS_A), DNS_OK);
  cr_expect_str_eq(a.name, "www.example");
}

Test(dns_message, passes_over_what_does_not_answer) {
  begin(&m, kResponse, "www.example", DNS_A);
  add_a(&m, "other.example", 1);
  add_record_of_class(&m, 1, "www.example", DNS_A, 3, 2, kAddress, 4);
  add_record(&m, 1, "www.example", kTxt, 3, "\2hi", 3);
  add_cname(&m, "other.example", 4, "another.example");
  add_a(&m, "www.example", 300);
  // A name that would read like ours if its octets were not escaped.
  add_record(&m, 1, "www\\.example", DNS_A, 5, kAddress, 4);
  cr_assert_eq(parse(&a, &m), DNS_OK);
  cr_expect_eq(a.num_records, 1);
  cr_expect_eq(a.ttl, 300);
}

Test(dns_message, follows_cnames_in_any_order) {
  begin(&m, kResponse, "www.example", DNS_A);
  add_a(&m, "c.example", 300);
  add_cname(&m, "b.example", 20, "C.Example");
  add_cname(&m, "www.example", 100, "b.example");
  cr_assert_eq(parse(&a, &m), DNS_OK);
  cr_expect_str_eq(a.name, "c.example");
  cr_expect_eq(a.ttl, 20);
  cr_expect_eq(a.num_records, 1);
}

// add_chain adds `num` CNAMEs from www.example to n0.example, n1.example, ...
static void add_chain(int num) {
  char owner[32] = "www.example";
  for (int i = 0; i < num; i++) {
    char target[32];
    snprintf(target, sizeof(target), "n%d.example", i);
    add_cname(&m, owner, 60, target);
    memcpy(owner, target, sizeof(owner));
  }
  add_a(&m, owner, 60);
}

Test(dns_message, follows_so_many_cnames_and_no_more) {
  begin(&m, kResponse, "www.example", DNS_A);
  add_chain(kDnsMaxCnames);
  cr_expect_eq(parse(&a, &m), DNS_OK);
  cr_expect_str_eq(a.name, "n7.example");
  begin(&m, kResponse, "www.example", DNS_A);
  add_chain(kDnsMaxCnames + 1);
  cr_expect_eq(parse(&a, &m), DNS_BOGUS);
  cr_expect_eq(a.num_records, 0);
  cr_expect_str_eq(a.name, "");
}

Test(dns_message, refuses_cnames_that_lead_nowhere) {
  begin(&m, kResponse, "www.example", DNS_A);
  add_cname(&m, "www.example", 60, "www.example");
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "itself");

  begin(&m, kResponse, "www.example", DNS_A);
  add_cname(&m, "www.example", 60, "b.example");
  add_cname(&m, "b.example", 60, "www.example");
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "a loop");

  begin(&m, kResponse, "www.example", DNS_A);
  add_cname(&m, "www.example", 60, "b.example");
  add_cname(&m, "www.example", 60, "c.example");
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "two ways");

  begin(&m, kResponse, "www.example", DNS_A);
  add_cname(&m, "www.example", 60, "b.example");
  add_a(&m, "www.example", 60);
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "beside a record");

  begin(&m, kResponse, "www.example", DNS_A);
  add_cname(&m, "www.example", 60, "");
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "the root");

  begin(&m, kResponse, "www.example", DNS_A);
  add_cname(&m, "www.example", 60, "a b.example");
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "a name with a space");

  begin(&m, kResponse, "www.example", DNS_A);
  add_record(&m, 1, "www.example", kCname, 60, "\1b\0x", 4);
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "octets after the name");

  begin(&m, kResponse, "www.example", DNS_A);
  add_record(&m, 1, "www.example", kCname, 60, "\1b", 2);
  add_a(&m, "www.example", 60);
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "a name that runs over its record");
}

Test(dns_message, keeps_negative_answers_as_the_soa_says) {
  begin(&m, kResponse, "www.example", DNS_A);
  add_soa(&m, 3600, 60);
  cr_expect_eq(parse(&a, &m), DNS_NODATA);
  cr_expect_eq(a.ttl, 60);
  cr_expect_str_eq(a.name, "www.example");

  begin(&m, kResponse | 3, "www.example", DNS_A);
  add_soa(&m, 30, 60);
  cr_expect_eq(parse(&a, &m), DNS_NXDOMAIN);
  cr_expect_eq(a.ttl, 30);

  begin(&m, kResponse, "www.example", DNS_A);
  add_cname(&m, "www.example", 10, "b.example");
  add_soa(&m, 3600, 60);
  cr_expect_eq(parse(&a, &m), DNS_NODATA);
  cr_expect_eq(a.ttl, 10);
  cr_expect_str_eq(a.name, "b.example");

  begin(&m, kResponse, "www.example", DNS_A);
  cr_expect_eq(parse(&a, &m), DNS_NODATA);
  cr_expect_eq(a.ttl, 0, "no SOA");
}

Test(dns_message, reads_ttls_with_the_top_bit_as_0) {
  begin(&m, kResponse, "www.example", DNS_A);
  add_a(&m, "www.example", 0x80000001);
  cr_expect_eq(parse(&a, &m), DNS_OK);
  cr_expect_eq(a.ttl, 0);
  begin(&m, kResponse, "www.example", DNS_A);
  add_a(&m, "www.example", 0x7fffffff);
  cr_expect_eq(parse(&a, &m), DNS_OK);
  cr_expect_eq(a.ttl, 0x7fffffff);
  begin(&m, kResponse, "www.example", DNS_A);
  add_soa(&m, 5, 0xffffffff);
  cr_expect_eq(parse(&a, &m), DNS_NODATA);
  cr_expect_eq(a.ttl, 0);
}

Test(dns_message, tells_error_codes_apart) {
  for (unsigned rcode = 1; rcode < 16; rcode++) {
    begin(&m, kResponse | rcode, "www.example", DNS_A);
    enum dns_status status = rcode == 2   ? DNS_SERVFAIL
                             : rcode == 3 ? DNS_NXDOMAIN
                                          : DNS_REFUSED;
    cr_expect_eq(parse(&a, &m), status, "%u: %s", rcode,
                 dns_status_str(a.status));
    cr_expect_eq(a.ttl, 0);
  }
  // BADVERS is 16: NOERROR in the header, the rest in the OPT record.
  begin(&m, kResponse, "www.example", DNS_A);
  add_record(&m, 3, "", kOpt, 0x01000000, "", 0);
  cr_expect_eq(parse(&a, &m), DNS_REFUSED);
  begin(&m, kResponse, "www.example", DNS_A);
  add_record(&m, 3, "", kOpt, 0x00008000, "", 0);
  cr_expect_eq(parse(&a, &m), DNS_NODATA);
}

Test(dns_message, refuses_what_is_no_answer_to_the_question) {
  static const struct {
    const char *what;
    unsigned flags;
    const char *name;
    unsigned type;
  } kCases[] = {
      {"a query", 0x0100, "www.example", DNS_A},
      {"another operation", kResponse | 4 << 11, "www.example", DNS_A},
      {"truncated", kResponse | 0x0200, "www.example", DNS_A},
      {"truncated NXDOMAIN", kResponse | 0x0203, "www.example", DNS_A},
      {"another name", kResponse, "ww.example", DNS_A},
      {"another name, SERVFAIL", kResponse | 2, "ww.example", DNS_A},
      {"an escaped name", kResponse, "www\\.example", DNS_A},
      {"the root", kResponse, "", DNS_A},
      {"another type", kResponse, "www.example", DNS_AAAA},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    begin(&m, kCases[i].flags, kCases[i].name, kCases[i].type);
    add_a(&m, "www.example", 60);
    cr_expect_eq(parse(&a, &m), DNS_BOGUS, "%s", kCases[i].what);
    cr_expect_eq(a.num_records, 0);
  }
  begin(&m, kResponse, "www.example", DNS_A);
  m.bytes[m.len - 1] = 3;
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "another class");

  begin(&m, kResponse, "www.example", DNS_A);
  m.bytes[5] = 2;
  add_name(&m, "www.example");
  add_u16(&m, DNS_A);
  add_u16(&m, 1);
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "two questions");

  begin(&m, kResponse, "www.example", DNS_A);
  m.bytes[5] = 0;
  m.len = 12;
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "no question");
}

Test(dns_message, refuses_answers_that_contradict_themselves) {
  begin(&m, kResponse | 3, "www.example", DNS_A);
  add_a(&m, "www.example", 60);
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "NXDOMAIN and a record");

  begin(&m, kResponse, "www.example", DNS_A);
  add_named(&m, 2, "example", kNs, 60, "ns.example");
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "a referral");
  add_soa(&m, 60, 60);
  cr_expect_eq(parse(&a, &m), DNS_NODATA, "servers and an SOA");

  begin(&m, kResponse, "www.example", DNS_A);
  add_record(&m, 2, "example", kSoa, 60, "\0\0\0\0\0\1", 6);
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "an SOA cut short");

  begin(&m, kResponse, "www.example", DNS_A);
  add_a(&m, "www.example", 60);
  add(&m, "x", 1);
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "octets left over");

  begin(&m, kResponse, "www.example", DNS_A);
  add_a(&m, "www.example", 60);
  m.bytes[m.len - 5]++;
  cr_expect_eq(parse(&a, &m), DNS_BOGUS, "a record that runs over the end");
}

Test(dns_message, bounds_the_number_of_records) {
  begin(&m, kResponse, "www.example", DNS_A);
  for (int i = 0; i < kDnsMaxRecords; i++) {
    add_a(&m, "www.example", 60);
  }
  cr_expect_eq(parse(&a, &m), DNS_OK);
  cr_expect_eq(a.num_records, kDnsMaxRecords);
  add_a(&m, "www.example", 60);
  cr_expect_eq(parse(&a, &m), DNS_BOGUS);

  begin(&m, kResponse, "www.example", DNS_A);
  for (int i = 0; i < kDnsMaxAnswers; i++) {
    add_record(&m, 1, "www.example", kTxt, 60, "\0", 1);
  }
  cr_expect_eq(parse(&a, &m), DNS_NODATA);
  add_record(&m, 1, "www.example", kTxt, 60, "\0", 1);
  cr_expect_eq(parse(&a, &m), DNS_BOGUS);
}

Test(dns_message, takes_a_message_of_the_greatest_length_and_no_more) {
  static uint8_t filler[kMaxLen];
  begin(&m, kResponse, "www.example", DNS_A);
  size_t room = kDnsMaxMessage - m.len - 11;  // what a root TXT record takes
  add_record(&m, 1, "", kTxt, 60, filler, room);
  cr_assert_eq(m.len, kDnsMaxMessage);
  cr_expect_eq(parse(&a, &m), DNS_NODATA);
  m.len++;
  cr_expect_eq(parse(&a, &m), DNS_BOGUS);
}

Test(dns_message, refuses_names_that_point_in_circles) {
  begin(&m, kResponse, "www.example", DNS_A);
  m.bytes[7] = 1;
  unsigned here = (unsigned)m.len;
  add_u16(&m, 0xc000 | here);
  add_u16(&m, DNS_A);
  add_u16(&m, 1);
  add_u16(&m, 0);
  add_u16(&m, 60);
  add_u16(&m, 0);
  cr_expect_eq(parse(&a, &m), DNS_BOGUS);
}

Test(dns_message, reads_addresses_of_the_right_length_only) {
  static const uint8_t kIpv6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
  struct address address;
  struct dns_record v4 = {kAddress, 4};
  struct dns_record v6 = {kIpv6, 16};
  cr_assert(dns_record_address(&address, &v4, DNS_A));
  cr_expect(!address.is_ipv6);
  cr_expect_eq(address.port, 0);
  cr_expect_arr_eq(address.ip, kAddress, 4);
  cr_assert(dns_record_address(&address, &v6, DNS_AAAA));
  cr_expect(address.is_ipv6);
  cr_expect_arr_eq(address.ip, kIpv6, 16);
  cr_expect(!dns_record_address(&address, &v4, DNS_AAAA));
  cr_expect(!dns_record_address(&address, &v6, DNS_A));
  cr_expect(!dns_record_address(&address, &v4, DNS_HTTPS));
}

static void expect_sane(void *owner, const uint8_t *bytes, size_t len) {
  size_t *num_good = owner;
  struct dns_answer answer;
  dns_answer_parse(&answer, bytes, len, "www.example", DNS_A);
  if ((answer.num_records != 0) != (answer.status == DNS_OK) ||
      answer.num_records > kDnsMaxRecords) {
    cr_assert_fail("records without an answer");
  }
  for (size_t i = 0; i < answer.num_records; i++) {
    const struct dns_record *record = &answer.records[i];
    if (record->rdata < bytes ||
        record->rdata_len > (size_t)(bytes + len - record->rdata)) {
      cr_assert_fail("points outside the message");
    }
  }
  *num_good += answer.status == DNS_OK ? 1 : 0;
}

Test(dns_message, tells_the_answer_to_a_query_from_others) {
  uint8_t query[kDnsQueryMaxLen];
  size_t len;
  cr_assert(dns_query_write(query, &len, "www.example", DNS_HTTPS));
  begin(&m, kResponse, "WWW.Example", DNS_HTTPS);
  cr_assert(dns_message_answers(m.bytes, m.len, query, len));
  for (size_t cut = 0; cut < m.len; cut++) {
    cr_assert_not(dns_message_answers(m.bytes, cut, query, len));
  }
  static const struct {
    unsigned flags;
    const char *name;
    unsigned type;
  } kOthers[] = {{kResponse, "www.exampl", DNS_HTTPS},
                 {kResponse, "wwx.example", DNS_HTTPS},
                 {kResponse, "www.example", DNS_A},
                 {kResponse, "www.example.example", DNS_HTTPS},
                 {0x0100, "www.example", DNS_HTTPS}};
  for (size_t i = 0; i < sizeof(kOthers) / sizeof(kOthers[0]); i++) {
    begin(&m, kOthers[i].flags, kOthers[i].name, kOthers[i].type);
    cr_assert_not(dns_message_answers(m.bytes, m.len, query, len), "case %zu",
                  i);
  }
  // An error may come without the question, an answer may not.
  uint8_t bare[12] = {0, 0, 0x81, 0x80};
  cr_assert_not(dns_message_answers(bare, sizeof(bare), query, len));
  bare[3] = 0x81;
  cr_assert(dns_message_answers(bare, sizeof(bare), query, len));
}

Test(dns_message, asks_for_the_root) {
  uint8_t query[kDnsQueryMaxLen];
  size_t len;
  cr_assert(dns_query_write(query, &len, ".", DNS_NS));
  cr_assert_eq(len, kDnsQueryBlock);
  cr_assert_eq(query[12], 0);
}

Test(dns_message, takes_no_answer_with_another_id) {
  begin(&m, kResponse, "www.example", DNS_A);
  add_a(&m, "www.example", 300);
  cr_assert_eq(parse(&a, &m), DNS_OK);
  dns_message_set_id(m.bytes, 1);
  cr_assert_eq(parse(&a, &m), DNS_BOGUS);
}

Test(dns_message, survives_every_truncation_and_change) {
  size_t num_good = 0;
  begin(&m, kResponse, "www.example", DNS_A);
  add_cname(&m, "www.example", 60, "b.example");
  add_a(&m, "b.example", 60);
  add_soa(&m, 60, 60);
  add_record(&m, 3, "", kOpt, 0, "\0\14\0\1\0", 5);
  expect_sane(&num_good, m.bytes, m.len);
  cr_assert_eq(num_good, 1);
  mutate_truncate(m.bytes, m.len, expect_sane, &num_good);
  cr_expect_eq(num_good, 1, "no truncation of an answer is an answer");
  mutate_insert(m.bytes, m.len, expect_sane, &num_good);
  mutate_change(m.bytes, m.len, expect_sane, &num_good);
  cr_expect_gt(num_good, 1);
}
