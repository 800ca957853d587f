#include "ech/endpoint_alpn.h"

#include <openssl/bytestring.h>

static const uint8_t kHttp1[] = "\x08http/1.1";
enum { kHttp1Len = sizeof kHttp1 - 1 };

static bool contains(const uint8_t *list, size_t len, const CBS *protocol) {
  CBS rest, other;
  CBS_init(&rest, list, len);
  while (CBS_get_u8_length_prefixed(&rest, &other)) {
    if (CBS_mem_equal(protocol, CBS_data(&other), CBS_len(&other))) {
      return true;
    }
  }
  return false;
}

// RFC 9460, section 7.1.1: the endpoint's set is `alpn`, and http/1.1 unless
// no-default-alpn takes that away.
static bool endpoint_speaks(const struct endpoint *e, const CBS *protocol) {
  return contains(e->alpn, e->alpn_len, protocol) ||
         (!e->no_default_alpn && contains(kHttp1, kHttp1Len, protocol));
}

bool endpoint_alpn_is_compatible(const struct endpoint *endpoint,
                                 const uint8_t *offered, size_t offered_len) {
  CBS rest, protocol;
  if (offered_len == 0) {
    offered = kHttp1;
    offered_len = kHttp1Len;
  }
  CBS_init(&rest, offered, offered_len);
  while (CBS_get_u8_length_prefixed(&rest, &protocol)) {
    if (endpoint_speaks(endpoint, &protocol)) {
      return true;
    }
  }
  return false;
}
