#include "ech/dns_server.h"

#include <criterion/criterion.h>
#include <string.h>

Test(dns_server, reads_urls) {
  static const struct {
    const char *url;
    const char *host;
    uint16_t port;
    const char *path;
    bool is_ip;
    enum dns_server_scheme scheme;
  } kCases[] = {
      {"https://dns.test/dns-query", "dns.test", 443, "/dns-query", false,
       DNS_SERVER_HTTPS},
      {"https://DNS.test", "dns.test", 443, "/dns-query", false,
       DNS_SERVER_HTTPS},
      {"https://dns.test/", "dns.test", 443, "/dns-query", false,
       DNS_SERVER_HTTPS},
      {"https://dns.test:8443/x?key=1", "dns.test", 8443, "/x?key=1", false,
       DNS_SERVER_HTTPS},
      {"https://dns.test/q{?dns}", "dns.test", 443, "/q", false,
       DNS_SERVER_HTTPS},
      {"https://192.0.2.1:65535/q", "192.0.2.1", 65535, "/q", true,
       DNS_SERVER_HTTPS},
      {"https://[2001:db8::1]/q", "2001:db8::1", 443, "/q", true,
       DNS_SERVER_HTTPS},
      {"https://[2001:db8::1]:853/q", "2001:db8::1", 853, "/q", true,
       DNS_SERVER_HTTPS},
      {"HTTPS://dns.test", "dns.test", 443, "/dns-query", false,
       DNS_SERVER_HTTPS},
      {"tls://DNS.test", "dns.test", 853, "", false, DNS_SERVER_TLS},
      {"tls://dns.test:8853/", "dns.test", 8853, "", false, DNS_SERVER_TLS},
      {"tls://192.0.2.1", "192.0.2.1", 853, "", true, DNS_SERVER_TLS},
      {"udp://127.0.0.53", "127.0.0.53", 53, "", true, DNS_SERVER_UDP},
      {"udp://[::1]:5353", "::1", 5353, "", true, DNS_SERVER_UDP},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct dns_server s;
    const char *why = "";
    cr_assert(dns_server_parse(&s, kCases[i].url, &why), "%s: %s",
              kCases[i].url, why);
    cr_assert_eq(s.scheme, kCases[i].scheme);
    cr_assert_str_eq(s.host, kCases[i].host);
    cr_assert_eq(s.port, kCases[i].port);
    cr_assert_str_eq(s.path, kCases[i].path);
    cr_assert_eq(dns_server_is_ip(&s), kCases[i].is_ip);
    cr_assert_eq(s.num_addresses, kCases[i].is_ip ? 1 : 0);
    cr_assert(!kCases[i].is_ip || s.addresses[0].port == kCases[i].port);
  }
}

Test(dns_server, says_what_is_wrong_with_others) {
  char long_path[400] = "https://dns.test/";
  memset(long_path + strlen(long_path), 'a', 300);
  char long_host[400] = "https://";
  memset(long_host + strlen(long_host), 'a', 300);
  const char *const urls[] = {
      "",
      "dns.test",
      "http://dns.test/dns-query",
      "https://",
      "https:///dns-query",
      "https://:443/",
      "https://dns.test:/",
      "https://dns.test:0/",
      "https://dns.test:65536/",
      "https://dns.test:123456/",
      "https://dns.test:12a/",
      "https://user@dns.test/",
      "https://dns..test/",
      "https://.dns.test/",
      "https://dns.test./",
      "https://d ns.test/",
      "https://2001:db8::1/",
      "https://[2001:db8::1/",
      "https://[192.0.2.1]/",
      "https://[dns.test]/",
      "https://dns.test?x",
      "https://dns.test/a b",
      "https://dns.test/#x",
      "https://dns.test/\r\nx: y",
      "https://dns.test/\xc3\xa9",
      "tls://",
      "tls://dns.test/dns-query",
      "tls://dns.test?x",
      "udp://192.0.2.1",
      "udp://[2001:db8::1]",
      "udp://localhost",
      "udp://127.0.0.1/x",
      "udp://127.0.0.1:0",
      "tcp://127.0.0.1",
      long_path,
      long_host,
  };
  for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
    struct dns_server s;
    const char *why = NULL;
    cr_assert_not(dns_server_parse(&s, urls[i], &why), "%s", urls[i]);
    cr_assert(why != NULL && why[0] != '\0', "%s", urls[i]);
  }
}

Test(dns_server, writes_urls) {
  static const char *const kPairs[][2] = {
      {"https://DNS.test", "https://dns.test/dns-query"},
      {"https://dns.test:443/q{?dns}", "https://dns.test/q"},
      {"https://[2001:db8::1]:853/q?a=1", "https://[2001:db8::1]:853/q?a=1"},
      {"tls://dns.test:853/", "tls://dns.test"},
      {"tls://192.0.2.1:8853", "tls://192.0.2.1:8853"},
      {"udp://[::1]:53", "udp://[::1]"},
  };
  for (size_t i = 0; i < sizeof(kPairs) / sizeof(kPairs[0]); i++) {
    struct dns_server s;
    const char *why = "";
    char url[kDnsServerUrlSize];
    cr_assert(dns_server_parse(&s, kPairs[i][0], &why), "%s", why);
    cr_assert_str_eq(dns_server_format(url, &s), kPairs[i][1]);
  }
}
