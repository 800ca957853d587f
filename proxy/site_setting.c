#include "proxy/site_setting.h"

#include <openssl/base64.h>
#include <stdlib.h>
#include <string.h>

#include "ech/config_list.h"
#include "net/xalloc.h"
#include "proxy/setting.h"

static bool apply_mode(struct site_reading *r, const char *value,
                       const char **out_why) {
  static const struct {
    const char *name;
    enum proxy_mode mode;
  } kModes[] = {
      {"prefer", MODE_PREFER}, {"strict", MODE_STRICT}, {"pass", MODE_PASS}};
  for (size_t i = 0; i < sizeof(kModes) / sizeof(kModes[0]); i++) {
    if (strcmp(value, kModes[i].name) == 0) {
      r->section->mode = kModes[i].mode;
      r->section->sets[SITE_MODE] = true;
      return true;
    }
  }
  *out_why = "the modes of a site are prefer, strict and pass";
  return false;
}

// Why a list cannot be used, by its first entry.
static const char *unusable(const uint8_t *list, size_t len) {
  struct ech_config_entry entry;
  size_t offset = 0;
  if (!ech_config_list_well_formed(list, len) ||
      !ech_config_list_next(list, len, &offset, &entry)) {
    return "it is no ECHConfigList (RFC 9849, section 4); a single ECHConfig "
           "lacks the list's length";
  }
  return ech_config_verdict_str(entry.verdict);
}

static bool set_twice(const struct site_section *section,
                      const char **out_why) {
  *out_why = "ech and ech-from say the same in two ways; remove one";
  return section->sets[SITE_ECH];
}

static bool apply_ech(struct site_reading *r, const char *value,
                      const char **out_why) {
  struct ech_config_entry entry;
  size_t value_len = strlen(value);
  if (set_twice(r->section, out_why)) {
    return false;
  }
  uint8_t *list = xcalloc(value_len + 1, 1);
  size_t len = 0;
  if (value_len == 0 || !EVP_DecodeBase64(list, &len, value_len,
                                          (const uint8_t *)value, value_len)) {
    *out_why = "it is not base64, as in the ech parameter of an HTTPS record";
  } else if (!ech_config_list_usable(list, len, &entry)) {
    *out_why = unusable(list, len);
  } else {
    r->section->ech = list;
    r->section->ech_len = len;
    r->section->sets[SITE_ECH] = true;
    return true;
  }
  free(list);
  return false;
}

static bool apply_ech_from(struct site_reading *r, const char *value,
                           const char **out_why) {
  struct authority name;
  if (set_twice(r->section, out_why)) {
    return false;
  }
  if (!authority_from_host(&name, value, strlen(value)) || name.is_ip) {
    *out_why =
        "write the name of a site that publishes ECH, such as "
        "cloudflare-ech.com";
    return false;
  }
  r->section->ech_from = xstrdup(name.host);
  r->section->sets[SITE_ECH] = true;
  return true;
}

static bool apply_address(struct site_reading *r, const char *value,
                          const char **out_why) {
  struct site_section *s = r->section;
  if (s->num_addresses == kLookupMaxAddresses) {
    *out_why = "there can be at most 16 addresses";
    return false;
  }
  if (!address_from_ip(&s->addresses[s->num_addresses], value, 0)) {
    *out_why = "write an IP address, such as 192.0.2.1 or 2001:db8::1";
    return false;
  }
  s->num_addresses++;
  s->sets[SITE_ADDRESS] = true;
  return true;
}

static bool apply_path(char **out, const char *value, const char **out_why) {
  *out_why = "a path is needed";
  *out = value[0] != '\0' ? xstrdup(value) : NULL;
  return *out != NULL;
}

static bool apply_client_cert(struct site_reading *r, const char *value,
                              const char **out_why) {
  return apply_path(&r->cert_path, value, out_why);
}

static bool apply_client_key(struct site_reading *r, const char *value,
                             const char **out_why) {
  return apply_path(&r->key_path, value, out_why);
}

static bool apply_upstream_proxy(struct site_reading *r, const char *value,
                                 const char **out_why) {
  r->section->sets[SITE_UPSTREAM] = true;
  if (strcmp(value, "none") == 0) {
    return true;
  }
  r->section->upstream = upstream_new(value, out_why);
  return r->section->upstream != NULL;
}

static const struct site_setting kSettings[] = {
    {"mode", 0, false, apply_mode,
     "prefer, strict or pass. pass sends the site's name in the clear: for\n"
     "apps that accept no certificate but their site's.",
     "strict"},
    {"ech", 0, false, apply_ech,
     "The site's ECHConfigList, base64 as in the ech of an HTTPS record. It\n"
     "goes before what the site publishes.",
     "AD7+DQA65wAgACA..."},
    {"ech-from", 0, true, apply_ech_from,
     "A name whose published ECH configuration is used for this site.",
     "cloudflare-ech.com"},
    {"address", kSettingMany, false, apply_address,
     "An IP address to connect to in place of those in DNS. May be given\n"
     "several times.",
     "192.0.2.80"},
    {"client-cert", kSettingPath, false, apply_client_cert,
     "A PEM file: your certificate, and the ones between it and the site's\n"
     "root.",
     "bank.pem"},
    {"client-key", kSettingPath, false, apply_client_key,
     "A PEM file: its private key, which only you may be able to read.",
     "bank-key.pem"},
    {"upstream-proxy", kSettingSecret, false, apply_upstream_proxy,
     "As in [proxy], for this site; none: reach it directly.", "none"},
};

enum { kNumSettings = sizeof(kSettings) / sizeof(kSettings[0]) };

const struct site_setting *site_setting_all(size_t *out_num) {
  *out_num = kNumSettings;
  return kSettings;
}

const struct site_setting *site_setting_find(const char *name) {
  for (size_t i = 0; i < kNumSettings; i++) {
    if (strcmp(kSettings[i].name, name) == 0) {
      return &kSettings[i];
    }
  }
  return NULL;
}

void site_reading_begin(struct site_reading *out, struct site_section *section,
                        int line) {
  *out = (struct site_reading){.section = section, .line = line};
}

void site_reading_drop(struct site_reading *reading) {
  free(reading->cert_path);
  free(reading->key_path);
  *reading = (struct site_reading){.section = NULL};
}

bool site_reading_apply(struct site_reading *reading,
                        const struct site_setting *setting, const char *value,
                        int line, const char **out_why) {
  unsigned bit = 1u << (setting - kSettings);
  if ((reading->seen & bit) != 0 && (setting->flags & kSettingMany) == 0) {
    *out_why = "it is set twice in this section; remove one";
    return false;
  }
  reading->seen |= bit;
  if (reading->section->pattern.kind == SITE_RANGE && !setting->is_for_range) {
    *out_why =
        "a section for a range of addresses can only have ech-from; write a "
        "section for the site's name";
    return false;
  }
  if ((setting->flags & kSettingPath) != 0) {
    reading->identity_line = line;
  }
  return setting->apply(reading, value, out_why);
}

static bool load_identity(struct site_reading *r, struct key_error *out_error) {
  if (r->cert_path == NULL && r->key_path == NULL) {
    return true;
  }
  if (r->cert_path == NULL || r->key_path == NULL) {
    key_error_set(out_error,
                  "client-cert and client-key belong together, and the section "
                  "has no %s",
                  r->cert_path == NULL ? "client-cert" : "client-key");
    return false;
  }
  struct client_identity *identity =
      client_identity_load(r->cert_path, r->key_path, out_error);
  if (identity == NULL) {
    return false;
  }
  r->section->identity = identity;
  r->section->shown = (struct origin_identity){
      identity->chain, identity->chain_len, identity->key};
  r->section->sets[SITE_IDENTITY] = true;
  return true;
}

// With `pass` the browser's own TLS goes through, in which nothing of ours is.
static bool check_pass(const struct site_section *section,
                       struct key_error *out_error) {
  if (!section->sets[SITE_MODE] || section->mode != MODE_PASS ||
      (!section->sets[SITE_ECH] && !section->sets[SITE_IDENTITY])) {
    return true;
  }
  key_error_set(
      out_error,
      "with mode = pass the site's name is not hidden and the browser "
      "shows its own certificate, so ech, ech-from, client-cert and "
      "client-key do nothing; remove them or the mode");
  return false;
}

bool site_reading_end(struct site_reading *reading, int *out_line,
                      struct key_error *out_error) {
  bool ok = true;
  if (reading->section != NULL) {
    *out_line = reading->identity_line;
    ok = load_identity(reading, out_error);
  }
  if (ok && reading->section != NULL) {
    *out_line = reading->line;
    ok = check_pass(reading->section, out_error);
  }
  site_reading_drop(reading);
  return ok;
}
