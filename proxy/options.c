#include "proxy/options.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ech/lookup.h"
#include "net/xalloc.h"
#include "proxy/config_file.h"
#include "proxy/known_resolver.h"
#include "proxy/setting.h"

enum { kMaxSettings = 32 };

// What the command line says, before it is applied.
struct command_line {
  struct {
    const struct setting *setting;
    const char *value;
  } *given;
  size_t num_given;
  const char *argument;  // the one that is no option, or NULL
};

bool options_error_set(struct options_error *error, int exit_code,
                       const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(error->text, sizeof(error->text), format, args);
  va_end(args);
  error->exit_code = exit_code;
  // What the user wrote is repeated in it, and it must stay one line.
  for (char *c = error->text; *c != '\0'; c++) {
    if ((unsigned char)*c < 0x20 || *c == 0x7f) {
      *c = '?';
    }
  }
  return false;
}

static const struct {
  const char *name;
  int flag;  // of the settings that are options of the command
} kCommands[] = {
    [OPTIONS_RUN] = {"run", kSettingRun},
    [OPTIONS_CHECK] = {"check", kSettingCheck},
    [OPTIONS_CA] = {"ca", kSettingCa},
    [OPTIONS_TRUST] = {"trust", kSettingTrust},
    [OPTIONS_UNTRUST] = {"untrust", kSettingUntrust},
};

static bool is_for(const struct setting *setting,
                   enum options_command command) {
  return (setting->flags & kCommands[command].flag) != 0;
}

// What getopt_long is told: the settings of one command.
struct getopt_tables {
  struct option longs[kMaxSettings + 1];
  const struct setting *settings[kMaxSettings];
  char shorts[2 * kMaxSettings + 3];
};

static void tables_init(struct getopt_tables *t, enum options_command command) {
  size_t num;
  const struct setting *all = setting_all(&num);
  assert(num <= kMaxSettings);
  memset(t, 0, sizeof(*t));
  // '-' has other arguments returned where they stand, ':' tells a missing
  // value from an unknown option.
  char *shorts = t->shorts;
  *shorts++ = '-';
  *shorts++ = ':';
  size_t n = 0;
  for (size_t i = 0; i < num; i++) {
    if (!is_for(&all[i], command)) {
      continue;
    }
    bool has_value = (all[i].flags & kSettingFlag) == 0;
    t->longs[n] = (struct option){
        all[i].name, has_value ? required_argument : no_argument, NULL, 0};
    t->settings[n++] = &all[i];
    if (all[i].letter != 0) {
      *shorts++ = all[i].letter;
    }
    if (all[i].letter != 0 && has_value) {
      *shorts++ = ':';
    }
  }
}

static const struct setting *by_letter(const struct getopt_tables *t,
                                       int letter) {
  for (size_t i = 0; t->settings[i] != NULL; i++) {
    if (t->settings[i]->letter == letter) {
      return t->settings[i];
    }
  }
  return NULL;
}

// getopt_long takes `--res` for `--resolver`; a later option could then change
// what a script means. So only whole names count.
static bool is_whole_name(const char *word, const char *name) {
  size_t len = strlen(name);
  return strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, len) == 0 &&
         (word[2 + len] == '\0' || word[2 + len] == '=');
}

static bool add_argument(struct command_line *line,
                         struct options_error *out_error,
                         enum options_command command, const char *word) {
  if (command != OPTIONS_CHECK) {
    return options_error_set(
        out_error, EX_USAGE,
        "unexpected argument '%s' (see echproxy %s --help)", word,
        kCommands[command].name);
  }
  if (line->argument != NULL) {
    return options_error_set(out_error, EX_USAGE,
                             "one host at a time: '%s' is one too many", word);
  }
  line->argument = word;
  return true;
}

static void add_setting(struct command_line *line,
                        const struct setting *setting, const char *value) {
  line->given[line->num_given].setting = setting;
  line->given[line->num_given++].value = value != NULL ? value : "yes";
}

// Takes what getopt_long has found at `word`.
static bool take(struct command_line *line, struct options_error *out_error,
                 enum options_command command, const struct getopt_tables *t,
                 int found, int index, const char *word) {
  switch (found) {
    case 0:
      if (!is_whole_name(word, t->longs[index].name)) {
        break;
      }
      add_setting(line, t->settings[index], optarg);
      return true;
    case 1:
      return add_argument(line, out_error, command, optarg);
    case ':':
      return options_error_set(out_error, EX_USAGE, "option '%s' needs a value",
                               word);
    case '?':
      break;
    default:
      add_setting(line, by_letter(t, found), optarg);
      return true;
  }
  return options_error_set(out_error, EX_USAGE,
                           "unknown option '%s' (see echproxy %s --help)", word,
                           kCommands[command].name);
}

static bool read_command_line(struct command_line *line,
                              struct options_error *out_error,
                              enum options_command command, int argc,
                              char **argv) {
  struct getopt_tables tables;
  tables_init(&tables, command);
  optind = 0;  // glibc's way to begin anew
  opterr = 0;
  for (int at = 1;; at = optind) {
    int index = 0;
    int found = getopt_long(argc, argv, tables.shorts, tables.longs, &index);
    if (found == -1) {
      break;
    }
    // `at` is 1 for the first word, and stays for letters behind one dash.
    if (!take(line, out_error, command, &tables, found, index, argv[at])) {
      return false;
    }
  }
  for (int i = optind; i < argc; i++) {  // behind "--"
    if (!add_argument(line, out_error, command, argv[i])) {
      return false;
    }
  }
  return true;
}

static bool is_given(const struct command_line *line, const char *name) {
  for (size_t i = 0; i < line->num_given; i++) {
    if (strcmp(line->given[i].setting->name, name) == 0) {
      return true;
    }
  }
  return false;
}

static bool apply_line(struct options *options, struct options_error *out_error,
                       const struct command_line *line) {
  for (size_t i = 0; i < line->num_given; i++) {
    const struct setting *setting = line->given[i].setting;
    const char *value = line->given[i].value;
    const char *why = NULL;
    bool is_secret = (setting->flags & kSettingSecret) != 0;
    if (is_secret && upstream_url_has_credentials(value)) {
      return options_error_set(
          out_error, EX_USAGE,
          "--%s: everybody on this machine can see a password on the command "
          "line; write %s = URL into [%s] of the configuration file",
          setting->name, setting->name, setting->section);
    }
    if (!setting->apply(options, value, &why)) {
      return options_error_set(out_error, EX_USAGE, "--%s%s%s: %s",
                               setting->name, is_secret ? "" : " ",
                               is_secret ? "" : value, why);
    }
  }
  return true;
}

// The file's lists give way to the command line's. Bootstrap addresses belong
// to their resolvers, so they go with them.
static void drop_overridden_lists(struct options *options,
                                  const struct command_line *line) {
  if (is_given(line, "resolver")) {
    memset(options->resolvers, 0, sizeof(options->resolvers));
    options->num_resolvers = 0;
    options->num_bootstrap = 0;
  }
  if (is_given(line, "bootstrap")) {
    options->num_bootstrap = 0;
  }
  if (is_given(line, "local-domain")) {
    local_domains_cleanup(&options->local_domains);
  }
}

static bool load_file(struct options *options, struct options_error *out_error,
                      const struct command_line *line) {
  char *path = NULL;
  for (size_t i = 0; i < line->num_given; i++) {
    if (strcmp(line->given[i].setting->name, "config") == 0) {
      free(path);
      path = xstrdup(line->given[i].value);
    }
  }
  if (path == NULL) {
    path = config_file_default();
  }
  bool ok = path == NULL || config_file_load(options, out_error, path);
  free(path);
  return ok;
}

static bool complete_resolvers(struct options *options,
                               struct options_error *out_error,
                               const struct command_line *line) {
  const char *why;
  const char *host;
  if (known_resolver_complete(options, &why, &host)) {
    return true;
  }
  bool from_line = is_given(line, "resolver") || is_given(line, "bootstrap");
  return options_error_set(out_error, from_line ? EX_USAGE : EX_CONFIG,
                           "%s%s%s%s", host != NULL ? "resolver " : "",
                           host != NULL ? host : "", host != NULL ? ": " : "",
                           why);
}

// Finds the upstream proxy and sends the resolvers' connections through it, but
// for those of this machine: the proxy's own loopback is another.
static bool complete_upstream(struct options *options,
                              struct options_error *out_error,
                              const struct command_line *line) {
  const char *why;
  if (options->upstream == NULL) {
    return true;
  }
  if (!upstream_resolve(options->upstream, &why)) {
    return options_error_set(
        out_error, is_given(line, "upstream-proxy") ? EX_USAGE : EX_CONFIG,
        "upstream proxy %s: %s", options->upstream->host, why);
  }
  for (size_t i = 0; i < options->num_resolvers; i++) {
    struct dns_server *server = &options->resolvers[i];
    if (!address_is_loopback(&server->addresses[0])) {
      server->via = options->upstream;
    }
  }
  return true;
}

static bool complete_sites(const struct options *options,
                           struct options_error *out_error) {
  const char *why;
  const struct site_section *section;
  if (site_rules_resolve(options->sites, &why, &section)) {
    return true;
  }
  return options_error_set(out_error, EX_CONFIG,
                           "upstream proxy %s of [site \"%s\"]: %s",
                           section->upstream->host, section->pattern.text, why);
}

// Reads HOST[:PORT]; an IPv6 address alone may stand without brackets.
static bool set_target(struct options *options, struct options_error *out_error,
                       const char *argument) {
  struct authority target;
  if (argument == NULL) {
    return options_error_set(
        out_error, EX_USAGE,
        "check needs a host, such as echproxy check example.com");
  }
  if (strchr(argument, '/') != NULL) {
    return options_error_set(out_error, EX_USAGE,
                             "%s: give HOST or HOST:PORT, not a URL", argument);
  }
  if (!authority_from_text(&target, argument, strlen(argument)) &&
      !authority_from_host(&target, argument, strlen(argument))) {
    return options_error_set(
        out_error, EX_USAGE,
        "%s: not a host name or IP address with a port from 1 to 65535 (names "
        "in other scripts are written in their xn-- form)",
        argument);
  }
  memcpy(options->host, target.host, sizeof(options->host));
  options->port = target.port != 0 ? target.port : 443;
  return true;
}

// connects says whether a command needs to know how to reach anything.
static bool connects(enum options_command command) {
  return command == OPTIONS_RUN || command == OPTIONS_CHECK;
}

static bool put_together(struct options *options,
                         struct options_error *out_error,
                         enum options_command command,
                         const struct command_line *line) {
  if (is_given(line, "help")) {
    options->help = true;
    return true;
  }
  // The file first, so that what comes after it wins.
  if (!load_file(options, out_error, line)) {
    return false;
  }
  drop_overridden_lists(options, line);
  return apply_line(options, out_error, line) &&
         (command != OPTIONS_CHECK ||
          set_target(options, out_error, line->argument)) &&
         (!connects(command) || (complete_resolvers(options, out_error, line) &&
                                 complete_upstream(options, out_error, line) &&
                                 complete_sites(options, out_error)));
}

bool options_parse(struct options *options, struct options_error *out_error,
                   enum options_command command, int argc, char **argv) {
  *options = (struct options){.log = {LOG_TEXT, LOG_NORMAL}};
  address_from_ip(&options->listen, "127.0.0.1", kOptionsDefaultPort);
  struct command_line line = {NULL, 0, NULL};
  // No word holds more options than it has letters.
  size_t most = 1;
  for (int i = 1; i < argc; i++) {
    most += strlen(argv[i]);
  }
  line.given = xcalloc(most, sizeof(*line.given));
  bool ok = read_command_line(&line, out_error, command, argc, argv) &&
            put_together(options, out_error, command, &line);
  free(line.given);
  return ok;
}

void options_cleanup(struct options *options) {
  free(options->config_file);
  free(options->state_dir);
  free(options->upstream_ca);
  free(options->resolver_ca);
  site_rules_free(options->sites);
  local_domains_cleanup(&options->local_domains);
  upstream_free(options->upstream);
  memset(options, 0, sizeof(*options));
}

struct resolver *options_resolver_new(const struct options *options,
                                      struct worker *worker,
                                      X509_STORE *trust) {
  struct resolver *resolver =
      resolver_new(worker, options->resolvers, options->num_resolvers, trust);
  for (size_t i = 0; i < options->local_domains.num_domains; i++) {
    resolver_use_system_for(resolver, options->local_domains.domains[i]);
  }
  return resolver;
}
