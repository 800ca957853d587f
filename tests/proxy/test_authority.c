#include "proxy/authority.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/xalloc.h"

static bool from_text(struct authority *out, const char *text) {
  size_t len = strlen(text);
  char *copy = xmemdup(text, len);
  bool ok = authority_from_text(out, copy, len);
  free(copy);
  return ok;
}

Test(authority, reads_and_writes) {
  static const struct {
    const char *text;
    const char *host;
    uint16_t port;
    const char *written;
  } kCases[] = {
      {"a.example", "a.example", 0, "a.example"},
      {"A.Example.:443", "a.example", 443, "a.example:443"},
      {"a.example:80", "a.example", 80, "a.example"},
      {"_x.a-b:65535", "_x.a-b", 65535, "_x.a-b:65535"},
      {"192.0.2.1:1", "192.0.2.1", 1, "192.0.2.1:1"},
      {"[2001:DB8::1]:443", "2001:db8::1", 443, "[2001:db8::1]:443"},
      {"[::1]", "::1", 0, "[::1]"},
      {"localhost:0443", "localhost", 443, "localhost:443"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct authority a;
    cr_assert(from_text(&a, kCases[i].text), "%s", kCases[i].text);
    cr_expect_str_eq(a.host, kCases[i].host);
    cr_expect_eq(a.port, kCases[i].port);
    struct bytes out = {0};
    authority_write(&out, &a, 80);
    bytes_append(&out, "", 1);
    cr_expect_str_eq((const char *)out.data, kCases[i].written);
    free(out.data);
  }
}

Test(authority, refuses) {
  static const char *const kCases[] = {
      "",     ":",       ":80",         "a:",        "a:0",  "a:65536",
      "a:-1", "a:+1",    "a:80:80",     "a: 80",     "a:8o", "a:000080",
      "a b",  "u@a",     "u:p@a:80",    "a..b",      ".a",   "a..",
      ".",    "1.2.3",   "0x7f.1",      "1.2.3.4.",  "::1",  "::1:80",
      "[::1", "[::1]80", "[::1]:",      "[1.2.3.4]", "[a]",  "[fe80::1%lo]",
      "a/b",  "a\\b",    "\xc3\xa9.fr", "a\tb",      "*.a",  "a,b",
      "[]",   "[]:80",   "%61",
  };
  struct authority a;
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    cr_expect_not(from_text(&a, kCases[i]), "%s", kCases[i]);
  }
  cr_expect_not(authority_from_text(&a, "a\0b", 3));
}

Test(authority, bounds_the_length_of_a_name) {
  char name[260] = "";
  while (strlen(name) < 252) {
    strcat(name, "a.");
  }
  strcat(name, "b");
  cr_assert_eq(strlen(name), 253);
  struct authority a;
  cr_expect(from_text(&a, name));
  strcat(name, ".");
  cr_expect(from_text(&a, name));
  cr_expect_eq(strlen(a.host), 253);
  strcat(name, "c");
  cr_expect_not(from_text(&a, name));
}

Test(authority, reads_urls) {
  static const struct {
    const char *url;
    bool ok;
    size_t path;
    const char *host;
    uint16_t port;
  } kCases[] = {
      {"http://a.example", true, 16, "a.example", 0},
      {"HTTP://A.example:8080/x?y=//z", true, 21, "a.example", 8080},
      {"http://a.example?x", true, 16, "a.example", 0},
      {"http://[::1]:80/", true, 15, "::1", 80},
      {"http://", false, 0, NULL, 0},
      {"http:///x", false, 0, NULL, 0},
      {"http:/a/", false, 0, NULL, 0},
      {"https://a/", false, 0, NULL, 0},
      {"http://u@a/", false, 0, NULL, 0},
      {"http://a/#f", false, 0, NULL, 0},
      {"http://a#f", false, 0, NULL, 0},
      {"http://a:0/", false, 0, NULL, 0},
      {"http://a\\@b/", false, 0, NULL, 0},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct authority a;
    size_t path = 0;
    size_t len = strlen(kCases[i].url);
    char *copy = xmemdup(kCases[i].url, len);
    cr_expect_eq(authority_from_url(&a, &path, copy, len), kCases[i].ok, "%s",
                 kCases[i].url);
    free(copy);
    if (kCases[i].ok) {
      cr_expect_eq(path, kCases[i].path, "%s", kCases[i].url);
      cr_expect_str_eq(a.host, kCases[i].host);
      cr_expect_eq(a.port, kCases[i].port);
    }
  }
}
