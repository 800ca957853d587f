#include "keys/dns_name.h"

#include <string.h>

static const char kDigits[] = "0123456789";
static const char kHexDigits[] = "0123456789abcdefABCDEF";
static const char kHostCharacters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

enum { kMaxName = 253, kMaxLabel = 63 };

bool dns_name_ends_in_number(const char *name) {
  const char *dot = strrchr(name, '.');
  const char *last = dot == NULL ? name : dot + 1;
  if (last[0] == '0' && (last[1] == 'x' || last[1] == 'X')) {
    return last[2 + strspn(last + 2, kHexDigits)] == '\0';
  }
  return last[0] != '\0' && last[strspn(last, kDigits)] == '\0';
}

bool dns_name_valid(const char *name) {
  if (strlen(name) > kMaxName || dns_name_ends_in_number(name)) {
    return false;
  }
  for (;;) {
    size_t len = strspn(name, kHostCharacters);
    if (len == 0 || len > kMaxLabel) {
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
