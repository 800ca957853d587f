#include "proxy/page_access.h"

#include <openssl/mem.h>
#include <string.h>
#include <strings.h>

#include "proxy/authority.h"

const char kOwnHost[] = "ech.internal";

int page_access_status(enum page_access access) {
  static const int kStatuses[] = {
#define X(name, status, text) status,
      PAGE_ACCESSES(X)
#undef X
  };
  return kStatuses[access];
}

const char *page_access_str(enum page_access access) {
  static const char *const kTexts[] = {
#define X(name, status, text) text,
      PAGE_ACCESSES(X)
#undef X
  };
  return kTexts[access];
}

static bool is_same_ip(const struct address *a, const struct address *b) {
  return a->is_ipv6 == b->is_ipv6 &&
         memcmp(a->ip, b->ip, a->is_ipv6 ? 16 : 4) == 0;
}

// An address is what it is; a name could be one that a site's script has turned
// to this machine (DNS rebinding), but for those that are looked up by nobody.
static bool names_us(const struct page_visitor *visitor,
                     const struct authority *host) {
  struct address ip;
  if (strcmp(host->host, kOwnHost) == 0) {
    return visitor->way != PAGE_DIRECT;
  }
  if (visitor->way != PAGE_DIRECT && visitor->way != PAGE_PROXIED) {
    return false;
  }
  return strcmp(host->host, "localhost") == 0 ||
         (host->is_ip && address_from_ip(&ip, host->host, 0) &&
          (address_is_loopback(&ip) || is_same_ip(&ip, &visitor->local)));
}

bool page_access_host_is_ours(const struct page_visitor *visitor,
                              const struct http_head *head) {
  const struct http_field *host = http_head_get(head, "Host");
  struct authority authority;
  if (host == NULL) {
    return true;  // HTTP/1.0: no browser has asked
  }
  return authority_from_text(&authority, host->value.data, host->value.len) &&
         names_us(visitor, &authority);
}

static bool field_is(const struct http_head *head, const char *name,
                     const char *value) {
  const struct http_field *field = http_head_get(head, name);
  return field != NULL && http_text_is(field->value, value);
}

// Only in our own pages does a browser say same-origin; and none when a person
// has asked.
static bool is_from_elsewhere(const struct http_head *head) {
  return http_head_get(head, "Sec-Fetch-Site") != NULL &&
         !field_is(head, "Sec-Fetch-Site", "same-origin") &&
         !field_is(head, "Sec-Fetch-Site", "none");
}

// A link that was followed, not a frame: whoever holds one can tell whether it
// was filled.
static bool is_navigation(const struct http_head *head) {
  return field_is(head, "Sec-Fetch-Mode", "navigate") &&
         (http_head_get(head, "Sec-Fetch-Dest") == NULL ||
          field_is(head, "Sec-Fetch-Dest", "document"));
}

// Whether an Origin that is there is that of the Host, to the letter.
static bool origin_is_ours(const struct page_visitor *visitor,
                           const struct http_head *head) {
  const struct http_field *origin = http_head_get(head, "Origin");
  const struct http_field *host = http_head_get(head, "Host");
  const char *scheme = visitor->way == PAGE_TLS_TUNNEL ? "https://" : "http://";
  size_t scheme_len = strlen(scheme);
  if (origin == NULL) {
    return true;
  }
  return host != NULL && origin->value.len == scheme_len + host->value.len &&
         memcmp(origin->value.data, scheme, scheme_len) == 0 &&
         strncasecmp(origin->value.data + scheme_len, host->value.data,
                     host->value.len) == 0;
}

static bool is_safe_method(const struct http_head *head) {
  return (head->method.len == 3 && memcmp(head->method.data, "GET", 3) == 0) ||
         (head->method.len == 4 && memcmp(head->method.data, "HEAD", 4) == 0);
}

static bool token_is_right(struct http_text given, const char *token) {
  static const char kScheme[] = "Bearer ";
  size_t scheme_len = sizeof(kScheme) - 1;
  size_t token_len = strlen(token);
  return token_len > 0 && given.len == scheme_len + token_len &&
         strncasecmp(given.data, kScheme, scheme_len) == 0 &&
         CRYPTO_memcmp(given.data + scheme_len, token, token_len) == 0;
}

// A connection to one of the machine's own addresses comes from that address.
// Nobody else gets an answer there. Ends that are not known (client.c) are
// alike as well, and have no port.
bool page_access_is_from_here(const struct page_visitor *visitor) {
  return address_is_loopback(&visitor->peer) ||
         (visitor->peer.port != 0 &&
          is_same_ip(&visitor->peer, &visitor->local));
}

static enum page_access access_by_token(const struct page_visitor *visitor,
                                        const struct http_head *head,
                                        const char *token) {
  const struct http_field *given = http_head_get(head, "Authorization");
  if (given == NULL) {
    return PAGE_ACCESS_PUBLIC;
  }
  if (!page_access_is_from_here(visitor)) {
    return PAGE_ACCESS_NOT_HERE;
  }
  return token_is_right(given->value, token) ? PAGE_ACCESS_DATA
                                             : PAGE_ACCESS_WRONG_TOKEN;
}

enum page_access page_access_for(const struct page_visitor *visitor,
                                 const struct http_head *head,
                                 const char *token) {
  bool from_elsewhere = is_from_elsewhere(head);
  bool is_navigated = from_elsewhere && is_navigation(head);
  if (from_elsewhere && !is_navigated) {
    return PAGE_ACCESS_SILENT;
  }
  // A form names its page as the origin, and is a navigation as well.
  if (!is_navigated && !origin_is_ours(visitor, head)) {
    return PAGE_ACCESS_SILENT;
  }
  if (!page_access_host_is_ours(visitor, head)) {
    return PAGE_ACCESS_WRONG_HOST;
  }
  if (is_navigated) {
    return is_safe_method(head) ? PAGE_ACCESS_PUBLIC : PAGE_ACCESS_CROSS_SITE;
  }
  return access_by_token(visitor, head, token);
}
