#include "proxy/command_trust.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "keys/ca.h"
#include "keys/ca_rotation.h"
#include "proxy/options.h"
#include "proxy/root_change.h"
#include "proxy/state_dir.h"
#include "proxy/usage.h"

enum { kSomethingLeft = 1 };

static int finish(const char *command, int code) {
  if (fflush(stdout) != 0 || ferror(stdout)) {
    fprintf(stderr, "echproxy %s: standard output: ", command);
    perror(NULL);
    return EX_IOERR;
  }
  return code;
}

static int cannot(const char *command, const struct key_error *error) {
  fprintf(stderr, "echproxy %s: %s\n", command, error->text);
  return EX_CANTCREAT;
}

// Trusting.

static bool print_ca(const char *dir, struct key_error *out_error) {
  struct ca *ca = ca_open(dir, out_error);
  if (ca == NULL) {
    return false;
  }
  char fingerprint[kCaFingerprintSize];
  ca_fingerprint(ca_certificate(ca), fingerprint);
  printf("CA %s\nSHA-256 %s\n\n", ca_path(ca), fingerprint);
  ca_free(ca);
  return true;
}

// A CA is made only where it is going to be trusted, so nothing of root's comes
// into a user's home.
static bool announce_ca(const struct options *options, const char *dir,
                        struct key_error *out_error) {
  struct ca_known known;
  bool ok = ca_known_read(&known, dir, out_error);
  bool has_ca = known.has_current;
  ca_known_cleanup(&known);
  if (!ok) {
    return false;
  }
  if (has_ca || (!options->list && !options->dry_run)) {
    return print_ca(dir, out_error);
  }
  printf("There is no CA in %s yet%s.\n\n", dir,
         options->dry_run ? "; one would be made" : "");
  return true;
}

static int trust_outcome(const struct options *options,
                         const struct root_change_result *result) {
  if (options->list) {
    return result->num_trusting == result->num_own ? EX_OK : kSomethingLeft;
  }
  if (result->num_for_root > 0) {
    printf(
        "\nThe system's store is for programs that are no browsers, other\n"
        "users' too: leave it as it is unless you need it.\n");
  }
  if (result->num_changed > 0 && !options->dry_run) {
    printf("\nRestart browsers that are running.\n");
  }
  return result->num_failed == 0 ? EX_OK : kSomethingLeft;
}

static int trust(const struct options *options, const char *dir) {
  struct key_error error;
  struct root_change_result result;
  const struct root_change change = {
      .kind = options->list ? ROOT_CHANGE_LIST : ROOT_CHANGE_TRUST,
      .state_dir = dir,
      .command = "trust",
      .out = stdout,
      .dry_run = options->dry_run,
  };
  if (!root_change_allowed(&error) || !announce_ca(options, dir, &error) ||
      !root_change_run(&change, &result, &error)) {
    return cannot("trust", &error);
  }
  return trust_outcome(options, &result);
}

// Untrusting.

// delete_ca keeps the certificates as long as somebody may trust them: without
// them nobody could find what is left. The key goes in any case.
static bool delete_ca(const char *dir, bool is_clean, bool dry_run,
                      struct key_error *out_error) {
  if (access(dir, F_OK) != 0) {
    printf("\nThere is no CA in %s to delete.\n", dir);
    return true;
  }
  if (dry_run) {
    printf("\nThe CA in %s would be deleted.\n", dir);
    return true;
  }
  if (!ca_delete(dir, !is_clean, out_error)) {
    return false;
  }
  printf(
      "\nThe CA's key is deleted. A proxy that is running still has it: stop "
      "it.\n");
  return true;
}

static int untrust(const struct options *options, const char *dir) {
  struct key_error error;
  struct root_change_result result;
  const struct root_change change = {
      .kind = ROOT_CHANGE_UNTRUST,
      .state_dir = dir,
      .command = "untrust",
      .out = stdout,
      .dry_run = options->dry_run,
      .all = options->all,
  };
  if (!root_change_run(&change, &result, &error)) {
    return cannot("untrust", &error);
  }
  bool is_clean = result.num_failed == 0 && result.num_for_root == 0;
  if (result.num_changed > 0 && !options->dry_run) {
    printf("\nRestart browsers that are running.\n");
  }
  if (options->delete_ca &&
      !delete_ca(dir, is_clean, options->dry_run, &error)) {
    return cannot("untrust", &error);
  }
  return is_clean ? EX_OK : kSomethingLeft;
}

static int parse_and_run(enum options_command command, const char *name,
                         const char *usage, int argc, char **argv,
                         int (*run)(const struct options *options,
                                    const char *dir)) {
  struct options options;
  struct options_error error;
  int code = EX_OK;
  char *dir = NULL;
  if (!options_parse(&options, &error, command, argc, argv)) {
    fprintf(stderr, "echproxy: %s\n", error.text);
    code = error.exit_code;
  } else if (options.help) {
    fputs(usage, stdout);
  } else if ((dir = state_dir_path(options.state_dir)) == NULL) {
    fprintf(stderr,
            "echproxy %s: no home directory; name one with --state-dir\n",
            name);
    code = EX_CANTCREAT;
  } else {
    code = finish(name, run(&options, dir));
  }
  free(dir);
  options_cleanup(&options);
  return code;
}

int command_trust(int argc, char **argv) {
  return parse_and_run(OPTIONS_TRUST, "trust", usage_trust(), argc, argv,
                       trust);
}

int command_untrust(int argc, char **argv) {
  return parse_and_run(OPTIONS_UNTRUST, "untrust", usage_untrust(), argc, argv,
                       untrust);
}
