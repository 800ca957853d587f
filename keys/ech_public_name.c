#include "keys/ech_public_name.h"

#include <stddef.h>
#include <string.h>

#include "keys/dns_name.h"

enum { kMaxPublicName = 255, kMaxLabel = 63 };

static const char kLabelCharacters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

// public_label_valid takes the LDH label of RFC 5890, section 2.3.1.
static bool public_label_valid(const char *label, size_t len) {
  return len > 0 && len <= kMaxLabel && label[0] != '-' &&
         label[len - 1] != '-';
}

bool ech_public_name_valid(const char *name) {
  if (strlen(name) > kMaxPublicName || dns_name_ends_in_number(name)) {
    return false;
  }
  for (;;) {
    size_t len = strspn(name, kLabelCharacters);
    if (!public_label_valid(name, len)) {
      return false;
    }
    if (name[len] == '\0') {
      return true;
    }
    if (name[len] != '.') {
      return false;
    }
    name += len + 1;
  }
}
