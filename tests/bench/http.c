#include "http.h"

#include <string.h>

#include "net/xalloc.h"

size_t head_end(const char *data, size_t len) {
  const char *end = memmem(data, len, "\r\n\r\n", 4);
  return end == NULL ? 0 : (size_t)(end - data) + 4;
}

uint64_t head_number(const char *head, const char *field, uint64_t otherwise) {
  const char *at = strcasestr(head, field);
  return at == NULL ? otherwise : strtoull(at + strlen(field), NULL, 10);
}

uint8_t *body_new(void) {
  uint8_t *body = xrealloc(NULL, 2 * kBodyPeriod);
  uint32_t state = 1;
  for (size_t i = 0; i < kBodyPeriod; i++) {
    state = state * 1664525 + 1013904223;
    body[i] = body[i + kBodyPeriod] = (uint8_t)(state >> 24);
  }
  return body;
}

bool body_matches(const uint8_t *body, uint64_t offset, const uint8_t *data,
                  size_t len) {
  while (len > 0) {
    size_t n = len < kBodyPeriod ? len : kBodyPeriod;
    if (memcmp(body + offset % kBodyPeriod, data, n) != 0) {
      return false;
    }
    offset += n;
    data += n;
    len -= n;
  }
  return true;
}
