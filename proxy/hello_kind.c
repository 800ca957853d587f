#include "proxy/hello_kind.h"

#include <string.h>

// is_tls_record says whether the browser began with a TLS record of any kind.
// What BoringSSL could not read may still hold the host's name, in a hello
// behind that record too, so it must not be passed on.
static bool is_tls_record(const struct tls *tls) {
  // RFC 9846, section 5.1, and the heartbeat of RFC 6520.
  enum { kChangeCipherSpec = 20, kHeartbeat = 24 };
  size_t len;
  const uint8_t *bytes = tls_hello_bytes(tls, &len);
  return len > 0 && bytes[0] >= kChangeCipherSpec && bytes[0] <= kHeartbeat;
}

static enum hello_kind kind_by_name(const struct greeting *greeting,
                                    const char *host) {
  if (greeting->odd_server_name) {
    return HELLO_FOR_ODD;
  }
  if (greeting->server_name[0] == '\0') {
    return HELLO_FOR_NO_NAME;
  }
  return strcmp(greeting->server_name, host) == 0 ? HELLO_FOR_HOST
                                                  : HELLO_FOR_OTHER;
}

enum hello_kind hello_kind_of(const struct tls *tls, enum tls_status status,
                              const struct tls_error *error,
                              const struct greeting *greeting,
                              const char *host) {
  if (status == TLS_PAUSED) {
    return kind_by_name(greeting, host);
  }
  if (error->uv_err != 0) {
    return HELLO_NEVER_CAME;
  }
  return is_tls_record(tls) ? HELLO_MALFORMED : HELLO_IS_NOT_TLS;
}
