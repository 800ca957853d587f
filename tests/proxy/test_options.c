#include "proxy/options.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "support/leaks.h"
#include "support/scratch.h"

enum { kMaxWords = 32 };

static int split(char *line, char *words[kMaxWords]) {
  int argc = 0;
  char *rest = line;
  words[argc++] = "command";
  for (char *w = strtok_r(line, " ", &rest); w != NULL;
       w = strtok_r(NULL, " ", &rest)) {
    words[argc++] = w;
  }
  words[argc] = NULL;
  return argc;
}

// Parses `line` for `command`, as the only thing there is: no file of the
// user's own.
static bool parse(struct options *out, struct options_error *out_error,
                  enum options_command command, const char *line) {
  char *words[kMaxWords];
  char *copy = strdup(line);
  int argc = split(copy, words);
  bool ok = options_parse(out, out_error, command, argc, words);
  free(copy);
  return ok;
}

static void use_no_file(void) { setenv("XDG_CONFIG_HOME", "/nonexistent", 1); }

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "we");
  cr_assert_not_null(file);
  fputs(text, file);
  cr_assert_eq(fclose(file), 0);
}

static void expect_address(const struct address *address, const char *text) {
  char buffer[kAddressTextSize];
  cr_expect_str_eq(address_format(buffer, address), text);
}

Test(options, defaults_are_private_and_local, .init = use_no_file) {
  struct options o;
  struct options_error error;
  cr_assert(parse(&o, &error, OPTIONS_RUN, ""));
  expect_address(&o.listen, "127.0.0.1:8450");
  cr_expect_eq(o.mode, MODE_PREFER);
  cr_expect_eq(o.log.level, LOG_NORMAL);
  cr_expect_eq(o.log.format, LOG_TEXT);
  cr_expect_eq(o.num_workers, 0, "as many as fit the machine");
  cr_assert_eq(o.num_resolvers, 2);
  for (size_t i = 0; i < o.num_resolvers; i++) {
    cr_expect_eq(o.resolvers[i].num_addresses, 4);
    cr_expect_eq(o.resolvers[i].addresses[0].port, 443);
  }
  expect_address(&o.resolvers[0].addresses[0], "1.1.1.1:443");
  options_cleanup(&o);
  cr_expect(leaks_none());
}

Test(options, takes_every_option_of_run, .init = use_no_file) {
  struct options o;
  struct options_error error;
  cr_assert(parse(&o, &error, OPTIONS_RUN,
                  "--listen [2001:db8::1]:0 --users u.txt --workers 64 "
                  "--mode=strict --upstream-ca u.pem "
                  "--resolver-ca r.pem --state-dir state -v --log-format json "
                  "--resolver https://dns.test:8443/q --bootstrap 192.0.2.1 "
                  "--bootstrap 2001:db8::1 --resolver https://192.0.2.9"),
            "%s", error.text);
  expect_address(&o.listen, "[2001:db8::1]:0");
  cr_expect_str_eq(o.users, "u.txt");
  cr_expect_eq(o.num_workers, 64);
  cr_expect_eq(o.mode, MODE_STRICT);
  cr_expect_str_eq(o.upstream_ca, "u.pem");
  cr_expect_str_eq(o.resolver_ca, "r.pem");
  cr_expect_str_eq(o.state_dir, "state");
  cr_expect_eq(o.log.level, LOG_VERBOSE);
  cr_expect_eq(o.log.format, LOG_JSON);
  cr_assert_eq(o.num_resolvers, 2);
  cr_expect_str_eq(o.resolvers[0].path, "/q");
  cr_assert_eq(o.resolvers[0].num_addresses, 2);
  expect_address(&o.resolvers[0].addresses[0], "192.0.2.1:8443");
  expect_address(&o.resolvers[0].addresses[1], "[2001:db8::1]:8443");
  cr_assert_eq(o.resolvers[1].num_addresses, 1);
  expect_address(&o.resolvers[1].addresses[0], "192.0.2.9:443");
  options_cleanup(&o);
  cr_expect(leaks_none());
}

Test(options, takes_every_kind_of_resolver_and_local_domains,
     .init = use_no_file) {
  struct options o;
  struct options_error error;
  cr_assert(parse(&o, &error, OPTIONS_CHECK,
                  "--resolver tls://one.one.one.one --bootstrap 192.0.2.1 "
                  "--resolver tls://192.0.2.2:8853 --resolver udp://127.0.0.53 "
                  "--resolver udp://[::1]:5353 --local-domain *.Corp.example "
                  "--local-domain lan.example. a.test"),
            "%s", error.text);
  cr_assert_eq(o.num_resolvers, 4);
  static const struct {
    enum dns_server_scheme scheme;
    const char *address;
  } kExpected[] = {{DNS_SERVER_TLS, "192.0.2.1:853"},
                   {DNS_SERVER_TLS, "192.0.2.2:8853"},
                   {DNS_SERVER_UDP, "127.0.0.53:53"},
                   {DNS_SERVER_UDP, "[::1]:5353"}};
  for (size_t i = 0; i < 4; i++) {
    cr_expect_eq(o.resolvers[i].scheme, kExpected[i].scheme);
    cr_expect_eq(o.resolvers[i].num_addresses, 1);
    expect_address(&o.resolvers[i].addresses[0], kExpected[i].address);
  }
  cr_assert_eq(o.local_domains.num_domains, 2);
  cr_expect_str_eq(o.local_domains.domains[0], "corp.example");
  cr_expect_str_eq(o.local_domains.domains[1], "lan.example");
  options_cleanup(&o);
  cr_assert(leaks_none());
}

Test(options, knows_the_addresses_of_well_known_resolvers,
     .init = use_no_file) {
  struct options o;
  struct options_error error;
  cr_assert(parse(&o, &error, OPTIONS_RUN,
                  "--resolver https://dns.quad9.net/dns-query"));
  cr_assert_eq(o.num_resolvers, 1);
  expect_address(&o.resolvers[0].addresses[0], "9.9.9.9:443");
  options_cleanup(&o);
  cr_assert(parse(&o, &error, OPTIONS_RUN,
                  "--resolver https://dns.quad9.net/dns-query "
                  "--bootstrap 127.0.0.1"));
  cr_assert_eq(o.resolvers[0].num_addresses, 1, "the user's own win");
  options_cleanup(&o);
}

Test(options, reads_what_check_is_to_look_at, .init = use_no_file) {
  static const struct {
    const char *line;
    const char *host;
    uint16_t port;
  } kGood[] = {
      {"Example.COM", "example.com", 443},
      {"example.com.:8443 --json", "example.com", 8443},
      {"--json 192.0.2.1:80", "192.0.2.1", 80},
      {"[2001:db8::1]:444", "2001:db8::1", 444},
      {"-- 2001:db8::1", "2001:db8::1", 443},
  };
  for (size_t i = 0; i < sizeof(kGood) / sizeof(kGood[0]); i++) {
    struct options o;
    struct options_error error;
    cr_assert(parse(&o, &error, OPTIONS_CHECK, kGood[i].line), "%s",
              kGood[i].line);
    cr_expect_str_eq(o.host, kGood[i].host);
    cr_expect_eq(o.port, kGood[i].port);
    options_cleanup(&o);
  }
}

Test(options, says_what_is_wrong_with_the_command_line, .init = use_no_file) {
  static const struct {
    enum options_command command;
    const char *line;
    const char *text;
  } kBad[] = {
      {OPTIONS_RUN, "--listen 0.0.0.0:8450", "it needs users = FILE"},
      {OPTIONS_RUN, "--listen [::]:8450", "it needs users = FILE"},
      {OPTIONS_RUN, "--listen 192.0.2.1:1", "it needs users = FILE"},
      {OPTIONS_RUN, "--listen [::ffff:127.0.0.1]:1", "it needs users = FILE"},
      {OPTIONS_RUN, "--listen 8450", "127.0.0.1:8450"},
      {OPTIONS_RUN, "--listen 127.0.0.1:65536", "127.0.0.1:8450"},
      {OPTIONS_RUN, "--mode lax", "prefer and strict"},
      {OPTIONS_RUN, "--log-format xml", "text and json"},
      {OPTIONS_RUN, "--workers 0", "from 1 to 64"},
      {OPTIONS_RUN, "--workers 65", "from 1 to 64"},
      {OPTIONS_RUN, "--workers -1", "from 1 to 64"},
      {OPTIONS_RUN, "--workers 2x", "from 1 to 64"},
      {OPTIONS_RUN, "--workers 99999999999999999999", "from 1 to 64"},
      {OPTIONS_CHECK, "--workers 2 a.test", "unknown option"},
      {OPTIONS_RUN, "--resolver tls://dns.test", "--bootstrap IP"},
      {OPTIONS_RUN, "--resolver tls://192.0.2.1/q", "has a path"},
      {OPTIONS_RUN, "--resolver udp://192.0.2.1", "on this machine"},
      {OPTIONS_RUN, "--resolver udp://dns.test", "on this machine"},
      {OPTIONS_RUN, "--resolver ftp://dns.test", "tls:// or udp://"},
      {OPTIONS_RUN, "--local-domain a..b", "write a domain"},
      {OPTIONS_RUN, "--resolver dns.test", "--resolver dns.test: "},
      {OPTIONS_RUN, "--resolver https://dns.test/", "--bootstrap IP"},
      {OPTIONS_RUN, "--bootstrap 192.0.2.1", "needs a resolver"},
      {OPTIONS_RUN, "--bootstrap dns.test", "write an IP address"},
      {OPTIONS_RUN, "--state-dir", "'--state-dir' needs a value"},
      {OPTIONS_RUN, "-c", "'-c' needs a value"},
      {OPTIONS_RUN, "--worker 2", "unknown option '--worker'"},
      {OPTIONS_RUN, "--upstream-proxy=x", "--upstream-proxy: write it as"},
      {OPTIONS_RUN, "--upstream-proxy socks5://u:p@192.0.2.1:1",
       "into [proxy] of the configuration file"},
      {OPTIONS_CHECK, "a.test --upstream-proxy u:p@x", "can see a password"},
      {OPTIONS_RUN, "--res https://192.0.2.1", "unknown option '--res'"},
      {OPTIONS_RUN, "--verb", "unknown option '--verb'"},
      {OPTIONS_RUN, "-qx", "unknown option '-qx'"},
      {OPTIONS_RUN, "--json", "unknown option '--json'"},
      {OPTIONS_RUN, "example.com", "unexpected argument 'example.com'"},
      {OPTIONS_RUN, "-- -v", "unexpected argument '-v'"},
      {OPTIONS_CHECK, "", "needs a host"},
      {OPTIONS_CHECK, "a b", "one too many"},
      {OPTIONS_CHECK, "https://a.test/", "not a URL"},
      {OPTIONS_CHECK, "a.test:0", "port from 1 to 65535"},
      {OPTIONS_CHECK,
       "b\xc3\xbc"
       "cher.test",
       "xn--"},
      {OPTIONS_CHECK, "a.test --listen 127.0.0.1:1", "unknown option"},
  };
  for (size_t i = 0; i < sizeof(kBad) / sizeof(kBad[0]); i++) {
    struct options o;
    struct options_error error;
    cr_assert_not(parse(&o, &error, kBad[i].command, kBad[i].line), "%s",
                  kBad[i].line);
    cr_expect_eq(error.exit_code, EX_USAGE, "%s", kBad[i].line);
    cr_expect(strstr(error.text, kBad[i].text) != NULL, "%s: %s", kBad[i].line,
              error.text);
    options_cleanup(&o);
  }
  cr_expect(leaks_none());
}

// Writes `text` as the user's own file and parses `line`.
static bool parse_with_file(struct scratch *scratch, struct options *out,
                            struct options_error *out_error, const char *text,
                            const char *line) {
  char dir[512];
  char path[600];
  snprintf(dir, sizeof(dir), "%s/echproxy", scratch_path(scratch, "."));
  mkdir(dir, 0700);
  snprintf(path, sizeof(path), "%s/echproxy.conf", dir);
  write_file(path, text);
  setenv("XDG_CONFIG_HOME", scratch_path(scratch, "."), 1);
  return parse(out, out_error, OPTIONS_RUN, line);
}

Test(options, reads_the_users_own_file_and_lets_the_command_line_win) {
  static const char kFile[] =
      "# a comment\n"
      "[proxy]\n"
      "  listen = 127.0.0.2:9000 ; another\n"
      "  mode = strict\n"
      "  verbose = yes\n"
      "  upstream-ca = site-ca.pem\n"
      "  state-dir = /var/lib/echproxy\n"
      "[resolver]\n"
      "resolver = https://a.test/dns-query\n"
      "resolver = https://192.0.2.7/dns-query\n"
      "bootstrap = 192.0.2.8";
  struct scratch *scratch = scratch_new();
  struct options o;
  struct options_error error;
  cr_assert(parse_with_file(scratch, &o, &error, kFile, ""), "%s", error.text);
  expect_address(&o.listen, "127.0.0.2:9000");
  cr_expect_eq(o.mode, MODE_STRICT);
  cr_expect_eq(o.log.level, LOG_VERBOSE);
  cr_expect(strstr(o.upstream_ca, "/echproxy/site-ca.pem") != NULL,
            "relative to the file, but is %s", o.upstream_ca);
  cr_expect_str_eq(o.state_dir, "/var/lib/echproxy");
  cr_assert_eq(o.num_resolvers, 2);
  expect_address(&o.resolvers[0].addresses[0], "192.0.2.8:443");
  expect_address(&o.resolvers[1].addresses[0], "192.0.2.7:443");
  options_cleanup(&o);

  cr_assert(parse(&o, &error, OPTIONS_RUN,
                  "--mode prefer -q --resolver "
                  "https://cloudflare-dns.com/dns-query"),
            "%s", error.text);
  expect_address(&o.listen, "127.0.0.2:9000");
  cr_expect_eq(o.mode, MODE_PREFER);
  cr_expect_eq(o.log.level, LOG_ERRORS);
  cr_assert_eq(o.num_resolvers, 1);
  expect_address(&o.resolvers[0].addresses[0], "1.1.1.1:443");
  options_cleanup(&o);
  scratch_free(scratch);
  cr_expect(leaks_none());
}

Test(options, names_the_line_that_is_wrong_in_a_file) {
  static const struct {
    const char *file;
    const char *text;
  } kBad[] = {
      {"[proxy]\nlisten = 127.0.0.1:1\nworker = 2\n",
       "echproxy.conf:3: [proxy] has no key 'worker'; did you mean 'workers'?"},
      {"[proxy]\nworkers = many\n", "echproxy.conf:2: workers = many: write"},
      {"[proxy]\n\n  mode = lax\n", "echproxy.conf:3: mode = lax: the modes"},
      {"[proxy]\nlisten = 0.0.0.0:1\n\n",
       "echproxy.conf:2: listen = 0.0.0.0:1: the proxy lets in whoever"},
      {"[proxy]\nverbose = maybe\n", "echproxy.conf:2: verbose = maybe: write"},
      {"[proxy]\nmode=strict\nmode=strict\n", ":3: 'mode' is set twice"},
      {"[proxy]\nresolver = https://192.0.2.1/\n", ":2: [proxy] has no key"},
      {"[proxy]\nhelp = yes\n", ":2: [proxy] has no key 'help'"},
      {"[sites]\nmode = strict\n", ":1: there is no section [sites]; there"},
      {"mode = strict\n", ":1: 'mode' stands before any section"},
      {"[proxy]\nmode strict\n", ":2: neither a [section] nor"},
      {"[proxy\n", ":1: neither a [section] nor"},
      {"[proxy]\nmode\nmode = lax\n", ":2: neither a [section] nor"},
      {"[proxy]\nmode = lax\nmode\n", ":2: mode = lax"},
      {"[proxy]\nstate-dir =\n", ":2: state-dir = : a path is needed"},
      {"[resolver]\nresolver = udp://192.0.2.1\n", ":2: resolver = udp://192"},
      {"[resolver]\nlocal-domain = a b\n", ":2: local-domain = a b:"},
      {"[proxy]\nupstream-proxy = ftp://a\n", ":2: upstream-proxy: write it"},
      {"[resolver]\nresolver = https://a.test/\n", "--bootstrap IP"},
  };
  struct scratch *scratch = scratch_new();
  for (size_t i = 0; i < sizeof(kBad) / sizeof(kBad[0]); i++) {
    struct options o;
    struct options_error error;
    cr_assert_not(parse_with_file(scratch, &o, &error, kBad[i].file, ""), "%s",
                  kBad[i].file);
    cr_expect_eq(error.exit_code, EX_CONFIG, "%s", kBad[i].file);
    cr_expect(strstr(error.text, kBad[i].text) != NULL, "%s: %s", kBad[i].file,
              error.text);
    options_cleanup(&o);
  }
  scratch_free(scratch);
  cr_expect(leaks_none());
}

Test(options, refuses_a_line_too_long_and_a_file_that_is_none) {
  static char file[120000] = "[proxy]\nstate-dir = /";
  memset(file + strlen(file), 'a', sizeof(file) - strlen(file) - 1);
  struct scratch *scratch = scratch_new();
  struct options o;
  struct options_error error;
  cr_assert_not(parse_with_file(scratch, &o, &error, file, ""));
  cr_expect(strstr(error.text, ":2: the line is longer") != NULL, "%s",
            error.text);
  options_cleanup(&o);
  cr_assert_not(parse(&o, &error, OPTIONS_RUN, "-c /nonexistent"));
  cr_expect_eq(error.exit_code, EX_CONFIG);
  options_cleanup(&o);
  cr_assert_not(parse(&o, &error, OPTIONS_RUN, "-c /"));
  cr_expect_eq(error.exit_code, EX_CONFIG);
  options_cleanup(&o);
  scratch_free(scratch);
  cr_expect(leaks_none());
}

Test(options, sends_all_but_local_resolvers_through_the_upstream_proxy,
     .init = use_no_file) {
  struct options o;
  struct options_error error;
  cr_assert(parse(&o, &error, OPTIONS_RUN,
                  "--upstream-proxy socks5://192.0.2.9:1080 "
                  "--resolver https://192.0.2.1 --resolver https://127.0.0.1 "
                  "--resolver https://[::1]"),
            "%s", error.text);
  cr_assert_not_null(o.upstream);
  cr_expect_eq(o.upstream->kind, UPSTREAM_SOCKS5);
  expect_address(&o.upstream->addresses[0], "192.0.2.9:1080");
  cr_assert_eq(o.num_resolvers, 3);
  cr_expect_eq(o.resolvers[0].via, o.upstream);
  cr_expect_null(o.resolvers[1].via);
  cr_expect_null(o.resolvers[2].via);
  options_cleanup(&o);
  cr_assert(parse(&o, &error, OPTIONS_CHECK,
                  "a.test --upstream-proxy http://localhost:3128"));
  cr_assert_eq(o.upstream->num_addresses, 2);
  cr_expect_eq(o.resolvers[1].via, o.upstream);
  options_cleanup(&o);
  cr_expect(leaks_none());
}

Test(options, takes_a_password_from_a_private_file_only) {
  static const char kFile[] =
      "[proxy]\nupstream-proxy = http://me:hunter%32@192.0.2.9:3128\n";
  struct scratch *scratch = scratch_new();
  struct options o;
  struct options_error error;
  umask(077);
  cr_assert(parse_with_file(scratch, &o, &error, kFile, ""), "%s", error.text);
  cr_assert_not_null(o.upstream);
  cr_expect_str_eq(o.upstream->user, "me");
  cr_expect_str_eq(o.upstream->password, "hunter2");
  options_cleanup(&o);
  // The command line wins here as well.
  cr_assert(parse(&o, &error, OPTIONS_RUN, "--upstream-proxy none"));
  cr_expect_null(o.upstream);
  options_cleanup(&o);

  static const mode_t kModes[] = {0640, 0604, 0620, 0602};
  const char *path = scratch_path(scratch, "./echproxy/echproxy.conf");
  for (size_t i = 0; i < sizeof(kModes) / sizeof(kModes[0]); i++) {
    cr_assert_eq(chmod(path, kModes[i]), 0);
    cr_assert_not(parse(&o, &error, OPTIONS_RUN, ""));
    cr_expect_eq(error.exit_code, EX_CONFIG);
    cr_expect(strstr(error.text, "conf:2: upstream-proxy: ") != NULL &&
                  strstr(error.text, "chmod 600") != NULL &&
                  strstr(error.text, "hunter") == NULL,
              "%s", error.text);
    options_cleanup(&o);
  }
  // Without a password there is nothing to hide.
  cr_assert(
      parse_with_file(scratch, &o, &error,
                      "[proxy]\nupstream-proxy = http://192.0.2.9:1\n", ""),
      "%s", error.text);
  options_cleanup(&o);
  scratch_free(scratch);
  cr_expect(leaks_none());
}

Test(options, repeats_no_password_that_is_written_wrong) {
  static const char *const kFiles[] = {
      "[proxy]\nupstream-proxy = https://me:hunter2@192.0.2.9:3128\n",
      "[proxy]\nupstream-proxy = http://me:hunter2\n",
      "[proxy]\nupstream-proxy = http://me:hunter2%@192.0.2.9:3128\n",
      "[proxy]\nupstream-proxy = http://me:hunter2@192.0.2.9\n",
  };
  struct scratch *scratch = scratch_new();
  umask(077);
  for (size_t i = 0; i < sizeof(kFiles) / sizeof(kFiles[0]); i++) {
    struct options o;
    struct options_error error;
    cr_assert_not(parse_with_file(scratch, &o, &error, kFiles[i], ""));
    cr_expect(strstr(error.text, "conf:2: upstream-proxy: ") != NULL &&
                  strstr(error.text, "hunter") == NULL,
              "%s", error.text);
    options_cleanup(&o);
  }
  scratch_free(scratch);
  cr_expect(leaks_none());
}
