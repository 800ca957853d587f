#include "proxy/known_resolver.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "net/xalloc.h"
#include "proxy/setting.h"

static const struct {
  const char *url;
  const char *addresses[kDnsServerMaxAddresses];
} kKnown[] = {
    {"https://cloudflare-dns.com/dns-query",
     {"1.1.1.1", "2606:4700:4700::1111", "1.0.0.1", "2606:4700:4700::1001"}},
    {"https://dns.quad9.net/dns-query",
     {"9.9.9.9", "2620:fe::fe", "149.112.112.112", "2620:fe::9"}},
};

enum { kNumKnown = sizeof(kKnown) / sizeof(kKnown[0]) };

static void add_address(struct dns_server *server,
                        const struct address *address) {
  struct address *next = &server->addresses[server->num_addresses++];
  *next = *address;
  next->port = server->port;
}

static struct dns_server known_server(size_t i) {
  struct dns_server server;
  const char *why;
  bool ok = dns_server_parse(&server, kKnown[i].url, &why);
  assert(ok);
  (void)ok;
  return server;
}

static void add_known_addresses(struct dns_server *server, size_t i) {
  for (size_t k = 0; kKnown[i].addresses[k] != NULL; k++) {
    struct address address;
    address_from_ip(&address, kKnown[i].addresses[k], 0);
    add_address(server, &address);
  }
}

static void find_known_addresses(struct dns_server *server) {
  for (size_t i = 0; i < kNumKnown; i++) {
    if (strcasecmp(known_server(i).host, server->host) == 0) {
      add_known_addresses(server, i);
      return;
    }
  }
}

static void use_default(struct options *options, const char *url) {
  struct dns_server *server = &options->resolvers[options->num_resolvers++];
  const char *why;
  bool ok = dns_server_parse(server, url, &why);
  assert(ok);
  (void)ok;
  find_known_addresses(server);
  assert(server->num_addresses > 0);
}

static void use_defaults(struct options *options) {
  char *urls = xstrdup(setting_find("resolver", "resolver")->initial);
  char *rest = NULL;
  for (char *url = strtok_r(urls, " ", &rest); url != NULL;
       url = strtok_r(NULL, " ", &rest)) {
    use_default(options, url);
  }
  free(urls);
}

bool known_resolver_complete(struct options *options, const char **out_why,
                             const char **out_host) {
  *out_host = NULL;
  if (options->num_resolvers == 0) {
    if (options->num_bootstrap > 0) {
      *out_why = "a bootstrap address needs a resolver that it belongs to";
      return false;
    }
    use_defaults(options);
    return true;
  }
  for (size_t i = 0; i < options->num_resolvers; i++) {
    struct dns_server *server = &options->resolvers[i];
    if (server->num_addresses > 0) {
      continue;  // its URL has an IP address
    }
    for (size_t k = 0; k < options->num_bootstrap; k++) {
      add_address(server, &options->bootstrap[k]);
    }
    if (server->num_addresses == 0) {
      find_known_addresses(server);
    }
    if (server->num_addresses == 0) {
      *out_why =
          "its address is not known; give it with --bootstrap IP (its name is "
          "never looked up in the clear)";
      *out_host = server->host;
      return false;
    }
  }
  return true;
}
