#include "proxy/command_publish.h"

#include <ctype.h>
#include <jansson.h>
#include <openssl/mem.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "keys/ech_key.h"
#include "keys/ech_publish_list.h"
#include "keys/ech_record.h"
#include "keys/secret_file.h"
#include "net/xalloc.h"
#include "proxy/command_line.h"

static const char kHelp[] =
    "usage: echproxy publish FILE... --name SITE [OPTION]...\n"
    "\n"
    "Prints what publishes the ECH key in FILE for a site. It goes to a DNS "
    "server or\n"
    "a web server; no private key is in it.\n"
    "\n"
    "  --name SITE      the site to hide\n"
    "  --format FORMAT  zone: the line for the zone file (default)\n"
    "                   generic: the same for servers that do not know the "
    "type,\n"
    "                   NAME TTL IN TYPE65 \\# LEN HEX (RFC 3597)\n"
    "                   nsupdate: commands for nsupdate that put it in the "
    "place of\n"
    "                   all HTTPS records of the name, in one transaction\n"
    "                   wkech: the file /.well-known/origin-svcb of the site\n"
    "  --port N         the site's port (default: 443)\n"
    "  --alpn LIST      the protocols that it speaks (default: h2,http/1.1); "
    "'' for\n"
    "                   a record that says none\n"
    "  --ttl N          how many seconds DNS may keep it (default: 1800); "
    "wkech\n"
    "                   asks to be fetched after twice that\n"
    "  -h, --help       print this\n"
    "\n"
    "Several FILEs are for keys with different KEMs or cipher suites, the one "
    "to use\n"
    "first in front. Of keys that are alike only the newest that the server "
    "has loaded\n"
    "is published (docs/ROTATION.md).\n"
    "\n"
    "Examples:\n"
    "  echproxy publish public.example.ech --name secret.example "
    ">>secret.zone\n"
    "  echproxy publish /etc/echproxy/ech/current.pem --name secret.example "
    "\\\n"
    "      --format nsupdate --ttl 600 | nsupdate -k /etc/echproxy/zone.key\n";

enum { kMaxKeyFile = 64 * 1024, kMaxTtl = 0x7fffffff };

struct options {
  const char *help;
  const char *name;
  const char *format;
  const char *alpn;
  uint32_t port;
  uint32_t ttl;
};

struct publication {
  const struct options *options;
  const struct ech_record *record;
};

static char *print_zone(const struct publication *p) {
  return ech_record_zone_line(p->record);
}

static char *print_generic(const struct publication *p) {
  return ech_record_generic_line(p->record);
}

static char *print_nsupdate(const struct publication *p) {
  return ech_record_nsupdate(p->record);
}

static json_t *alpn_array(const char *alpn) {
  json_t *array = json_array();
  while (alpn[0] != '\0') {
    size_t len = strcspn(alpn, ",");
    json_array_append_new(array, json_stringn(alpn, len));
    alpn += len + (alpn[len] == ',');
  }
  return array;
}

// The target in lower case, as draft-ietf-tls-wkech, section 5, wants it.
static json_t *target_string(const char *target) {
  char *lower = xstrdup(target);
  for (char *c = lower; *c != '\0'; c++) {
    *c = (char)tolower((unsigned char)*c);
  }
  json_t *string = json_string(lower);
  free(lower);
  return string;
}

// print_wkech writes the JSON of draft-ietf-tls-wkech, section 5. Whoever puts
// it into the zone may take half of regeninterval for the TTL.
static char *print_wkech(const struct publication *p) {
  json_t *params = json_pack("{s:s}", "ech", ech_record_base64(p->record));
  if (p->options->alpn[0] != '\0') {
    json_object_set_new(params, "alpn", alpn_array(p->options->alpn));
  }
  json_t *json = json_pack(
      "{s:I, s:[{s:i, s:o, s:o}]}", "regeninterval",
      2 * (json_int_t)p->options->ttl, "endpoints", "priority", 1, "target",
      target_string(ech_record_target(p->record)), "params", params);
  char *text = json_dumps(json, JSON_COMPACT);
  json_decref(json);
  char *copy = text == NULL ? NULL : OPENSSL_strdup(text);
  free(text);
  return copy;
}

static const struct {
  const char *name;
  char *(*print)(const struct publication *p);  // released with OPENSSL_free
  bool takes_wildcard;
} kFormats[] = {
    {"zone", print_zone, true},
    {"generic", print_generic, true},
    {"nsupdate", print_nsupdate, true},
    {"wkech", print_wkech, false},  // a site speaks for itself alone
};

enum { kNumFormats = sizeof(kFormats) / sizeof(kFormats[0]) };

static int find_format(const char *name) {
  for (int i = 0; i < kNumFormats; i++) {
    if (strcmp(kFormats[i].name, name) == 0) {
      return i;
    }
  }
  return -1;
}

static struct ech_key *load_key(const char *path, int *out_code) {
  struct key_error error;
  uint8_t *data;
  size_t len;
  if (!secret_file_read(path, kMaxKeyFile, false, &data, &len, &error)) {
    *out_code = EX_NOINPUT;
    command_line_wrong("publish", "%s", error.text);
    return NULL;
  }
  struct ech_key *key = ech_key_from_pem(data, len, &error);
  secret_file_free(data, len);
  if (key == NULL) {
    *out_code = EX_DATAERR;
    command_line_wrong("publish", "%s: %s", path, error.text);
  }
  return key;
}

static int write_out(const struct publication *p, int format) {
  char *text = kFormats[format].print(p);
  if (text == NULL) {
    command_line_wrong("publish", "out of memory");
    return EX_SOFTWARE;
  }
  // All forms of several lines end in a newline already.
  size_t len = strlen(text);
  bool ends = len > 0 && text[len - 1] == '\n';
  bool ok = printf("%s%s", text, ends ? "" : "\n") >= 0 &&
            fflush(stdout) == 0 && !ferror(stdout);
  OPENSSL_free(text);
  if (!ok) {
    perror("echproxy publish: standard output");
  }
  return ok ? EX_OK : EX_IOERR;
}

static int print_list(const struct options *options, const uint8_t *list,
                      size_t list_len) {
  struct key_error error;
  struct ech_record *record =
      ech_record_new(options->name, (uint16_t)options->port, options->ttl,
                     options->alpn, list, list_len, &error);
  if (record == NULL) {
    command_line_wrong("publish", "%s", error.text);
    return EX_USAGE;
  }
  int code = write_out(&(struct publication){options, record},
                       find_format(options->format));
  ech_record_free(record);
  return code;
}

// publish_keys joins the keys' configurations, in the order of their files.
static int publish_keys(const struct options *options, char *const *files,
                        struct ech_key *const *keys, size_t num) {
  struct ech_publish_entry *entries = xcalloc(num, sizeof(*entries));
  for (size_t i = 0; i < num; i++) {
    entries[i].name = files[i];
    entries[i].list = ech_key_config_list(keys[i], &entries[i].list_len);
  }
  struct key_error error;
  size_t list_len;
  uint8_t *list = ech_publish_list(&list_len, entries, num, &error);
  free(entries);
  if (list == NULL) {
    command_line_wrong("publish", "%s", error.text);
    return EX_DATAERR;
  }
  int code = print_list(options, list, list_len);
  OPENSSL_free(list);
  return code;
}

static int publish_files(const struct options *options, char *const *files,
                         size_t num) {
  struct ech_key **keys = xcalloc(num, sizeof(struct ech_key *));
  int code = EX_OK;
  for (size_t i = 0; i < num && code == EX_OK; i++) {
    keys[i] = load_key(files[i], &code);
  }
  if (code == EX_OK) {
    code = publish_keys(options, files, keys, num);
  }
  for (size_t i = 0; i < num; i++) {
    ech_key_free(keys[i]);
  }
  free(keys);
  return code;
}

static bool check(const struct options *options, int num_files) {
  int format = find_format(options->format);
  if (num_files == 0) {
    return command_line_wrong("publish",
                              "no FILE with an ECH key is given (see echproxy "
                              "publish --help)");
  }
  if (options->name == NULL) {
    return command_line_wrong("publish",
                              "--name SITE is needed: a key can be published "
                              "for many sites");
  }
  if (format < 0) {
    return command_line_wrong("publish",
                              "--format must be zone, generic, nsupdate or "
                              "wkech, not '%s'",
                              options->format);
  }
  if (!kFormats[format].takes_wildcard && options->name[0] == '*') {
    return command_line_wrong("publish",
                              "--format wkech is for one site, not for '%s'",
                              options->name);
  }
  return true;
}

static bool parse(struct options *out, int *out_num_files, int argc,
                  char **argv) {
  const char *port = NULL;
  const char *ttl = NULL;
  const struct command_option kOptions[] = {
      {"name", &out->name, false}, {"format", &out->format, false},
      {"port", &port, false},      {"alpn", &out->alpn, false},
      {"ttl", &ttl, false},        {"help", &out->help, true},
      {NULL, NULL, false},
  };
  if (!command_line_read(out_num_files, kOptions, argc, argv)) {
    return false;
  }
  if (out->format == NULL) {
    out->format = kFormats[0].name;
  }
  if (out->alpn == NULL) {
    out->alpn = "h2,http/1.1";
  }
  return out->help != NULL ||
         (command_line_number("publish", "port", port, 1, 65535, &out->port) &&
          command_line_number("publish", "ttl", ttl, 1, kMaxTtl, &out->ttl) &&
          check(out, *out_num_files));
}

int command_publish(int argc, char **argv) {
  struct options options = {.port = 443, .ttl = 1800};
  int num_files;
  if (!parse(&options, &num_files, argc, argv)) {
    return EX_USAGE;
  }
  if (options.help != NULL) {
    fputs(kHelp, stdout);
    return EX_OK;
  }
  return publish_files(&options, argv + 1, (size_t)num_files);
}
