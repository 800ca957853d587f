#include "proxy/command_keygen.h"

#include <getopt.h>
#include <openssl/mem.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "keys/ech_key.h"
#include "keys/ech_public_name.h"
#include "keys/secret_file.h"
#include "net/xalloc.h"

static const char kUsage[] =
    "usage: echproxy keygen PUBLIC_NAME [--out FILE] [--name SITE] [--port N]\n"
    "                       [--max-name-length N] [--force]\n";

static const char kHelp[] =
    "\n"
    "Makes an ECH key for a server and prints the line to put into the zone.\n"
    "PUBLIC_NAME is what an observer will see; the server needs a certificate\n"
    "that is valid for it.\n"
    "\n"
    "  --out FILE           where the key goes (default: PUBLIC_NAME.ech in "
    "the\n"
    "                       current directory), in the PEM form of RFC 9934\n"
    "                       that nginx, HAProxy, lighttpd and OpenSSL read;\n"
    "                       only you may read it\n"
    "  --name SITE          the site to hide, whose record is printed "
    "(default:\n"
    "                       PUBLIC_NAME); every site on the server needs one\n"
    "  --port N             the site's port (default: 443)\n"
    "  --max-name-length N  hide the length of names up to N, 0 to 255\n"
    "                       (default: 64)\n"
    "  --force              replace FILE when it exists\n"
    "  --help               print this\n"
    "\n"
    "Examples:\n"
    "  echproxy keygen public.example --name secret.example >>secret.zone\n"
    "  echproxy keygen public.example --name secret.example --port 8443 \\\n"
    "      --out /etc/nginx/ech/public.example.ech --force\n";

struct options {
  bool help;
  bool force;
  const char *public_name;
  const char *out;
  const char *name;
  uint16_t port;
  uint8_t max_name_len;
};

// parse_number takes decimal digits only. It prints what is wrong.
static bool parse_number(const char *option, const char *text, long min,
                         long max, long *out) {
  char *end;
  long value = strtol(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || value < min ||
      value > max) {
    fprintf(
        stderr,
        "echproxy keygen: --%s must be a number from %ld to %ld, not '%s'\n",
        option, min, max, text);
    return false;
  }
  *out = value;
  return true;
}

static bool take_public_name(int argc, char **argv, struct options *out) {
  if (out->help) {
    return true;
  }
  if (optind + 1 != argc) {
    fprintf(stderr, optind == argc
                        ? "echproxy keygen: no PUBLIC_NAME is given\n"
                        : "echproxy keygen: one PUBLIC_NAME, not several\n");
    return false;
  }
  out->public_name = argv[optind];
  return true;
}

static bool parse(int argc, char **argv, struct options *out) {
  static const struct option kOptions[] = {
      {"out", required_argument, NULL, 'o'},
      {"name", required_argument, NULL, 'n'},
      {"port", required_argument, NULL, 'p'},
      {"max-name-length", required_argument, NULL, 'm'},
      {"force", no_argument, NULL, 'f'},
      {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0},
  };
  long number;
  optind = 0;  // starts getopt anew
  for (;;) {
    switch (getopt_long(argc, argv, "h", kOptions, NULL)) {
      case 'o':
        out->out = optarg;
        break;
      case 'n':
        out->name = optarg;
        break;
      case 'p':
        if (!parse_number("port", optarg, 1, 65535, &number)) {
          return false;
        }
        out->port = (uint16_t)number;
        break;
      case 'm':
        if (!parse_number("max-name-length", optarg, 0, 255, &number)) {
          return false;
        }
        out->max_name_len = (uint8_t)number;
        break;
      case 'f':
        out->force = true;
        break;
      case 'h':
        out->help = true;
        break;
      case -1:
        return take_public_name(argc, argv, out);
      default:
        return false;
    }
  }
}

static bool write_key(const struct ech_key *key, const char *path, bool force) {
  uint8_t *pem = NULL;
  size_t len = 0;
  struct key_error error = {.text = "out of memory"};
  bool ok =
      ech_key_to_pem(key, &pem, &len) &&
      secret_file_write(path, pem, len, SECRET_FILE_PRIVATE, force, &error);
  secret_file_free(pem, len);
  if (!ok) {
    fprintf(stderr, "echproxy keygen: %s%s\n", error.text,
            !force && access(path, F_OK) == 0 ? " (--force replaces it)" : "");
  }
  return ok;
}

static char *default_path(const char *public_name) {
  static const char kSuffix[] = ".ech";
  size_t len = strlen(public_name);
  char *path = xrealloc(NULL, len + sizeof(kSuffix));
  memcpy(path, public_name, len);
  memcpy(path + len, kSuffix, sizeof(kSuffix));
  return path;
}

static void explain(const struct options *options, const char *path) {
  bool hides = strcasecmp(options->name, options->public_name) != 0;
  fprintf(stderr,
          "The private key is in %s.\nGive it to the server and to nobody "
          "else (nginx: ssl_ech_file, HAProxy: ech,\nalso lighttpd and OpenSSL "
          "4). ",
          path);
  fprintf(stderr,
          hides ? "Publish the line above for %s, and\nthe same line with "
                  "its own name in front for every other site to hide.\n"
                : "The line above hides no name, for everybody\nsees %s: "
                  "publish it with the name of each site to hide in\nfront "
                  "instead (--name prints it so).\n",
          options->name);
}

// save_and_print writes the file first: a record without a key that fits breaks
// the site, a key without a record does nothing.
static int save_and_print(const struct options *options,
                          const struct ech_key *key, const char *zone_line) {
  char *path = options->out == NULL ? default_path(options->public_name)
                                    : xstrdup(options->out);
  int code = EX_OK;
  if (!write_key(key, path, options->force)) {
    code = EX_CANTCREAT;
  } else if (printf("%s\n", zone_line) < 0 || fflush(stdout) != 0 ||
             ferror(stdout)) {
    perror("echproxy keygen: standard output");
    code = EX_IOERR;
  } else {
    explain(options, path);
  }
  free(path);
  return code;
}

static int make_key(const struct options *options) {
  struct key_error error;
  struct ech_key *key =
      ech_key_generate(options->public_name, options->max_name_len, &error);
  if (key == NULL) {
    fprintf(stderr, "echproxy keygen: '%s': %s\n", options->public_name,
            error.text);
    return ech_public_name_valid(options->public_name) ? EX_SOFTWARE : EX_USAGE;
  }
  char *zone_line = ech_key_zone_line(key, options->name, options->port);
  int code;
  if (zone_line == NULL) {
    fprintf(stderr,
            "echproxy keygen: --name '%s' is no host name that a record%s can "
            "stand "
            "at\n",
            options->name, options->port == 443 ? "" : " for a port");
    code = EX_USAGE;
  } else {
    code = save_and_print(options, key, zone_line);
  }
  OPENSSL_free(zone_line);
  ech_key_free(key);
  return code;
}

int command_keygen(int argc, char **argv) {
  struct options options = {.port = 443, .max_name_len = 64};
  if (!parse(argc, argv, &options)) {
    fputs(kUsage, stderr);
    return EX_USAGE;
  }
  if (options.help) {
    fputs(kUsage, stdout);
    fputs(kHelp, stdout);
    return EX_OK;
  }
  if (options.out != NULL && strcmp(options.out, "-") == 0) {
    fputs(
        "echproxy keygen: --out names a file; standard output is for the zone "
        "line\n",
        stderr);
    return EX_USAGE;
  }
  if (options.name == NULL) {
    options.name = options.public_name;
  }
  return make_key(&options);
}
