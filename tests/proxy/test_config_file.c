#include "proxy/config_file.h"

#include <criterion/criterion.h>
#include <openssl/base64.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "support/leaks.h"
#include "support/scratch.h"

// An ECHConfigList with one configuration for public.test: X25519, HKDF-SHA256
// and AES-128-GCM. `num` of them in a row; `kem` is the first one's.
static const char *list_base64(struct scratch *scratch, size_t num,
                               uint8_t kem) {
  static uint8_t list[80000];
  static char text[120000];
  uint8_t config[] = {
      0xfe, 0x0d, 0,   0,                           // version, length
      7,    0,    kem, 0,   32,  1,   2,   3,   4,  // id, KEM, key
      5,    6,    7,   8,   9,   10,  11,  12,  13,  14,  15,  16,  17,  18,
      19,   20,   21,  22,  23,  24,  25,  26,  27,  28,  29,  30,  31,  32,  //
      0,    4,    0,   1,   0,   1,  // suites
      32,   11,   'p', 'u', 'b', 'l', 'i', 'c', '.', 't', 'e', 's', 't', 0,
      0,  // extensions
  };
  config[3] = sizeof(config) - 4;
  size_t len = num * sizeof(config);
  list[0] = (uint8_t)(len >> 8);
  list[1] = (uint8_t)len;
  for (size_t i = 0; i < num; i++) {
    memcpy(list + 2 + i * sizeof(config), config, sizeof(config));
  }
  EVP_EncodeBlock((uint8_t *)text, list, len + 2);
  return scratch_format(scratch, "%s", text);
}

static bool load(struct scratch *scratch, struct options *out,
                 struct options_error *error, const char *text) {
  memset(out, 0, sizeof(*out));
  const char *path =
      scratch_write(scratch, "echproxy.conf", text, strlen(text));
  return config_file_load(out, error, path);
}

Test(config_file, reads_the_rules_of_sites) {
  struct scratch *scratch = scratch_new();
  struct test_cert *cert =
      test_cert_new(&(struct test_cert_spec){.names = NULL});
  struct options o;
  struct options_error error;
  scratch_cert(scratch, "me", cert);
  const char *text = scratch_format(
      scratch,
      "\xef\xbb\xbf[proxy] ; first\n"
      "mode = strict\n"
      "[site \"*.Bank.example\"]\n"
      "  mode = prefer\n"
      "  ech = %s ; as the bank says\n"
      "  client-cert = me.crt\n"
      "  client-key = ./me.key\n"
      "[site  \"www.bank.example\"] # and its address\n"
      "address = 192.0.2.1\n"
      "address = 2001:db8::1\n"
      "upstream-proxy = none\n"
      "[site \"104.16.0.0/13\"]\n"
      "ech-from = Cloudflare-ECH.com.\n"
      "[site \"app.example\"]\n"
      "upstream-proxy = socks5://u:secret@192.0.2.1:1080\n"
      "mode = pass\n"
      "[site "
      "\"a-name-that-is-longer-than-the-49-characters-of-inih.example\"]\n"
      "mode = pass\n"
      "[proxy]\n"
      "verbose = yes",
      list_base64(scratch, 1, 0x20));
  cr_assert(load(scratch, &o, &error, text), "%s", error.text);
  struct site_rule rule;
  site_rule_for_host(&rule, o.sites, "www.bank.example");
  cr_expect_eq(site_rule_mode(&rule, MODE_STRICT), MODE_PREFER);
  cr_assert_not_null(rule.from[SITE_ECH]);
  cr_expect_not_null(rule.from[SITE_ECH]->ech);
  cr_assert_not_null(site_rule_identity(&rule));
  cr_expect_eq(site_rule_identity(&rule)->chain_len, 1);
  cr_assert_not_null(rule.from[SITE_ADDRESS]);
  cr_expect_eq(rule.from[SITE_ADDRESS]->num_addresses, 2);
  struct upstream *other =
      upstream_new("http://192.0.2.9:1", &(const char *){0});
  cr_expect_null(site_rule_upstream(&rule, other), "none");
  site_rule_for_host(&rule, o.sites, "a.example");
  cr_expect_eq(site_rule_upstream(&rule, other), other);
  upstream_free(other);
  site_rule_for_host(&rule, o.sites, "app.example");
  cr_assert_not_null(site_rule_upstream(&rule, NULL));
  cr_expect_str_eq(site_rule_upstream(&rule, NULL)->password, "secret");
  site_rule_for_host(&rule, o.sites, "a.example");
  struct address address;
  address_from_ip(&address, "104.16.1.1", 443);
  site_rule_add_ranges(&rule, o.sites, &address, 1);
  cr_assert_not_null(rule.from[SITE_ECH]);
  cr_expect_str_eq(rule.from[SITE_ECH]->ech_from, "cloudflare-ech.com");
  site_rule_for_host(
      &rule, o.sites,
      "a-name-that-is-longer-than-the-49-characters-of-inih.example");
  cr_expect_eq(site_rule_mode(&rule, MODE_STRICT), MODE_PASS);
  cr_expect_eq(o.mode, MODE_STRICT);
  cr_expect_eq(o.log.level, LOG_VERBOSE);
  options_cleanup(&o);
  test_cert_free(cert);
  scratch_free(scratch);
  cr_assert(leaks_none());
}

// inih has room for 198 characters.
Test(config_file, has_room_for_long_lists) {
  struct scratch *scratch = scratch_new();
  static const size_t kNums[] = {2, 3, 800};
  for (size_t i = 0; i < 3; i++) {
    struct options o;
    struct options_error error;
    const char *text = scratch_format(
        scratch,
        "#%250s\n[site \"a.test\"]\n  ech =  %s \t; %300s\nmode=pass\n", "",
        list_base64(scratch, kNums[i], 0x20), "]=");
    // `pass` makes it fail in the end: the lines are still counted well.
    cr_assert_not(load(scratch, &o, &error, text));
    cr_expect_not_null(strstr(error.text, ".conf:2: with mode = pass"), "%s",
                       error.text);
    cr_assert_not_null(o.sites);
    struct site_rule rule;
    site_rule_for_host(&rule, o.sites, "a.test");
    cr_assert_not_null(rule.from[SITE_ECH]);
    cr_expect_eq(rule.from[SITE_ECH]->ech_len, 2 + kNums[i] * 62);
    options_cleanup(&o);
  }
  scratch_free(scratch);
  cr_assert(leaks_none());
}

Test(config_file, keeps_a_sites_password_to_its_owner) {
  static const char kText[] =
      "[site \"a.test\"]\nupstream-proxy = socks5://u:hush@192.0.2.1:1\n";
  struct scratch *scratch = scratch_new();
  struct options o = {.help = false};
  struct options_error error;
  const char *path =
      scratch_write(scratch, "open.conf", kText, sizeof(kText) - 1);
  cr_assert_eq(chmod(path, 0640), 0);
  cr_assert_not(config_file_load(&o, &error, path));
  cr_expect_not_null(strstr(error.text, ":2: upstream-proxy: the file holds"),
                     "%s", error.text);
  cr_expect_null(strstr(error.text, "hush"));
  options_cleanup(&o);
  scratch_free(scratch);
  cr_assert(leaks_none());
}

#define A "[site \"a.test\"]\n"

Test(config_file, names_the_line_that_is_wrong_in_a_site) {
  struct scratch *scratch = scratch_new();
  struct test_cert *me = test_cert_new(&(struct test_cert_spec){.names = NULL});
  struct test_cert *you =
      test_cert_new(&(struct test_cert_spec){.names = NULL});
  scratch_cert(scratch, "me", me);
  scratch_cert(scratch, "you", you);
  scratch_write(scratch, "open.key",
                scratch_read(scratch, scratch_path(scratch, "me.key"), NULL),
                100);
  chmod(scratch_path(scratch, "open.key"), 0644);
  const char *unusable =
      scratch_format(scratch, A "ech = %s\n", list_base64(scratch, 1, 0x7f));
  const char *long_and_wrong =
      scratch_format(scratch, A "ech = %s=\n", list_base64(scratch, 5, 0x20));
  const struct {
    const char *file;
    const char *text;
  } kBad[] = {
      {A "color = red\n", ":2: [site] has no key 'color'"},
      {A "upstream-ca = x\n",
       ":2: [site] has no key 'upstream-ca'; it belongs in [proxy]"},
      {A "mode = lax\n", ":2: mode = lax: the modes of a site are prefer,"},
      {A "\n\nmode =\n", ":4: mode = : the modes of a site"},
      {A "mode = pass\nmode = pass\n", ":3: mode = pass: it is set twice"},
      {A A, ":2: there is a section [site \"a.test\"] already"},
      {A "[site \"A.TEST.\"]\n", ":2: there is a section [site \"a.test\"]"},
      {"[site]\n", ":1: write the site's name in quotes"},
      {"[site a.test]\n", ":1: write the site's name in quotes"},
      {"[site \"a.test]\n", ":1: write the site's name in quotes"},
      {"[site\"a.test\"]\n", ":1: write the site's name in quotes"},
      {"[site \"\"]\n", ":1: [site \"\"]: write a name"},
      {"[site \"a b\"]\n", ":1: [site \"a b\"]: write a name"},
      {"[site \"10.0.0.1/8\"]\n", ":1: [site \"10.0.0.1/8\"]: the address has"},
      {"[site \"a.test\"\n", ":1: neither a [section] nor"},
      {"[site \"a.test\"] mode = pass\n", ":1: nothing may follow"},
      {"[sites \"a.test\"]\n", ":1: there is no section [sites"},
      {"[nothing]\n", ":1: there is no section [nothing]"},
      {A "ech = Zm9v!\n", ":2: ech = Zm9v!: it is not base64"},
      {A "ech =\n", ":2: ech = : it is not base64"},
      {A "ech = Zm9v\n", ":2: ech = Zm9v: it is no ECHConfigList"},
      {A "ech = AAA=\n", ":2: ech = AAA=: it is no ECHConfigList"},
      {unusable, ": key encapsulation is not supported"},
      {long_and_wrong, "...: it is not base64"},
      {A "ech-from = 192.0.2.1\n", ":2: ech-from = 192.0.2.1: write the name"},
      {A "ech-from = *.x\n", ":2: ech-from = *.x: write the name"},
      {A "ech-from = a.b\nech = AA==\n",
       ":3: ech = AA==: ech and ech-from say"},
      {A "address = a.test\n", ":2: address = a.test: write an IP address"},
      {A "address = 192.0.2.1:443\n", ":2: address = 192.0.2.1:443: write"},
      {"[site \"192.0.2.0/24\"]\nmode = strict\n",
       ":2: mode = strict: a section"},
      {"[site \"192.0.2.0/24\"]\nclient-key = me.key\n",
       "can only have ech-from"},
      {A "client-cert = me.crt\n[proxy]\n", ":2: client-cert and client-key"},
      {A "client-key = me.key\n", ":2: client-cert and client-key belong"},
      {A "client-key =\n", ":2: client-key = : a path is needed"},
      {A "client-cert = me.crt\nclient-key = you.key\n", ":3: the key in "},
      {A "client-cert = me.crt\nclient-key = none\n", ":3: cannot open "},
      {A "client-cert = me.crt\nclient-key = open.key\n[proxy]\n", "chmod 600"},
      {A "upstream-proxy = socks5://u:p@x\n", ":2: upstream-proxy: "},
      {A "upstream-proxy = ftp://192.0.2.1:1\n", ":2: upstream-proxy: "},
      {"[site \"10.0.0.0/8\"]\nupstream-proxy = none\n", "can only have"},
      {A "mode = pass\nclient-cert = me.crt\nclient-key = me.key\n",
       ":1: with mode = pass the site's name is not hidden"},
      {A "ech-from = b.test\nmode = pass\n" A, ":1: with mode = pass"},
  };
  for (size_t i = 0; i < sizeof(kBad) / sizeof(kBad[0]); i++) {
    struct options o;
    struct options_error error;
    cr_assert_not(load(scratch, &o, &error, kBad[i].file), "%s", kBad[i].file);
    cr_expect_eq(error.exit_code, EX_CONFIG, "%s", kBad[i].file);
    cr_expect(strstr(error.text, kBad[i].text) != NULL, "%s: %s", kBad[i].file,
              error.text);
    cr_expect_null(strchr(error.text, '\n'));
    options_cleanup(&o);
  }
  test_cert_free(me);
  test_cert_free(you);
  scratch_free(scratch);
  cr_assert(leaks_none());
}
