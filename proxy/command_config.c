#include "proxy/command_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "keys/secret_file.h"
#include "net/xalloc.h"
#include "proxy/config_file.h"
#include "proxy/config_text.h"
#include "proxy/options.h"
#include "proxy/usage.h"

static bool write_initial(const char *path, bool may_replace,
                          struct key_error *out_error) {
  struct bytes text = {0};
  config_text_initial(&text);
  // A password may come to stand in it.
  bool ok = secret_file_write(path, text.data, text.len, SECRET_FILE_PRIVATE,
                              may_replace, out_error);
  free(text.data);
  return ok;
}

// Makes the folder of the user's own file. Others' must be there.
static bool make_folder(const char *path, struct key_error *out_error) {
  char *folder = xstrdup(path);
  *strrchr(folder, '/') = '\0';
  bool ok = secret_file_make_dir(folder, out_error);
  free(folder);
  return ok;
}

static int init(const struct options *options) {
  struct key_error error;
  bool is_usual = options->config_file == NULL;
  char *path = is_usual ? config_file_path() : xstrdup(options->config_file);
  int code = EX_CANTCREAT;
  if (path == NULL) {
    fputs("echproxy config: no home directory; name a file with --config\n",
          stderr);
  } else if (!options->force && access(path, F_OK) == 0) {
    fprintf(stderr, "echproxy config: %s exists already; --force replaces it\n",
            path);
  } else if ((is_usual && !make_folder(path, &error)) ||
             !write_initial(path, options->force, &error)) {
    fprintf(stderr, "echproxy config: %s\n", error.text);
  } else {
    code = printf("%s\n", path) > 0 && fflush(stdout) == 0 ? EX_OK : EX_IOERR;
  }
  free(path);
  return code;
}

static int show(const struct options *options) {
  struct bytes text = {0};
  config_text_effective(&text, options);
  bool ok =
      fwrite(text.data, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
  free(text.data);
  if (!ok) {
    perror("echproxy config: standard output");
  }
  return ok ? EX_OK : EX_IOERR;
}

// Whether there is an option that --init does not have.
static const char *odd_option(const struct options *options) {
  static const char *const kKnown[] = {"init", "force", "config"};
  for (size_t i = 0; i < options->trail.num_entries; i++) {
    const char *name = options->trail.entries[i].name;
    bool is_known = false;
    for (size_t k = 0; k < sizeof(kKnown) / sizeof(kKnown[0]); k++) {
      is_known |= strcmp(name, kKnown[k]) == 0;
    }
    if (!is_known) {
      return name;
    }
  }
  return NULL;
}

static int refuse(const char *why, const char *name) {
  fprintf(stderr, "echproxy: %s%s (see echproxy config --help)\n", why, name);
  return EX_USAGE;
}

static int run(const struct options *options) {
  if (options->init == options->show) {
    return refuse("config needs one of --init and --show", "");
  }
  if (options->show) {
    return options->force ? refuse("--force is for --init", "") : show(options);
  }
  const char *odd = odd_option(options);
  return odd != NULL ? refuse("with --init there can be no --", odd)
                     : init(options);
}

int command_config(int argc, char **argv) {
  struct options options;
  struct options_error error;
  int code = EX_OK;
  if (!options_parse(&options, &error, OPTIONS_CONFIG, argc, argv)) {
    fprintf(stderr, "echproxy: %s\n", error.text);
    code = error.exit_code;
  } else if (options.help) {
    fputs(usage_config(), stdout);
  } else {
    code = run(&options);
  }
  options_cleanup(&options);
  return code;
}
