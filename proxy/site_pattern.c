#include "proxy/site_pattern.h"

#include <stdio.h>
#include <string.h>

static bool parse_prefix_len(unsigned *out, const char *text, unsigned max) {
  size_t digits = strspn(text, "0123456789");
  if (digits == 0 || digits > 3 || text[digits] != '\0') {
    return false;
  }
  *out = 0;
  for (; *text != '\0'; text++) {
    *out = 10 * *out + (unsigned)(*text - '0');
  }
  return *out <= max;
}

// The bits of octet `i` that belong to a prefix.
static uint8_t octet_mask(unsigned prefix_len, unsigned i) {
  unsigned start = 8 * i;
  if (prefix_len >= start + 8) {
    return 0xff;
  }
  unsigned bits = prefix_len <= start ? 0 : prefix_len - start;
  return (uint8_t)((0xff00u >> bits) & 0xff);
}

static unsigned num_octets(const struct address *address) {
  return address->is_ipv6 ? 16 : 4;
}

static bool has_bits_behind(const struct site_pattern *p) {
  for (unsigned i = 0; i < num_octets(&p->network); i++) {
    if ((p->network.ip[i] & ~octet_mask(p->prefix_len, i) & 0xff) != 0) {
      return true;
    }
  }
  return false;
}

static bool parse_range(struct site_pattern *out, const char *text,
                        const char *slash, const char **out_why) {
  char ip[kAuthorityHostSize];
  struct authority host;
  size_t len = (size_t)(slash - text);
  *out_why =
      "write a range of addresses as 192.0.2.0/24 or 2001:db8::/32; sites have "
      "no paths here";
  if (len >= sizeof(ip) || memchr(text, '[', len) != NULL) {
    return false;
  }
  memcpy(ip, text, len);
  ip[len] = '\0';
  if (!address_from_ip(&out->network, ip, 0) ||
      !authority_from_host(&host, ip, len) ||
      !parse_prefix_len(&out->prefix_len, slash + 1,
                        8 * num_octets(&out->network))) {
    return false;
  }
  if (has_bits_behind(out)) {
    *out_why = "the address has bits set that the prefix leaves out";
    return false;
  }
  out->kind = SITE_RANGE;
  snprintf(out->text, sizeof(out->text), "%s/%u", host.host, out->prefix_len);
  return true;
}

static bool parse_host(struct site_pattern *out, const char *text,
                       const char **out_why) {
  struct authority host;
  bool below = strncmp(text, "*.", 2) == 0;
  const char *name = below ? text + 2 : text;
  if (!authority_from_host(&host, name, strlen(name)) ||
      (below && host.is_ip)) {
    *out_why =
        "write a name (www.bank.example, in its xn-- form if it has one), "
        "*.bank.example for all below it, * for all sites, or a range of "
        "addresses (192.0.2.0/24)";
    return false;
  }
  out->kind = below ? SITE_BELOW : SITE_EXACT;
  memcpy(out->host, host.host, sizeof(out->host));
  snprintf(out->text, sizeof(out->text), "%s%s", below ? "*." : "", host.host);
  return true;
}

bool site_pattern_parse(struct site_pattern *out, const char *text,
                        const char **out_why) {
  memset(out, 0, sizeof(*out));
  const char *slash = strchr(text, '/');
  if (strcmp(text, "*") == 0) {
    out->kind = SITE_ALL;
    strcpy(out->text, "*");
    return true;
  }
  return slash != NULL ? parse_range(out, text, slash, out_why)
                       : parse_host(out, text, out_why);
}

bool site_pattern_equal(const struct site_pattern *a,
                        const struct site_pattern *b) {
  return strcmp(a->text, b->text) == 0;
}

unsigned site_pattern_match_host(const struct site_pattern *pattern,
                                 const char *host) {
  size_t len = strlen(host);
  size_t below = strlen(pattern->host);
  switch (pattern->kind) {
    case SITE_ALL:
      return 1;
    case SITE_EXACT:
      return strcmp(host, pattern->host) == 0 ? 2 + kAuthorityHostSize : 0;
    case SITE_BELOW:
      return len > below + 1 && host[len - below - 1] == '.' &&
                     strcmp(host + len - below, pattern->host) == 0
                 ? 2 + (unsigned)below
                 : 0;
    case SITE_RANGE:
      break;
  }
  return 0;
}

unsigned site_pattern_match_address(const struct site_pattern *pattern,
                                    const struct address *address) {
  if (pattern->kind != SITE_RANGE ||
      pattern->network.is_ipv6 != address->is_ipv6) {
    return 0;
  }
  for (unsigned i = 0; i < num_octets(address); i++) {
    if (((pattern->network.ip[i] ^ address->ip[i]) &
         octet_mask(pattern->prefix_len, i)) != 0) {
      return 0;
    }
  }
  return 1 + pattern->prefix_len;
}
