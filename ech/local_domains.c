#include "ech/local_domains.h"

#include "ech/special_name.h"
#include "net/xalloc.h"

void local_domains_cleanup(struct local_domains *d) {
  free(d->domains);
  *d = (struct local_domains){NULL, 0};
}

bool local_domains_normalize(char out[kDnsNameSize], const char *text) {
  char trimmed[kDnsNameSize];
  text += strncmp(text, "*.", 2) == 0 ? 2 : text[0] == '.';
  size_t len = strlen(text);
  if (len > 0 && text[len - 1] == '.') {
    len--;
  }
  if (len >= sizeof(trimmed)) {
    return false;
  }
  memcpy(trimmed, text, len);
  trimmed[len] = '\0';
  return wire_name_normalize(out, trimmed);
}

bool local_domains_add(struct local_domains *d, const char *text) {
  char name[kDnsNameSize];
  if (!local_domains_normalize(name, text)) {
    return false;
  }
  d->domains = xrealloc(d->domains, (d->num_domains + 1) * sizeof(name));
  memcpy(d->domains[d->num_domains++], name, sizeof(name));
  return true;
}

bool local_domains_contain(const struct local_domains *d, const char *name) {
  for (size_t i = 0; i < d->num_domains; i++) {
    if (special_name_is_within(name, d->domains[i])) {
      return true;
    }
  }
  return false;
}
