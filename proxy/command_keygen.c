#include "proxy/command_keygen.h"

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
#include "keys/ech_key_output.h"
#include "keys/ech_public_name.h"
#include "keys/hpke_names.h"
#include "keys/secret_file.h"
#include "net/xalloc.h"
#include "proxy/keygen_options.h"
#include "proxy/usage_keys.h"
#include "roots/text.h"

static const char kCommand[] = "keygen";

// Who reads a format, for the words that follow a new key.
static const char *const kReaders[] = {
    [ECH_KEY_PEM] = "nginx: ssl_ech_file, HAProxy: ech, lighttpd, OpenSSL 4",
    [ECH_KEY_GO] = ("sing-box: key_path, mihomo: ech-key, Xray: its base64 is "
                    "echServerKeys"),
    [ECH_KEY_NSS] = "NSS: selfserv -X \"$(cat FILE)\"",
    [ECH_KEY_RAW] =
        "BoringSSL: bssl-tool server -ech-key FILE -ech-config FILE.config",
};

// The path of a file, and of the one beside it.
struct paths {
  char *key;
  char *config;
};

static struct paths paths_new(const struct keygen_options *options) {
  char *key = options->out == NULL
                  ? text_format("%s.ech", options->spec.config.public_name)
                  : xstrdup(options->out);
  return (struct paths){key, text_format("%s.config", key)};
}

static void paths_cleanup(struct paths *paths) {
  free(paths->key);
  free(paths->config);
}

static bool write_file(const char *path, const uint8_t *data, size_t len,
                       enum secret_file_mode mode, bool force) {
  struct key_error error;
  if (secret_file_write(path, data, len, mode, force, &error)) {
    return true;
  }
  command_line_complain(
      kCommand, "%s%s", error.text,
      !force && access(path, F_OK) == 0 ? " (--force replaces it)" : "");
  return false;
}

// write_output looks at the second file first, so that a key is not left
// without it.
static bool write_output(const struct ech_key_output *output,
                         const struct paths *paths, bool force) {
  if (output->config != NULL && !force && access(paths->config, F_OK) == 0) {
    command_line_complain(kCommand, "%s exists already (--force replaces it)",
                          paths->config);
    return false;
  }
  return write_file(paths->key, output->key, output->key_len,
                    SECRET_FILE_PRIVATE, force) &&
         (output->config == NULL ||
          write_file(paths->config, output->config, output->config_len,
                     SECRET_FILE_PUBLIC, force));
}

static void explain(const struct keygen_options *options,
                    const struct paths *paths, bool has_config) {
  bool hides = strcasecmp(options->name, options->spec.config.public_name) != 0;
  fprintf(stderr, "The private key is in %s.\n", paths->key);
  if (has_config) {
    fprintf(stderr, "What clients may know is in %s.\n", paths->config);
  }
  fprintf(stderr, "Give the key to the server and to nobody else:\n  %s\n",
          kReaders[options->format]);
  fprintf(stderr,
          hides ? "Publish the line above for %s,\nand the same line with its "
                  "own name in front for every other site to hide.\n"
                : "The line above hides no name, for everybody sees %s:\n"
                  "publish it with the name of each site to hide in front "
                  "instead (--name prints\nit so).\n",
          options->name);
  if (options->spec.kem_id != kHpkeKemX25519) {
    fputs(
        "Warning: Chromium, what else is made with BoringSSL, and echproxy "
        "itself use x25519\nalone, and will send the site's name in the clear. "
        "OpenSSL 4 can use this key.\n",
        stderr);
  }
}

// save_and_print writes the file first: a record without a key that fits breaks
// the site, a key without a record does nothing.
static int save_and_print(const struct keygen_options *options,
                          const struct ech_key_output *output,
                          const char *zone_line) {
  struct paths paths = paths_new(options);
  int code = EX_OK;
  if (!write_output(output, &paths, options->force)) {
    code = EX_CANTCREAT;
  } else if (printf("%s\n", zone_line) < 0 || fflush(stdout) != 0 ||
             ferror(stdout)) {
    perror("echproxy keygen: standard output");
    code = EX_IOERR;
  } else {
    explain(options, &paths, output->config != NULL);
  }
  paths_cleanup(&paths);
  return code;
}

// make_output writes the key in its format. It prints what is wrong.
static int make_output(struct ech_key_output *out,
                       const struct keygen_options *options,
                       const struct ech_key *key) {
  struct ech_key_file file;
  struct key_error error = {.text = "out of memory"};
  bool ok = ech_key_to_file(key, &file) &&
            ech_key_output_make(out, &file, options->format, &error);
  ech_key_file_cleanup(&file);
  if (!ok) {
    command_line_complain(kCommand, "--format %s: %s",
                          ech_key_format_str(options->format), error.text);
  }
  return ok ? EX_OK : EX_USAGE;
}

static int use_key(const struct keygen_options *options,
                   const struct ech_key *key) {
  struct ech_key_output output = {.key = NULL};
  char *zone_line = ech_key_zone_line(key, options->name, options->port);
  int code = EX_USAGE;
  if (zone_line == NULL) {
    command_line_complain(
        kCommand, "--name '%s' is no host name that a record%s can stand at",
        options->name, options->port == 443 ? "" : " for a port");
  } else if ((code = make_output(&output, options, key)) == EX_OK) {
    code = save_and_print(options, &output, zone_line);
  }
  ech_key_output_cleanup(&output);
  OPENSSL_free(zone_line);
  return code;
}

static int make_key(const struct keygen_options *options) {
  const char *public_name = options->spec.config.public_name;
  struct key_error error;
  struct ech_key *key = ech_key_new(&options->spec, &error);
  if (key == NULL) {
    command_line_complain(kCommand, "'%s': %s", public_name, error.text);
    return ech_public_name_valid(public_name) ? EX_SOFTWARE : EX_USAGE;
  }
  int code = use_key(options, key);
  ech_key_free(key);
  return code;
}

int command_keygen(int argc, char **argv) {
  struct keygen_options options;
  struct command_line line;
  int code = keygen_options_parse(&options, &line, argc, argv);
  if (code != EX_OK) {
    command_line_complain(kCommand, "%s", line.error);
  } else if (options.help) {
    fputs(usage_keygen(), stdout);
  } else {
    code = make_key(&options);
  }
  command_line_cleanup(&line);
  return code;
}
