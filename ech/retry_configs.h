// retry_configs reads what a server that rejected ECH, authenticated for its
// public name, sent along (RFC 9849, section 6.1.6).

#ifndef ECHPROXY_ECH_RETRY_CONFIGS_H
#define ECHPROXY_ECH_RETRY_CONFIGS_H

#include <stddef.h>
#include <stdint.h>

enum retry_meaning {
  RETRY_REPLACES,  // securely replaced: try once more with these
  RETRY_DISABLES,  // securely disabled: none, or none of a version we know
  RETRY_UNUSABLE,  // neither: malformed, or of our version but of no use
};

// retry_configs_read says what the list `configs` means to a client of `host`;
// `len` is 0 when none was sent.
enum retry_meaning retry_configs_read(const uint8_t *configs, size_t len,
                                      const char *host);

#endif
