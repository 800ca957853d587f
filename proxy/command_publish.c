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

#include "keys/ech_key_file.h"
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
    "FILE is an ECH key in PEM (RFC 9934), Go's or NSS's format, an "
    "ECHConfigList or\n"
    "an ECHConfig, such as the FILE.config beside a raw key. Several are for "
    "keys\n"
    "with different KEMs or cipher suites, the one to use first in front. Of "
    "keys\n"
    "that are alike only the newest that the server has loaded is published\n"
    "(docs/ROTATION.md).\n"
    "\n"
    "It exits with 0 when it was printed, 64 for a wrong command line, 65 for "
    "a FILE\n"
    "with nothing to publish, 66 for one that cannot be read, 74 when "
    "standard output\n"
    "cannot be written.\n"
    "\n"
    "Examples:\n"
    "  echproxy publish public.example.ech --name secret.example "
    ">>secret.zone\n"
    "  echproxy publish /etc/echproxy/ech/current.pem --name secret.example "
    "\\\n"
    "      --format nsupdate --ttl 600 | nsupdate -k /etc/echproxy/zone.key\n";

enum { kMaxTtl = 0x7fffffff };

enum option { NAME, FORMAT, PORT, ALPN, TTL, HELP };

static const struct command_option kOptions[] = {
    [NAME] = {"name", 0, true}, [FORMAT] = {"format", 0, true},
    [PORT] = {"port", 0, true}, [ALPN] = {"alpn", 0, true},
    [TTL] = {"ttl", 0, true},   [HELP] = {"help", 'h', false},
    {NULL, 0, false},
};

struct options {
  bool help;
  const char *name;
  const char *format;
  const char *alpn;
  long port;
  long ttl;
  const char **files;  // released
  size_t num_files;
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

// A command that fails sets the error of its command line, whatever the cause,
// and returns the exit code.
static int fail(struct command_line *line, int code, const char *text) {
  command_line_set_error(line, "%s", text);
  return code;
}

static int write_out(struct command_line *line, const struct publication *p) {
  char *text = kFormats[find_format(p->options->format)].print(p);
  if (text == NULL) {
    return fail(line, EX_SOFTWARE, "out of memory");
  }
  // All forms of several lines end in a newline already.
  size_t len = strlen(text);
  bool ends = len > 0 && text[len - 1] == '\n';
  bool ok = printf("%s%s", text, ends ? "" : "\n") >= 0 &&
            fflush(stdout) == 0 && !ferror(stdout);
  OPENSSL_free(text);
  return ok ? EX_OK : fail(line, EX_IOERR, "standard output cannot be written");
}

static int publish_list(struct command_line *line,
                        const struct options *options,
                        const struct ech_publish_list *list) {
  struct key_error error;
  size_t len;
  uint8_t *octets = ech_publish_list_make(list, &len);
  if (octets == NULL) {
    return fail(line, EX_DATAERR, "the configurations do not fit one list");
  }
  struct ech_record *record = ech_record_new(
      options->name, (uint16_t)options->port, (uint32_t)options->ttl,
      options->alpn, octets, len, &error);
  OPENSSL_free(octets);
  if (record == NULL) {
    return fail(line, EX_USAGE, error.text);
  }
  int code = write_out(line, &(struct publication){options, record});
  ech_record_free(record);
  return code;
}

static int read_file(struct command_line *line, struct ech_key_file *out,
                     const char *path) {
  struct key_error error;
  uint8_t *data;
  size_t len;
  if (!secret_file_read(path, kEchKeyFileMaxLen, false, &data, &len, &error)) {
    return fail(line, EX_NOINPUT, error.text);
  }
  bool ok = ech_key_file_read(out, data, len, &error);
  secret_file_free(data, len);
  if (!ok) {
    command_line_set_error(line, "%s: %s", path, error.text);
  }
  return ok ? EX_OK : EX_DATAERR;
}

static int publish_files(struct command_line *line,
                         const struct options *options) {
  struct ech_publish_list list = {.num_configs = 0};
  struct key_error error;
  struct ech_key_file *files = xcalloc(options->num_files, sizeof(*files));
  int code = EX_OK;
  for (size_t i = 0; i < options->num_files && code == EX_OK; i++) {
    const char *path = options->files[i];
    code = read_file(line, &files[i], path);
    if (code == EX_OK &&
        !ech_publish_list_add(&list, path, &files[i], &error)) {
      code = fail(line, EX_DATAERR, error.text);
    }
  }
  if (code == EX_OK) {
    code = publish_list(line, options, &list);
  }
  for (size_t i = 0; i < options->num_files; i++) {
    ech_key_file_cleanup(&files[i]);
  }
  free(files);
  return code;
}

static bool check(struct command_line *line, const struct options *options) {
  int format = find_format(options->format);
  if (options->num_files == 0) {
    return command_line_set_error(
        line, "no FILE with an ECH key is given (see echproxy publish --help)");
  }
  if (options->name == NULL) {
    return command_line_set_error(
        line, "--name SITE is needed: a key can be published for many sites");
  }
  if (format < 0) {
    return command_line_set_error(
        line, "--format must be zone, generic, nsupdate or wkech, not '%s'",
        options->format);
  }
  if (!kFormats[format].takes_wildcard && options->name[0] == '*') {
    return command_line_set_error(
        line, "--format wkech is for one site, not for '%s'", options->name);
  }
  return true;
}

static bool take(struct command_line *line, struct options *out,
                 const struct command_word *word) {
  switch (word->option) {
    case NAME:
      out->name = word->value;
      return true;
    case FORMAT:
      out->format = word->value;
      return true;
    case PORT:
      return command_line_take_number(line, &out->port, "port", word->value, 1,
                                      UINT16_MAX);
    case ALPN:
      out->alpn = word->value;
      return true;
    case TTL:
      return command_line_take_number(line, &out->ttl, "ttl", word->value, 1,
                                      kMaxTtl);
    case HELP:
      out->help = true;
      return true;
    default:
      out->files[out->num_files++] = word->value;
      return true;
  }
}

static bool parse(struct command_line *line, struct options *out, int argc,
                  char **argv) {
  if (!command_line_parse(line, kOptions, "publish", argc, argv)) {
    return false;
  }
  out->files = xcalloc(line->num_words + 1, sizeof(*out->files));
  for (size_t i = 0; i < line->num_words; i++) {
    if (!take(line, out, &line->words[i])) {
      return false;
    }
  }
  return out->help || check(line, out);
}

static int run(struct command_line *line, struct options *options, int argc,
               char **argv) {
  if (!parse(line, options, argc, argv)) {
    return EX_USAGE;
  }
  if (options->help) {
    fputs(kHelp, stdout);
    return EX_OK;
  }
  return publish_files(line, options);
}

int command_publish(int argc, char **argv) {
  struct command_line line;
  struct options options = {.format = kFormats[0].name,
                            .alpn = "h2,http/1.1",
                            .port = 443,
                            .ttl = 1800};
  int code = run(&line, &options, argc, argv);
  if (code != EX_OK) {
    fprintf(stderr, "echproxy publish: %s\n", line.error);
  }
  free(options.files);
  command_line_cleanup(&line);
  return code;
}
