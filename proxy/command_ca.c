#include "proxy/command_ca.h"

#include <getopt.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "keys/ca.h"
#include "proxy/state_dir.h"

static const char kUsage[] = "usage: echproxy ca [--pem] [--state-dir DIR]\n";

static const char kHelp[] =
    "\n"
    "Prints the path of the local CA's certificate, which browsers must be\n"
    "told to trust. Makes the CA when there is none yet.\n"
    "\n"
    "  --pem            print the certificate itself, in PEM form\n"
    "  --state-dir DIR  where the CA is kept (default:\n"
    "                   $XDG_STATE_HOME/echproxy or ~/.local/state/echproxy)\n"
    "  --help           print this\n"
    "\n"
    "Examples:\n"
    "  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n echproxy \\\n"
    "      -i \"$(echproxy ca)\"\n"
    "  echproxy ca --pem >echproxy-ca.crt\n";

struct options {
  bool help;
  bool pem;
  const char *state_dir;
};

static bool parse(int argc, char **argv, struct options *out) {
  static const struct option kOptions[] = {
      {"pem", no_argument, NULL, 'p'},
      {"state-dir", required_argument, NULL, 's'},
      {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0},
  };
  optind = 0;  // starts getopt anew
  for (;;) {
    switch (getopt_long(argc, argv, "h", kOptions, NULL)) {
      case 'p':
        out->pem = true;
        break;
      case 's':
        out->state_dir = optarg;
        break;
      case 'h':
        out->help = true;
        return true;
      case -1:
        if (optind < argc) {
          fprintf(stderr, "echproxy ca: unexpected argument '%s'\n",
                  argv[optind]);
          return false;
        }
        return true;
      default:
        return false;
    }
  }
}

static int print_ca(const struct ca *ca, bool pem) {
  bool ok = pem ? PEM_write_X509(stdout, ca_certificate(ca)) == 1
                : printf("%s\n", ca_path(ca)) > 0;
  if (!ok || fflush(stdout) != 0 || ferror(stdout)) {
    perror("echproxy ca: standard output");
    return EX_IOERR;
  }
  return EX_OK;
}

static int open_and_print(const struct options *options) {
  char *dir = state_dir_path(options->state_dir);
  if (dir == NULL) {
    fputs("echproxy ca: no home directory; name one with --state-dir\n",
          stderr);
    return EX_CANTCREAT;
  }
  struct key_error error;
  struct ca *ca = ca_open(dir, &error);
  free(dir);
  if (ca == NULL) {
    fprintf(stderr, "echproxy ca: %s\n", error.text);
    return EX_CANTCREAT;
  }
  int code = print_ca(ca, options->pem);
  ca_free(ca);
  return code;
}

int command_ca(int argc, char **argv) {
  struct options options = {0};
  if (!parse(argc, argv, &options)) {
    fputs(kUsage, stderr);
    return EX_USAGE;
  }
  if (options.help) {
    fputs(kUsage, stdout);
    fputs(kHelp, stdout);
    return EX_OK;
  }
  return open_and_print(&options);
}
