#include "proxy/options.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ech/lookup.h"
#include "net/xalloc.h"
#include "proxy/command_line.h"
#include "proxy/config_file.h"
#include "proxy/known_resolver.h"
#include "proxy/setting.h"

// What the command line says, before it is applied.
struct given {
  struct {
    const struct setting *setting;
    const char *value;
  } *settings;
  size_t num_settings;
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
    [OPTIONS_CONFIG] = {"config", kSettingConfig | kSettingRun},
};

static bool is_for(const struct setting *setting,
                   enum options_command command) {
  return (setting->flags & kCommands[command].flag) != 0;
}

// The settings that are options of one command, with the table that the command
// line is read by.
struct option_table {
  struct command_option options[kCommandLineMaxOptions + 1];
  const struct setting *settings[kCommandLineMaxOptions];
};

static void table_init(struct option_table *t, enum options_command command) {
  size_t num;
  const struct setting *all = setting_all(&num);
  memset(t, 0, sizeof(*t));
  size_t n = 0;
  for (size_t i = 0; i < num; i++) {
    if (is_for(&all[i], command)) {
      assert(n < kCommandLineMaxOptions);
      t->options[n] = (struct command_option){
          all[i].name, all[i].letter, (all[i].flags & kSettingFlag) == 0};
      t->settings[n++] = &all[i];
    }
  }
}

static bool add_argument(struct given *given, struct options_error *out_error,
                         enum options_command command, const char *word) {
  if (command != OPTIONS_CHECK) {
    return options_error_set(
        out_error, EX_USAGE,
        "unexpected argument '%s' (see echproxy %s --help)", word,
        kCommands[command].name);
  }
  if (given->argument != NULL) {
    return options_error_set(out_error, EX_USAGE,
                             "one host at a time: '%s' is one too many", word);
  }
  given->argument = word;
  return true;
}

static bool read_command_line(struct given *given,
                              struct options_error *out_error,
                              enum options_command command, int argc,
                              char **argv) {
  struct option_table table;
  struct command_line line;
  table_init(&table, command);
  bool ok = command_line_parse(&line, table.options, kCommands[command].name,
                               argc, argv) ||
            options_error_set(out_error, EX_USAGE, "%s", line.error);
  given->settings = xcalloc(line.num_words + 1, sizeof(*given->settings));
  for (size_t i = 0; ok && i < line.num_words; i++) {
    const struct command_word *word = &line.words[i];
    if (word->option == kCommandLineArgument) {
      ok = add_argument(given, out_error, command, word->value);
      continue;
    }
    given->settings[given->num_settings].setting = table.settings[word->option];
    given->settings[given->num_settings++].value =
        word->value != NULL ? word->value : "yes";
  }
  command_line_cleanup(&line);
  return ok;
}

static bool is_given(const struct given *given, const char *name) {
  for (size_t i = 0; i < given->num_settings; i++) {
    if (strcmp(given->settings[i].setting->name, name) == 0) {
      return true;
    }
  }
  return false;
}

static bool apply_line(struct options *options, struct options_error *out_error,
                       const struct given *given) {
  for (size_t i = 0; i < given->num_settings; i++) {
    const struct setting *setting = given->settings[i].setting;
    const char *value = given->settings[i].value;
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
    setting_trail_add(&options->trail, setting->section, setting->name, value,
                      is_secret, kTrailCommandLine);
  }
  return true;
}

// The file's lists give way to the command line's. Bootstrap addresses belong
// to their resolvers, so they go with them.
static void drop_overridden_lists(struct options *options,
                                  const struct given *given) {
  if (is_given(given, "resolver")) {
    memset(options->resolvers, 0, sizeof(options->resolvers));
    options->num_resolvers = 0;
    options->num_bootstrap = 0;
    setting_trail_drop(&options->trail, "resolver");
    setting_trail_drop(&options->trail, "bootstrap");
  }
  if (is_given(given, "bootstrap")) {
    options->num_bootstrap = 0;
    setting_trail_drop(&options->trail, "bootstrap");
  }
  if (is_given(given, "local-domain")) {
    local_domains_cleanup(&options->local_domains);
    setting_trail_drop(&options->trail, "local-domain");
  }
}

static bool load_file(struct options *options, struct options_error *out_error,
                      const struct given *given) {
  char *path = NULL;
  for (size_t i = 0; i < given->num_settings; i++) {
    if (strcmp(given->settings[i].setting->name, "config") == 0) {
      free(path);
      path = xstrdup(given->settings[i].value);
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
                               const struct given *given) {
  const char *why;
  const char *host;
  if (known_resolver_complete(options, &why, &host)) {
    return true;
  }
  bool from_line = is_given(given, "resolver") || is_given(given, "bootstrap");
  return options_error_set(out_error, from_line ? EX_USAGE : EX_CONFIG,
                           "%s%s%s%s", host != NULL ? "resolver " : "",
                           host != NULL ? host : "", host != NULL ? ": " : "",
                           why);
}

// Finds the upstream proxy and sends the resolvers' connections through it, but
// for those of this machine: the proxy's own loopback is another.
static bool complete_upstream(struct options *options,
                              struct options_error *out_error,
                              const struct given *given) {
  const char *why;
  if (options->upstream == NULL) {
    return true;
  }
  if (!upstream_resolve(options->upstream, &why)) {
    return options_error_set(
        out_error, is_given(given, "upstream-proxy") ? EX_USAGE : EX_CONFIG,
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

// Returns what was set last for the setting `name`, or NULL.
static const struct trail_entry *find_set(const struct setting_trail *trail,
                                          const char *name) {
  for (size_t i = trail->num_entries; i > 0; i--) {
    const struct trail_entry *entry = &trail->entries[i - 1];
    if (entry->name != NULL && strcmp(entry->name, name) == 0) {
      return entry;
    }
  }
  return NULL;
}

// Whoever could reach an address of the network could use the proxy.
static bool check_listen(const struct options *options,
                         struct options_error *out_error) {
  static const char kWhy[] =
      "the proxy lets in whoever can reach it, so on an address that other "
      "machines can reach it needs users = FILE, names with passwords; without "
      "them, use an address of 127.0.0.0/8 or [::1]";
  char text[kAddressTextSize];
  const struct trail_entry *set = find_set(&options->trail, "listen");
  if (address_is_loopback(&options->listen) || options->users != NULL) {
    return true;
  }
  address_format(text, &options->listen);
  if (set != NULL && set->line != kTrailCommandLine) {
    return options_error_set(out_error, EX_CONFIG, "%s:%d: listen = %s: %s",
                             options->trail.path, set->line, text, kWhy);
  }
  return options_error_set(out_error, EX_USAGE, "--listen %s: %s", text, kWhy);
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

// Completes what a command needs to know to reach anything. What is only shown
// is not looked for.
static bool complete(struct options *options, struct options_error *out_error,
                     enum options_command command, const struct given *given) {
  switch (command) {
    case OPTIONS_RUN:
      if (!check_listen(options, out_error)) {
        return false;
      }
      // Fall through.
    case OPTIONS_CHECK:
      return complete_resolvers(options, out_error, given) &&
             complete_upstream(options, out_error, given) &&
             complete_sites(options, out_error);
    case OPTIONS_CONFIG:
      return options->init || (check_listen(options, out_error) &&
                               complete_resolvers(options, out_error, given));
    case OPTIONS_CA:
    case OPTIONS_TRUST:
    case OPTIONS_UNTRUST:
      return true;
  }
  return true;
}

static bool put_together(struct options *options,
                         struct options_error *out_error,
                         enum options_command command,
                         const struct given *given) {
  if (is_given(given, "help")) {
    options->help = true;
    return true;
  }
  // The file first, so that what comes after it wins.
  if (!is_given(given, "init") && !load_file(options, out_error, given)) {
    return false;
  }
  drop_overridden_lists(options, given);
  return apply_line(options, out_error, given) &&
         (command != OPTIONS_CHECK ||
          set_target(options, out_error, given->argument)) &&
         complete(options, out_error, command, given);
}

// Lists begin empty; known_resolver_complete sets those that stay so.
static void set_defaults(struct options *options) {
  size_t num;
  const struct setting *all = setting_all(&num);
  for (size_t i = 0; i < num; i++) {
    const char *why;
    if (all[i].initial != NULL && (all[i].flags & kSettingMany) == 0) {
      bool ok = all[i].apply(options, all[i].initial, &why);
      assert(ok);
      (void)ok;
    }
  }
}

bool options_parse(struct options *options, struct options_error *out_error,
                   enum options_command command, int argc, char **argv) {
  *options = (struct options){.log = {.level = LOG_NORMAL}};
  set_defaults(options);
  struct given given = {NULL, 0, NULL};
  bool ok = read_command_line(&given, out_error, command, argc, argv) &&
            put_together(options, out_error, command, &given);
  free(given.settings);
  return ok;
}

void options_cleanup(struct options *options) {
  free(options->config_file);
  free(options->state_dir);
  free(options->upstream_ca);
  free(options->resolver_ca);
  free(options->users);
  site_rules_free(options->sites);
  local_domains_cleanup(&options->local_domains);
  upstream_free(options->upstream);
  setting_trail_cleanup(&options->trail);
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
