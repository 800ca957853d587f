#include "proxy/site_answer.h"

#include <assert.h>
#include <string.h>

struct lookup_answer *site_answer_with_addresses(
    const struct lookup_answer *answer, uint16_t port,
    const struct address *addresses, size_t num_addresses) {
  struct address with_port[kLookupMaxAddresses];
  struct endpoint endpoints[kLookupMaxEndpoints];
  enum lookup_status status = answer->status;
  const char *detail = answer->detail;
  assert(num_addresses <= kLookupMaxAddresses);
  for (size_t i = 0; i < num_addresses; i++) {
    with_port[i] = addresses[i];
    with_port[i].port = port;
  }
  for (size_t i = 0; i < answer->num_endpoints; i++) {
    endpoints[i] = answer->endpoints[i];
    endpoints[i].addresses = with_port;
    endpoints[i].num_addresses = num_addresses;
  }
  if (status == LOOKUP_NXDOMAIN) {
    status = LOOKUP_NO_RECORD;
    detail = "it is not in DNS, and a site rule has its address";
  }
  struct lookup_answer *changed =
      lookup_answer_new(status, detail, answer->ttl, endpoints,
                        answer->num_endpoints, with_port, num_addresses);
  changed->expires_at = answer->expires_at;
  return changed;
}

bool site_answer_can_take_ech(const struct lookup_answer *answer) {
  switch (answer->status) {
    case LOOKUP_NXDOMAIN:
    case LOOKUP_FAILED:
      return answer->num_addresses > 0;
    case LOOKUP_FORBIDDEN:
      return false;
    case LOOKUP_ECH:
    case LOOKUP_NO_ECH:
    case LOOKUP_NO_RECORD:
    case LOOKUP_LOCAL:
      break;
  }
  return true;
}

struct lookup_answer *site_answer_with_ech(const struct lookup_answer *answer,
                                           const char *host, const uint8_t *ech,
                                           size_t ech_len, uint32_t ttl,
                                           const char *detail) {
  static const uint8_t kH2[] = {2, 'h', '2'};
  struct endpoint endpoints[kLookupMaxEndpoints];
  size_t num = 0;
  for (size_t i = 0; i < answer->num_endpoints; i++) {
    if (answer->endpoints[i].num_addresses > 0) {
      endpoints[num++] = answer->endpoints[i];
    }
  }
  if (num == 0) {
    endpoints[num++] = (struct endpoint){
        .target = host,
        // There is no record to say it, and browsers speak both h2 and, by
        // default, http/1.1.
        .alpn = kH2,
        .alpn_len = sizeof(kH2),
        .addresses = answer->addresses,
        .num_addresses = answer->num_addresses,
    };
  }
  for (size_t i = 0; i < num; i++) {
    endpoints[i].ech = ech;
    endpoints[i].ech_len = ech_len;
  }
  struct lookup_answer *changed = lookup_answer_new(
      LOOKUP_ECH, detail, ttl < answer->ttl ? ttl : answer->ttl, endpoints, num,
      answer->addresses, answer->num_addresses);
  changed->expires_at = answer->expires_at;
  return changed;
}

const struct endpoint *site_answer_ech(const struct lookup_answer *answer) {
  // Endpoints with ECH come first.
  return answer->status == LOOKUP_ECH ? &answer->endpoints[0] : NULL;
}
