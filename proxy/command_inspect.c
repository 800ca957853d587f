#include "proxy/command_inspect.h"

#include <errno.h>
#include <openssl/mem.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "keys/secret_file.h"
#include "proxy/command_line.h"
#include "proxy/inspect_input.h"
#include "proxy/inspect_json.h"
#include "proxy/inspect_report.h"
#include "proxy/inspect_text.h"
#include "proxy/usage_keys.h"
#include "roots/text.h"

static const char kCommand[] = "inspect";

enum inspect_option { OPTION_CONFIG, OPTION_JSON, OPTION_HELP };

static const struct command_option kOptions[] = {
    [OPTION_CONFIG] = {"config", 0, true},
    [OPTION_JSON] = {"json", 0, false},
    [OPTION_HELP] = {"help", 'h', false},
    {NULL, 0, false},
};

struct options {
  bool help;
  bool json;
  const char *what;    // FILE, - or the thing itself
  const char *config;  // or NULL
};

static bool take_words(struct options *options, struct command_line *line) {
  for (size_t i = 0; i < line->num_words; i++) {
    switch (line->words[i].option) {
      case OPTION_CONFIG:
        options->config = line->words[i].value;
        break;
      case OPTION_JSON:
        options->json = true;
        break;
      case OPTION_HELP:
        options->help = true;
        return true;
      default:
        break;
    }
  }
  options->what = command_line_one_argument(line, "FILE");
  return options->what != NULL;
}

// What was read. It may be a private key.
struct octets {
  uint8_t *data;
  size_t len;
};

// read_stdin reads one octet more than is allowed, so that too many are
// noticed.
static bool read_stdin(struct octets *out, struct key_error *out_error) {
  out->data = OPENSSL_malloc(kEchKeyFileMaxLen + 1);
  if (out->data == NULL) {
    key_error_set(out_error, "out of memory");
    return false;
  }
  while (out->len <= kEchKeyFileMaxLen) {
    ssize_t num = read(STDIN_FILENO, out->data + out->len,
                       kEchKeyFileMaxLen + 1 - out->len);
    if (num == 0) {
      return true;
    }
    if (num < 0 && errno != EINTR) {
      key_error_set(out_error, "standard input: %s", strerror(errno));
      return false;
    }
    out->len += num > 0 ? (size_t)num : 0;
  }
  return true;
}

static bool read_file(struct octets *out, const char *path,
                      struct key_error *out_error) {
  return secret_file_read(path, kEchKeyFileMaxLen, false, &out->data, &out->len,
                          out_error);
}

// is_inline says whether the argument is no file but the thing itself. A file
// that we may not see is one.
static bool is_inline(const char *what) {
  struct stat info;
  return strcmp(what, "-") != 0 && stat(what, &info) != 0 && errno != EACCES;
}

static bool read_what(struct octets *out, const char *what,
                      struct key_error *out_error) {
  if (strcmp(what, "-") == 0) {
    return read_stdin(out, out_error);
  }
  if (!is_inline(what)) {
    return read_file(out, what, out_error);
  }
  out->len = strlen(what);
  out->data = OPENSSL_memdup(what, out->len + 1);
  return out->data != NULL;
}

// Says in one line what is wrong with what was given, but repeats none of it
// that is not the name of a file.
static int fail(const struct options *options, const char *text) {
  if (is_inline(options->what)) {
    command_line_complain(kCommand,
                          "there is no such file, and the argument itself is "
                          "nothing to inspect: %s",
                          text);
  } else {
    command_line_complain(
        kCommand, "%s: %s",
        strcmp(options->what, "-") == 0 ? "standard input" : options->what,
        text);
  }
  return EX_DATAERR;
}

// add_config reads the second file of a key that has one: --config's, or the
// one that keygen writes beside the first.
static int add_config(struct inspect_input *input,
                      const struct options *options) {
  struct octets octets = {NULL, 0};
  struct key_error error;
  char *beside = text_format("%s.config", options->what);
  const char *path = options->config != NULL ? options->config : beside;
  int code = EX_OK;
  bool wanted = options->config != NULL ||
                (input->file.list == NULL && !is_inline(options->what) &&
                 access(beside, F_OK) == 0);
  if (wanted && !read_file(&octets, path, &error)) {
    command_line_complain(kCommand, "%s", error.text);
    code = EX_NOINPUT;
  } else if (wanted && !inspect_input_add_config(input, octets.data, octets.len,
                                                 &error)) {
    command_line_complain(kCommand, "%s: %s", path, error.text);
    code = EX_DATAERR;
  }
  secret_file_free(octets.data, octets.len);
  free(beside);
  return code;
}

static int report(const struct inspect_input *input,
                  const struct options *options) {
  struct inspect_report found;
  struct key_error error;
  int code;
  if (!inspect_report_init(&found, input, &error)) {
    code = fail(options, error.text);
  } else {
    code = inspect_report_good(&found) ? EX_OK : EXIT_FAILURE;
    (options->json ? inspect_json_print : inspect_text_print)(&found);
    if (fflush(stdout) != 0 || ferror(stdout)) {
      perror("echproxy inspect: standard output");
      code = EX_IOERR;
    }
  }
  inspect_report_cleanup(&found);
  return code;
}

static int inspect(const struct options *options) {
  struct octets octets = {NULL, 0};
  struct inspect_input input = {.is_record = false};
  struct key_error error = {"out of memory"};
  int code;
  if (!read_what(&octets, options->what, &error)) {
    command_line_complain(kCommand, "%s", error.text);
    code = EX_NOINPUT;
  } else if (!inspect_input_read(&input, octets.data, octets.len, &error)) {
    code = fail(options, error.text);
  } else if (input.file.num_keys > 0 && is_inline(options->what)) {
    command_line_complain(
        kCommand,
        "that is a private key, and everybody on this machine can see a "
        "command line: put it into a file, and replace the key");
    code = EX_USAGE;
  } else if ((code = add_config(&input, options)) == EX_OK) {
    code = report(&input, options);
  }
  inspect_input_cleanup(&input);
  secret_file_free(octets.data, octets.len);
  return code;
}

int command_inspect(int argc, char **argv) {
  struct options options = {.help = false};
  struct command_line line;
  int code = EX_USAGE;
  if (!command_line_parse(&line, kOptions, "inspect", argc, argv) ||
      !take_words(&options, &line)) {
    command_line_complain(kCommand, "%s", line.error);
  } else if (options.help) {
    fputs(usage_inspect(), stdout);
    code = EX_OK;
  } else {
    code = inspect(&options);
  }
  command_line_cleanup(&line);
  return code;
}
