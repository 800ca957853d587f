#include "proxy/command_config.h"

#include <stdlib.h>
#include <sysexits.h>

#include "command_bed.h"
#include "proxy/options.h"
#include "proxy/setting.h"
#include "proxy/site_setting.h"

static int run(const char *line) {
  static char name[] = "config";
  return command_bed_run(command_config, name, line);
}

static void use_no_file(void) { setenv("XDG_CONFIG_HOME", "/nonexistent", 1); }

// What `echproxy run -c FILE` goes by.
static void parse(struct options *out, const char *file) {
  struct options_error error;
  char *argv[] = {"run", "-c", (char *)(uintptr_t)file, NULL};
  cr_assert(options_parse(out, &error, OPTIONS_RUN, file == NULL ? 1 : 3, argv),
            "%s", error.text);
}

static void expect_same_text(const char *a, const char *b) {
  cr_expect((a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0));
}

static void expect_same(const struct options *a, const struct options *b) {
  char one[kAddressTextSize], other[kAddressTextSize];
  cr_expect_str_eq(address_format(one, &a->listen),
                   address_format(other, &b->listen));
  cr_expect_eq(a->num_workers, b->num_workers);
  cr_expect_eq(a->mode, b->mode);
  cr_expect_eq(a->log.format, b->log.format);
  cr_expect_eq(a->log.level, b->log.level);
  cr_expect_eq(a->upstream == NULL, b->upstream == NULL);
  cr_expect_eq(a->num_bootstrap, b->num_bootstrap);
  cr_expect_eq(a->local_domains.num_domains, b->local_domains.num_domains);
  expect_same_text(a->state_dir, b->state_dir);
  expect_same_text(a->upstream_ca, b->upstream_ca);
  expect_same_text(a->resolver_ca, b->resolver_ca);
  cr_assert_eq(a->num_resolvers, b->num_resolvers);
  for (size_t i = 0; i < a->num_resolvers; i++) {
    cr_expect_str_eq(a->resolvers[i].host, b->resolvers[i].host);
    cr_expect_str_eq(a->resolvers[i].path, b->resolvers[i].path);
    cr_expect_eq(a->resolvers[i].num_addresses, b->resolvers[i].num_addresses);
  }
}

static bool is_default_line(const char *line) {
  size_t len = strspn(line + 1, "abcdefghijklmnopqrstuvwxyz-");
  return line[0] == '#' && len > 0 && strncmp(line + 1 + len, " = ", 3) == 0;
}

// Writes the file `from` to `to` with its defaults as settings, and returns how
// many there are.
static size_t uncomment_defaults(const char *from, const char *to) {
  char *text = get_file(from);
  char *rest = NULL;
  size_t num = 0;
  FILE *file = fopen(to, "we");
  cr_assert_not_null(file);
  for (char *line = strtok_r(text, "\n", &rest); line != NULL;
       line = strtok_r(NULL, "\n", &rest)) {
    bool is_default = is_default_line(line);
    num += is_default;
    fprintf(file, "%s\n", line + is_default);
  }
  cr_assert_eq(fclose(file), 0);
  free(text);
  return num;
}

Test(command_config, begins_with_a_file_of_the_defaults, .init = use_no_file) {
  struct scratch scratch = enter_scratch();
  struct options defaults, initial, uncommented;
  cr_assert_eq(run("--init -c echproxy.conf"), EX_OK);
  cr_expect(printed("out", "echproxy.conf\n"));
  cr_expect_eq(mode_of("echproxy.conf"), 0600);
  parse(&defaults, NULL);
  parse(&initial, "echproxy.conf");
  expect_same(&initial, &defaults);
  cr_expect_eq(initial.trail.num_entries, (size_t)1, "-c alone");
  cr_assert_eq(uncomment_defaults("echproxy.conf", "second.conf"), (size_t)9);
  parse(&uncommented, "second.conf");
  expect_same(&uncommented, &defaults);
  options_cleanup(&defaults);
  options_cleanup(&initial);
  options_cleanup(&uncommented);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

static void expect_key(const char *file, const char *name, const char *value) {
  char line[200];
  snprintf(line, sizeof(line), "%s = %.*s", name, (int)strcspn(value, " "),
           value);
  cr_expect(printed(file, line), "%s", line);
}

Test(command_config, explains_every_key, .init = use_no_file) {
  struct scratch scratch = enter_scratch();
  size_t num;
  cr_assert_eq(run("--init -c echproxy.conf"), EX_OK);
  const struct setting *settings = setting_all(&num);
  for (size_t i = 0; i < num; i++) {
    const struct setting *s = &settings[i];
    cr_expect_eq(s->about != NULL, s->section != NULL, "%s", s->name);
    cr_expect_eq((s->initial != NULL) + (s->example != NULL),
                 s->section != NULL, "%s", s->name);
    if (s->section != NULL) {
      expect_key("echproxy.conf", s->name,
                 s->initial != NULL ? s->initial : s->example);
    }
  }
  const struct site_setting *of_sites = site_setting_all(&num);
  for (size_t i = 0; i < num; i++) {
    expect_key("echproxy.conf", of_sites[i].name, of_sites[i].example);
  }
  scratch_remove(&scratch);
}

Test(command_config, has_examples_that_are_taken) {
  size_t num;
  const struct setting *settings = setting_all(&num);
  for (size_t i = 0; i < num; i++) {
    struct options o = {.help = false};
    const char *why = "";
    cr_expect(settings[i].example == NULL ||
                  settings[i].apply(&o, settings[i].example, &why),
              "%s: %s", settings[i].name, why);
    options_cleanup(&o);
  }
}

Test(command_config, replaces_a_file_only_when_told_to) {
  struct scratch scratch = enter_scratch();
  char folder[300];
  snprintf(folder, sizeof(folder), "%s/new/folder", scratch.dir);
  setenv("XDG_CONFIG_HOME", folder, 1);
  const char *path = "new/folder/echproxy/echproxy.conf";
  cr_assert_eq(run("--init"), EX_OK);
  cr_expect(printed("out", path));
  put_file(path, "nonsense", 0600);
  cr_expect_eq(run("--init"), EX_CANTCREAT);
  cr_expect(printed("err", "exists already; --force replaces it"));
  cr_expect(printed(path, "nonsense"));
  cr_expect_eq(run("--init --force"), EX_OK);
  cr_expect(printed(path, "#mode = prefer"));
  cr_expect_eq(run("--init -c not/there/x.conf"), EX_CANTCREAT);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(command_config, shows_where_each_value_comes_from, .init = use_no_file) {
  static const char *const kShown[] = {
      "# from the file my.conf\n",
      "\n[proxy]\nlisten = 127.0.0.1:8450                      ; default\n",
      "mode = strict                                ; command line\n",
      "; upstream-ca is not set\n",
      "workers = 3                                  ; my.conf:2\n",
      "upstream-proxy = http://***@192.0.2.1:3128   ; my.conf:3\n",
      "verbose = no                                 ; command line\n",
      "quiet = yes                                  ; command line\n",
      "\n[resolver]\nresolver = https://192.0.2.2/      ",
      "     ; my.conf:6\n",
      "resolver = tls://192.0.2.3                   ; my.conf:7\n",
      "local-domain = home.example                  ; command line\n",
      "\n[site \"*.bank.example\"]\nmode = strict          ",
      "address = 192.0.2.4                          ; my.conf:11\n",
      "upstream-proxy = socks5://***@[2001:db8::1]:1080 ; my.conf:12\n",
  };
  struct scratch scratch = enter_scratch();
  put_file("my.conf",
           "[proxy]\nworkers = 3\n"
           "upstream-proxy = http://user:secret@192.0.2.1:3128\n"
           "verbose = yes\n[resolver]\nresolver = https://192.0.2.2/\n"
           "resolver = tls://192.0.2.3\nlocal-domain = corp.example\n"
           "[site \"*.Bank.example\"]\nmode = strict\naddress = 192.0.2.4\n"
           "upstream-proxy = socks5://other:hidden@[2001:db8::1]:1080\n",
           0600);
  cr_assert_eq(run("--show -c my.conf --mode strict -q "
                   "--local-domain home.example"),
               EX_OK);
  char *out = get_file("out");
  for (size_t i = 0; i < sizeof(kShown) / sizeof(kShown[0]); i++) {
    cr_expect_not_null(strstr(out, kShown[i]), "%s:\n%s", kShown[i], out);
  }
  cr_expect_null(strstr(out, "corp.example"), "it is replaced");
  cr_expect_null(strstr(out, "secret"));
  cr_expect_null(strstr(out, "hidden"));
  free(out);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(command_config, shows_the_defaults_as_a_file, .init = use_no_file) {
  struct scratch scratch = enter_scratch();
  struct options defaults, shown;
  setenv("XDG_STATE_HOME", "/var/lib", 1);
  cr_assert_eq(run("--show"), EX_OK);
  cr_expect(printed("out", "# from no file: there is no /nonexistent/"));
  cr_expect(printed("out", "state-dir = /var/lib/echproxy "));
  parse(&defaults, NULL);
  parse(&shown, "out");
  free(defaults.state_dir);
  defaults.state_dir = strdup("/var/lib/echproxy");
  expect_same(&shown, &defaults);
  options_cleanup(&defaults);
  options_cleanup(&shown);
  scratch_remove(&scratch);
}

Test(command_config, says_what_is_wrong, .init = use_no_file) {
  static const struct {
    const char *line;
    int code;
    const char *text;
  } kBad[] = {
      {"", EX_USAGE, "config needs one of --init and --show"},
      {"--init --show", EX_USAGE, "config needs one of"},
      {"--show --force", EX_USAGE, "--force is for --init"},
      {"--init --mode strict", EX_USAGE, "there can be no --mode"},
      {"--init more", EX_USAGE, "unexpected argument 'more'"},
      {"--sho", EX_USAGE, "unknown option '--sho' (see echproxy config"},
      {"--show -c none.conf", EX_CONFIG, "none.conf cannot be read"},
      {"--show -c bad.conf", EX_CONFIG,
       "bad.conf:2: [proxy] has no key 'mod'; did you mean 'mode'?"},
      {"--show --resolver https://a.test/", EX_USAGE, "--bootstrap IP"},
  };
  struct scratch scratch = enter_scratch();
  put_file("bad.conf", "[proxy]\nmod = strict\n", 0600);
  for (size_t i = 0; i < sizeof(kBad) / sizeof(kBad[0]); i++) {
    cr_expect_eq(run(kBad[i].line), kBad[i].code, "%s", kBad[i].line);
    cr_expect(printed("err", kBad[i].text), "%s", kBad[i].line);
    cr_expect_not(printed("out", "[proxy]"));
  }
  cr_expect_eq(run("--help"), EX_OK);
  cr_expect(printed("out", "Examples:\n"));
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}
