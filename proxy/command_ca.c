#include "proxy/command_ca.h"

#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "keys/ca.h"
#include "keys/ca_rotation.h"
#include "proxy/options.h"
#include "proxy/root_change.h"
#include "proxy/state_dir.h"
#include "proxy/usage.h"

enum { kOldStillTrusted = 1 };

static bool print_fingerprint(const struct ca *ca) {
  char fingerprint[kCaFingerprintSize];
  ca_fingerprint(ca_certificate(ca), fingerprint);
  return printf("%s\n", fingerprint) > 0;
}

static int print_ca(const struct ca *ca, const struct options *options) {
  bool ok;
  if (options->pem) {
    ok = PEM_write_X509(stdout, ca_certificate(ca)) == 1;
  } else if (options->fingerprint) {
    ok = print_fingerprint(ca);
  } else {
    ok = printf("%s\n", ca_path(ca)) > 0;
  }
  if (!ok || fflush(stdout) != 0 || ferror(stdout)) {
    perror("echproxy ca: standard output");
    return EX_IOERR;
  }
  return EX_OK;
}

// withdraw_old takes the old CA out of wherever it is trusted: its key is gone,
// so it is good for nothing any more.
static int withdraw_old(const char *dir) {
  struct key_error error;
  struct root_change_result result;
  const struct root_change change = {
      .kind = ROOT_CHANGE_UNTRUST,
      .state_dir = dir,
      .command = "ca",
      .out = stderr,
      .only_changes = true,
  };
  if (!root_change_run(&change, &result, &error)) {
    fprintf(stderr, "echproxy ca: the old CA may still be trusted: %s\n",
            error.text);
    return kOldStillTrusted;
  }
  return result.num_failed + result.num_for_root == 0 ? EX_OK
                                                      : kOldStillTrusted;
}

static bool rotate(const char *dir, int *out_code,
                   struct key_error *out_error) {
  if (!ca_rotate(dir, out_error)) {
    return false;
  }
  *out_code = withdraw_old(dir);
  fputs(
      "There is a new CA, which nobody trusts yet: run `echproxy trust`. A "
      "proxy that\nis running goes on with the old one, which browsers now "
      "refuse, until it is\nrestarted.\n",
      stderr);
  return true;
}

static int open_and_print(const struct options *options) {
  char *dir = state_dir_path(options->state_dir);
  if (dir == NULL) {
    fputs("echproxy ca: no home directory; name one with --state-dir\n",
          stderr);
    return EX_CANTCREAT;
  }
  struct key_error error;
  int rotated = EX_OK;
  struct ca *ca = NULL;
  if (!options->rotate || rotate(dir, &rotated, &error)) {
    ca = ca_open(dir, &error);
  }
  free(dir);
  if (ca == NULL) {
    fprintf(stderr, "echproxy ca: %s\n", error.text);
    return EX_CANTCREAT;
  }
  int code = print_ca(ca, options);
  ca_free(ca);
  return code == EX_OK ? rotated : code;
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
  } else if (options.pem && options.fingerprint) {
    fputs("echproxy: --pem and --fingerprint are two questions: ask one\n",
          stderr);
    code = EX_USAGE;
  } else {
    code = open_and_print(&options);
  }
  options_cleanup(&options);
  return code;
}
