#include "ech/special_name.h"

#include <string.h>

bool special_name_is_within(const char *name, const char *domain) {
  size_t name_len = strlen(name);
  size_t domain_len = strlen(domain);
  if (name_len < domain_len ||
      strcmp(name + name_len - domain_len, domain) != 0) {
    return false;
  }
  return name_len == domain_len || name[name_len - domain_len - 1] == '.';
}

// A last label of digits, or of 0x and hexadecimal digits, is how browsers tell
// an IPv4 address in some odd form from a name (WHATWG URL, section 3.5). No
// such top-level domain exists.
static bool ends_in_a_number(const char *name) {
  const char *dot = strrchr(name, '.');
  const char *label = dot == NULL ? name : dot + 1;
  const char *digits = "0123456789";
  if (strncmp(label, "0x", 2) == 0) {
    label += 2;
    digits = "0123456789abcdef";
  }
  return label[strspn(label, digits)] == '\0';
}

static enum name_kind kind_of(const char *name) {
  static const struct {
    const char *domain;
    enum name_kind kind;
  } kSpecial[] = {
      {"localhost", NAME_LOOPBACK},  {"onion", NAME_ONION},
      {"invalid", NAME_NONEXISTENT}, {"local", NAME_SYSTEM},
      {"home.arpa", NAME_SYSTEM},    {"ech.internal", NAME_NONEXISTENT},
  };
  for (size_t i = 0; i < sizeof(kSpecial) / sizeof(kSpecial[0]); i++) {
    if (special_name_is_within(name, kSpecial[i].domain)) {
      return kSpecial[i].kind;
    }
  }
  if (ends_in_a_number(name)) {
    return NAME_NOT_A_HOST;
  }
  return strchr(name, '.') == NULL ? NAME_SYSTEM : NAME_PUBLIC;
}

enum name_kind special_name_classify(char out_name[kDnsNameSize],
                                     struct address *out_ip, const char *host) {
  if (address_from_ip(out_ip, host, 0)) {
    return NAME_IP;
  }
  char text[kDnsNameSize];
  size_t len = strlen(host);
  if (len > 0 && host[len - 1] == '.') {
    len--;
  }
  if (len == 0 || len >= sizeof(text)) {
    return NAME_NOT_A_HOST;
  }
  memcpy(text, host, len);
  text[len] = '\0';
  return wire_name_normalize(out_name, text) ? kind_of(out_name)
                                             : NAME_NOT_A_HOST;
}
