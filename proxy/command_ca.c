#include "proxy/command_ca.h"

#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "keys/ca.h"
#include "proxy/options.h"
#include "proxy/state_dir.h"
#include "proxy/usage.h"

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
  struct options options;
  struct options_error error;
  int code = EX_OK;
  if (!options_parse(&options, &error, OPTIONS_CA, argc, argv)) {
    fprintf(stderr, "echproxy: %s\n", error.text);
    code = error.exit_code;
  } else if (options.help) {
    fputs(usage_ca(), stdout);
  } else {
    code = open_and_print(&options);
  }
  options_cleanup(&options);
  return code;
}
