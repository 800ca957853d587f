#include "net/upstream.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "support/leaks.h"

TestSuite(upstream, .timeout = 30);

Test(upstream, reads_good_urls) {
  static const struct {
    const char *url;
    enum upstream_kind kind;
    const char *host;
    const char *address;  // the first one; NULL: not known yet
    const char *user;
    const char *password;
  } kCases[] = {
      {"socks5://192.0.2.1:1080", UPSTREAM_SOCKS5, "192.0.2.1",
       "192.0.2.1:1080", "", ""},
      {"SOCKS5://192.0.2.1:65535/", UPSTREAM_SOCKS5, "192.0.2.1",
       "192.0.2.1:65535", "", ""},
      {"http://[2001:db8::1]:3128", UPSTREAM_HTTP, "2001:db8::1",
       "[2001:db8::1]:3128", "", ""},
      {"http://localhost:1", UPSTREAM_HTTP, "localhost", "127.0.0.1:1", "", ""},
      {"http://proxy.corp.local:8080", UPSTREAM_HTTP, "proxy.corp.local", NULL,
       "", ""},
      {"http://my_proxy:8080", UPSTREAM_HTTP, "my_proxy", NULL, "", ""},
      {"socks5://u:p@192.0.2.1:1", UPSTREAM_SOCKS5, "192.0.2.1", "192.0.2.1:1",
       "u", "p"},
      {"socks5://u:a:b:@192.0.2.1:1", UPSTREAM_SOCKS5, "192.0.2.1",
       "192.0.2.1:1", "u", "a:b:"},
      {"socks5://a%3ab:%40%2F%c3%A9%25@192.0.2.1:1", UPSTREAM_SOCKS5,
       "192.0.2.1", "192.0.2.1:1", "a:b", "@/\xc3\xa9%"},
      {"http://-._~!$&'()*+,;=:-._~!$&'()*+,;=@[::1]:1", UPSTREAM_HTTP, "::1",
       "[::1]:1", "-._~!$&'()*+,;=", "-._~!$&'()*+,;="},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    const char *why = "nothing";
    char text[kAddressTextSize];
    struct upstream *u = upstream_new(kCases[i].url, &why);
    cr_assert_not_null(u, "%s: %s", kCases[i].url, why);
    cr_expect_eq(u->kind, kCases[i].kind);
    cr_expect_str_eq(u->host, kCases[i].host);
    cr_expect_str_eq(u->user, kCases[i].user);
    cr_expect_str_eq(u->password, kCases[i].password);
    cr_expect_eq(u->num_addresses > 0, kCases[i].address != NULL);
    if (kCases[i].address != NULL) {
      cr_expect_str_eq(address_format(text, &u->addresses[0]),
                       kCases[i].address);
    }
    upstream_free(u);
  }
  upstream_free(NULL);
  cr_expect(leaks_none());
}

Test(upstream, refuses_bad_urls_without_repeating_them) {
  static const char *const kUrls[] = {
      "",
      "192.0.2.1:1080",
      "socks5:192.0.2.1:1080",
      "socks4://192.0.2.1:1080",
      "socks5h://192.0.2.1:1080",
      "https://192.0.2.1:1080",
      "socks5://",
      "socks5://192.0.2.1",
      "socks5://192.0.2.1:",
      "socks5://192.0.2.1:0",
      "socks5://192.0.2.1:65536",
      "socks5://192.0.2.1:000080",
      "socks5://192.0.2.1:80x",
      "socks5://192.0.2.1:+80",
      "socks5://192.0.2.1:80/path",
      "socks5://192.0.2.1:80?x",
      "socks5://:80",
      "socks5://[192.0.2.1]:80",
      "socks5://2001:db8::1:80",
      "socks5://[2001:db8::1:80",
      "socks5://[2001:db8::g]:80",
      "socks5://[localhost]:80",
      "socks5://192.0.2.256:80",
      "socks5://192.0.2:80",
      "socks5://0x7f.0.0.1:80",
      "socks5://127.1:80",
      "socks5://-proxy:80",
      "socks5://.proxy:80",
      "socks5://pro..xy:80",
      "socks5://proxy.:80",
      "socks5://pro xy:80",
      "socks5://pr\xc3\xb6xy:80",
      "socks5://user@192.0.2.1:80",
      "socks5://:@192.0.2.1:80",
      "socks5://:SECRET@192.0.2.1:80",
      "socks5://user:@192.0.2.1:80",
      "socks5://user:SEC@RET@192.0.2.1:80",
      "socks5://user:SEC/RET@192.0.2.1:80",
      "socks5://user:SECRET%@192.0.2.1:80",
      "socks5://user:SECRET%4@192.0.2.1:80",
      "socks5://user:SECRET%4g@192.0.2.1:80",
      "socks5://user:SECRET%00@192.0.2.1:80",
      "socks5://user:SECRET%0d%0a@192.0.2.1:80",
      "socks5://user:SECRET\n@192.0.2.1:80",
      "http://us%3Aer:SECRET@192.0.2.1:80",
  };
  for (size_t i = 0; i < sizeof(kUrls) / sizeof(kUrls[0]); i++) {
    const char *why = NULL;
    cr_expect_null(upstream_new(kUrls[i], &why), "%s", kUrls[i]);
    cr_assert_not_null(why, "%s", kUrls[i]);
    cr_expect_null(strstr(why, "SECRET"));
  }
  cr_expect(leaks_none());
}

// Of `user_len` and `password_len` characters, each of which is written as
// `unit`.
static bool takes_credentials(size_t user_len, size_t password_len,
                              const char *unit) {
  char url[4096] = "socks5://";
  for (size_t i = 0; i < user_len; i++) {
    strcat(url, unit);
  }
  strcat(url, ":");
  for (size_t i = 0; i < password_len; i++) {
    strcat(url, unit);
  }
  strcat(url, "@192.0.2.1:80");
  const char *why;
  struct upstream *u = upstream_new(url, &why);
  bool ok = u != NULL && strlen(u->user) == user_len &&
            strlen(u->password) == password_len;
  upstream_free(u);
  return ok;
}

Test(upstream, bounds_credentials_and_host) {
  cr_expect(takes_credentials(255, 255, "x"));
  cr_expect(takes_credentials(255, 255, "%ff"));
  cr_expect_not(takes_credentials(256, 1, "x"));
  cr_expect_not(takes_credentials(1, 256, "x"));
  cr_expect_not(takes_credentials(1, 256, "%41"));
  char url[512];
  const char *why;
  for (int len = 253; len <= 254; len++) {
    snprintf(url, sizeof(url), "http://%0*d.x:80", len - 2, 0);
    struct upstream *u = upstream_new(url, &why);
    cr_expect_eq(u != NULL, len == 253);
    upstream_free(u);
  }
}

Test(upstream, tells_urls_that_hold_a_password) {
  cr_expect(upstream_url_has_credentials("socks5://u:p@192.0.2.1:80"));
  cr_expect(upstream_url_has_credentials("u:p@"));
  cr_expect_not(upstream_url_has_credentials("socks5://192.0.2.1:80"));
}

Test(upstream, knows_localhost_without_asking) {
  const char *why;
  char text[kAddressTextSize];
  struct upstream *u = upstream_new("socks5://LocalHost:80", &why);
  cr_assert_not_null(u);
  cr_assert(upstream_resolve(u, &why));
  cr_assert_eq(u->num_addresses, 2);
  cr_expect_str_eq(address_format(text, &u->addresses[0]), "127.0.0.1:80");
  cr_expect_str_eq(address_format(text, &u->addresses[1]), "[::1]:80");
  upstream_free(u);
  // A name that getaddrinfo finds in no file and must not look for.
  u = upstream_new("socks5://x.invalid:80", &why);
  cr_assert_not_null(u);
  cr_assert_eq(u->num_addresses, 0);
  upstream_free(u);
}

Test(upstream, explains_every_fault) {
  static const int kErrors[] = {
#define X(code, text) code,
      UPSTREAM_FAULTS(X)
#undef X
  };
  for (size_t i = 0; i < sizeof(kErrors) / sizeof(kErrors[0]); i++) {
    cr_expect_str_neq(upstream_error_text(kErrors[i]), uv_strerror(kErrors[i]));
  }
  cr_expect_str_eq(upstream_error_text(UV_EMFILE), uv_strerror(UV_EMFILE));
  cr_expect(upstream_error_is_final(UV_EACCES));
  cr_expect_not(upstream_error_is_final(UV_EHOSTUNREACH));
}
