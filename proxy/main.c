#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "proxy/command_ca.h"
#include "proxy/command_check.h"
#include "proxy/command_config.h"
#include "proxy/command_inspect.h"
#include "proxy/command_keygen.h"
#include "proxy/command_publish.h"
#include "proxy/command_rotate.h"
#include "proxy/command_run.h"
#include "proxy/command_status.h"
#include "proxy/command_trust.h"
#include "proxy/process_memory.h"
#include "proxy/usage.h"

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
} kCommands[] = {
    {"run", command_run},         {"check", command_check},
    {"keygen", command_keygen},   {"inspect", command_inspect},
    {"publish", command_publish}, {"rotate", command_rotate},
    {"ca", command_ca},           {"trust", command_trust},
    {"untrust", command_untrust}, {"config", command_config},
    {"status", command_status},
};

static int print_help(void) {
  fputs(usage_program(), stdout);
  return EX_OK;
}

static int print_version(void) {
  usage_print_version();
  return EX_OK;
}

int main(int argc, char **argv) {
  const char *first = argc > 1 ? argv[1] : "";
  process_memory_protect();
  if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
    return print_help();
  }
  if (strcmp(first, "--version") == 0) {
    return print_version();
  }
  if (first[0] == '-' || argc < 2) {
    return command_run(argc, argv);
  }
  for (size_t i = 0; i < sizeof(kCommands) / sizeof(kCommands[0]); i++) {
    if (strcmp(first, kCommands[i].name) == 0) {
      return kCommands[i].run(argc - 1, argv + 1);
    }
  }
  fprintf(stderr, "echproxy: there is no command '%s' (see echproxy --help)\n",
          first);
  return EX_USAGE;
}
