#include "proxy/setting.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/xalloc.h"

enum { kMaxLocalDomains = 64, kMaxWorkers = 64 };

static bool apply_yes_no(bool *out, const char *value, const char **out_why) {
  static const char *const kYes[] = {"yes", "true", "on", "1"};
  static const char *const kNo[] = {"no", "false", "off", "0"};
  for (size_t i = 0; i < sizeof(kYes) / sizeof(kYes[0]); i++) {
    if (strcasecmp(value, kYes[i]) == 0 || strcasecmp(value, kNo[i]) == 0) {
      *out = strcasecmp(value, kYes[i]) == 0;
      return true;
    }
  }
  *out_why = "write yes or no";
  return false;
}

static bool apply_text(char **out, const char *value, const char **out_why) {
  if (value[0] == '\0') {
    *out_why = "a path is needed";
    return false;
  }
  free(*out);
  *out = xstrdup(value);
  return true;
}

static bool apply_help(struct options *o, const char *value,
                       const char **out_why) {
  return apply_yes_no(&o->help, value, out_why);
}

static bool apply_json(struct options *o, const char *value,
                       const char **out_why) {
  return apply_yes_no(&o->json, value, out_why);
}

static bool apply_pem(struct options *o, const char *value,
                      const char **out_why) {
  return apply_yes_no(&o->pem, value, out_why);
}

static bool apply_fingerprint(struct options *o, const char *value,
                              const char **out_why) {
  return apply_yes_no(&o->fingerprint, value, out_why);
}

static bool apply_rotate(struct options *o, const char *value,
                         const char **out_why) {
  return apply_yes_no(&o->rotate, value, out_why);
}

static bool apply_list(struct options *o, const char *value,
                       const char **out_why) {
  return apply_yes_no(&o->list, value, out_why);
}

static bool apply_dry_run(struct options *o, const char *value,
                          const char **out_why) {
  return apply_yes_no(&o->dry_run, value, out_why);
}

static bool apply_all(struct options *o, const char *value,
                      const char **out_why) {
  return apply_yes_no(&o->all, value, out_why);
}

static bool apply_delete(struct options *o, const char *value,
                         const char **out_why) {
  return apply_yes_no(&o->delete_ca, value, out_why);
}

static bool apply_init(struct options *o, const char *value,
                       const char **out_why) {
  return apply_yes_no(&o->init, value, out_why);
}

static bool apply_show(struct options *o, const char *value,
                       const char **out_why) {
  return apply_yes_no(&o->show, value, out_why);
}

static bool apply_force(struct options *o, const char *value,
                        const char **out_why) {
  return apply_yes_no(&o->force, value, out_why);
}

static bool apply_config(struct options *o, const char *value,
                         const char **out_why) {
  return apply_text(&o->config_file, value, out_why);
}

static bool apply_state_dir(struct options *o, const char *value,
                            const char **out_why) {
  return apply_text(&o->state_dir, value, out_why);
}

static bool apply_upstream_ca(struct options *o, const char *value,
                              const char **out_why) {
  return apply_text(&o->upstream_ca, value, out_why);
}

static bool apply_resolver_ca(struct options *o, const char *value,
                              const char **out_why) {
  return apply_text(&o->resolver_ca, value, out_why);
}

static bool apply_users(struct options *o, const char *value,
                        const char **out_why) {
  return apply_text(&o->users, value, out_why);
}

static bool apply_listen(struct options *o, const char *value,
                         const char **out_why) {
  struct address address;
  if (!address_from_host_port(&address, value)) {
    *out_why = "write it as 127.0.0.1:8450 or [::1]:8450";
    return false;
  }
  o->listen = address;
  o->listen_asked = true;
  return true;
}

static bool apply_workers(struct options *o, const char *value,
                          const char **out_why) {
  char *end;
  if (strcmp(value, "auto") == 0) {
    o->num_workers = 0;
    return true;
  }
  unsigned long num = strtoul(value, &end, 10);
  // strtoul lets signs and spaces pass.
  if (value[0] < '1' || value[0] > '9' || *end != '\0' || num > kMaxWorkers) {
    *out_why = "write a number from 1 to 64, or auto";
    return false;
  }
  o->num_workers = num;
  return true;
}

static bool apply_mode(struct options *o, const char *value,
                       const char **out_why) {
  if (strcmp(value, "prefer") != 0 && strcmp(value, "strict") != 0) {
    *out_why = "the modes are prefer and strict";
    return false;
  }
  o->mode = strcmp(value, "strict") == 0 ? MODE_STRICT : MODE_PREFER;
  return true;
}

static bool apply_log_format(struct options *o, const char *value,
                             const char **out_why) {
  if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0) {
    *out_why = "the formats are text and json";
    return false;
  }
  o->log.format = strcmp(value, "json") == 0 ? LOG_JSON : LOG_TEXT;
  return true;
}

static bool apply_level(struct options *o, enum log_level level,
                        const char *value, const char **out_why) {
  bool on = false;
  if (!apply_yes_no(&on, value, out_why)) {
    return false;
  }
  if (on) {
    o->log.level = level;
  }
  return true;
}

static bool apply_verbose(struct options *o, const char *value,
                          const char **out_why) {
  return apply_level(o, LOG_VERBOSE, value, out_why);
}

static bool apply_quiet(struct options *o, const char *value,
                        const char **out_why) {
  return apply_level(o, LOG_ERRORS, value, out_why);
}

static bool apply_resolver(struct options *o, const char *value,
                           const char **out_why) {
  if (o->num_resolvers == kOptionsMaxResolvers) {
    *out_why = "there can be at most 8 resolvers";
    return false;
  }
  if (!dns_server_parse(&o->resolvers[o->num_resolvers], value, out_why)) {
    return false;
  }
  o->num_resolvers++;
  return true;
}

static bool apply_bootstrap(struct options *o, const char *value,
                            const char **out_why) {
  if (o->num_bootstrap == kDnsServerMaxAddresses) {
    *out_why = "there can be at most 8 bootstrap addresses";
    return false;
  }
  if (!address_from_ip(&o->bootstrap[o->num_bootstrap], value, 0)) {
    *out_why = "write an IP address, such as 192.0.2.1 or 2001:db8::1";
    return false;
  }
  o->num_bootstrap++;
  return true;
}

static bool apply_local_domain(struct options *o, const char *value,
                               const char **out_why) {
  if (o->local_domains.num_domains == kMaxLocalDomains) {
    *out_why = "there can be at most 64 local domains";
    return false;
  }
  if (!local_domains_add(&o->local_domains, value)) {
    *out_why = "write a domain, such as corp.example";
    return false;
  }
  return true;
}

static bool apply_upstream_proxy(struct options *o, const char *value,
                                 const char **out_why) {
  struct upstream *upstream = NULL;
  if (strcmp(value, "none") != 0) {
    upstream = upstream_new(value, out_why);
    if (upstream == NULL) {
      return false;
    }
  }
  upstream_free(o->upstream);
  o->upstream = upstream;
  return true;
}

enum {
  kBoth = kSettingRun | kSettingCheck,
  kTrusting = kSettingTrust | kSettingUntrust,
  kAll = kBoth | kSettingCa | kTrusting,
};

static const struct setting kSettings[] = {
    {"config", 'c', NULL, kAll | kSettingConfig | kSettingPath, apply_config,
     NULL, NULL, NULL},
    {"help", 'h', NULL, kAll | kSettingConfig | kSettingFlag, apply_help, NULL,
     NULL, NULL},
    {"json", 0, NULL, kSettingCheck | kSettingFlag, apply_json, NULL, NULL,
     NULL},
    {"pem", 0, NULL, kSettingCa | kSettingFlag, apply_pem, NULL, NULL, NULL},
    {"fingerprint", 0, NULL, kSettingCa | kSettingFlag, apply_fingerprint, NULL,
     NULL, NULL},
    {"rotate", 0, NULL, kSettingCa | kSettingFlag, apply_rotate, NULL, NULL,
     NULL},
    {"list", 0, NULL, kSettingTrust | kSettingFlag, apply_list, NULL, NULL,
     NULL},
    {"dry-run", 0, NULL, kTrusting | kSettingFlag, apply_dry_run, NULL, NULL,
     NULL},
    {"all", 0, NULL, kSettingUntrust | kSettingFlag, apply_all, NULL, NULL,
     NULL},
    {"delete", 0, NULL, kSettingUntrust | kSettingFlag, apply_delete, NULL,
     NULL, NULL},
    {"init", 0, NULL, kSettingConfig | kSettingFlag, apply_init, NULL, NULL,
     NULL},
    {"show", 0, NULL, kSettingConfig | kSettingFlag, apply_show, NULL, NULL,
     NULL},
    {"force", 0, NULL, kSettingConfig | kSettingFlag, apply_force, NULL, NULL,
     NULL},
    {"listen", 0, "proxy", kSettingRun, apply_listen,
     "Where browsers find the proxy: an address of this machine, ADDR:PORT.\n"
     "Port 0 picks a free one. One that other machines can reach needs users.",
     "127.0.0.1:8450", NULL},
    {"users", 0, "proxy", kSettingRun | kSettingPath, apply_users,
     "A file of lines NAME:PASSWORD that only you may read: the proxy then\n"
     "lets in nobody else. Not set: whoever can reach it.",
     NULL, "users.txt"},
    {"workers", 0, "proxy", kSettingRun, apply_workers,
     "Threads that share the work, 1 to 64; auto: one for each core that the\n"
     "proxy may run on, at most 4.",
     "auto", NULL},
    {"mode", 0, "proxy", kBoth, apply_mode,
     "What becomes of sites without ECH. prefer: they are passed through;\n"
     "strict: they are refused.",
     "prefer", NULL},
    {"state-dir", 0, "proxy", kAll | kSettingPath, apply_state_dir,
     "Where the local CA is kept. Not set: echproxy in $XDG_STATE_HOME or\n"
     "~/.local/state.",
     NULL, "/var/lib/echproxy"},
    {"upstream-ca", 0, "proxy", kBoth | kSettingPath, apply_upstream_ca,
     "A PEM file of certificates to trust for sites, besides the system's.",
     NULL, "site-roots.pem"},
    {"upstream-proxy", 0, "proxy", kBoth | kSettingSecret, apply_upstream_proxy,
     "A proxy that sites and resolvers are reached through, by address and\n"
     "never by name: socks5://HOST:PORT or http://HOST:PORT. With\n"
     "USER:PASSWORD@ before HOST, only you may be able to read this file.",
     "none", NULL},
    {"log-format", 0, "proxy", kSettingRun, apply_log_format,
     "What the log's lines are: text or json.", "text", NULL},
    {"verbose", 'v', "proxy", kSettingRun | kSettingFlag | kSettingLevel,
     apply_verbose, "yes: the log names the hosts that are visited.", "no",
     NULL},
    {"quiet", 'q', "proxy", kSettingRun | kSettingFlag | kSettingLevel,
     apply_quiet, "yes: the log holds errors only.", "no", NULL},
    {"resolver", 0, "resolver", kBoth | kSettingMany, apply_resolver,
     "Who is asked for names: https://HOST/PATH (DNS over HTTPS), tls://HOST\n"
     "(DNS over TLS), or udp://127.0.0.1 for a resolver on this machine. May\n"
     "be given several times: the first that works is used.",
     "https://cloudflare-dns.com/dns-query https://dns.quad9.net/dns-query",
     NULL},
    {"bootstrap", 0, "resolver", kBoth | kSettingMany, apply_bootstrap,
     "The address of the resolvers above, whose names are never looked up.\n"
     "Those of the default ones are known. May be given several times.",
     NULL, "192.0.2.53"},
    {"local-domain", 0, "resolver", kBoth | kSettingMany, apply_local_domain,
     "Names in this domain are for the system's resolver, and never for\n"
     "those above. May be given several times.",
     NULL, "corp.example"},
    {"resolver-ca", 0, "resolver", kBoth | kSettingPath, apply_resolver_ca,
     "A PEM file of certificates to trust for resolvers, besides the system's.",
     NULL, "resolver-roots.pem"},
};

enum { kNumSettings = sizeof(kSettings) / sizeof(kSettings[0]) };

const struct setting *setting_all(size_t *out_num) {
  *out_num = kNumSettings;
  return kSettings;
}

const struct setting *setting_find(const char *section, const char *name) {
  for (size_t i = 0; i < kNumSettings; i++) {
    const struct setting *s = &kSettings[i];
    if (s->section != NULL && strcmp(s->section, section) == 0 &&
        strcmp(s->name, name) == 0) {
      return s;
    }
  }
  return NULL;
}

bool setting_is_yes(const char *value) {
  const char *why;
  bool is_yes = false;
  return apply_yes_no(&is_yes, value, &why) && is_yes;
}

bool setting_section_exists(const char *section) {
  for (size_t i = 0; i < kNumSettings; i++) {
    if (kSettings[i].section != NULL &&
        strcmp(kSettings[i].section, section) == 0) {
      return true;
    }
  }
  return false;
}
