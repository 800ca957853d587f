#include "proxy/keygen_options.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "keys/ech_config.h"
#include "keys/ech_public_name.h"
#include "keys/hpke_names.h"
#include "keys/secret_file.h"

enum keygen_option {
  OPTION_OUT,
  OPTION_FORMAT,
  OPTION_FORCE,
  OPTION_NAME,
  OPTION_PORT,
  OPTION_KEM,
  OPTION_SUITE,
  OPTION_CONFIG_ID,
  OPTION_AVOID,
  OPTION_MAX_NAME_LENGTH,
  OPTION_HELP,
};

static const struct command_option kOptions[] = {
    [OPTION_OUT] = {"out", 0, true},
    [OPTION_FORMAT] = {"format", 0, true},
    [OPTION_FORCE] = {"force", 0, false},
    [OPTION_NAME] = {"name", 0, true},
    [OPTION_PORT] = {"port", 0, true},
    [OPTION_KEM] = {"kem", 0, true},
    [OPTION_SUITE] = {"suite", 0, true},
    [OPTION_CONFIG_ID] = {"config-id", 0, true},
    [OPTION_AVOID] = {"avoid", 0, true},
    [OPTION_MAX_NAME_LENGTH] = {"max-name-length", 0, true},
    [OPTION_HELP] = {"help", 'h', false},
    {NULL, 0, false},
};

// What is read from the words before it makes a whole.
struct reader {
  struct keygen_options *options;
  struct command_line *line;  // for its error
  bool used_ids[256];         // in the files of --avoid
  bool has_config_id;
  bool has_suites;
  bool has_max_name_len;
  int exit_code;
};

static bool fail(struct reader *r, int exit_code) {
  r->exit_code = exit_code;
  return false;
}

// take_number takes an option whose value is a number.
static bool take_number(struct reader *r, enum keygen_option option,
                        const char *text) {
  struct keygen_options *o = r->options;
  long min = option == OPTION_PORT ? 1 : 0;
  long max = option == OPTION_PORT ? UINT16_MAX : UINT8_MAX;
  long number;
  if (!command_line_take_number(r->line, &number, kOptions[option].name, text,
                                min, max)) {
    return false;
  }
  if (option == OPTION_PORT) {
    o->port = (uint16_t)number;
  } else if (option == OPTION_CONFIG_ID) {
    o->spec.config.config_id = (uint8_t)number;
    r->has_config_id = true;
  } else {
    o->spec.config.max_name_len = (uint8_t)number;
    r->has_max_name_len = true;
  }
  return true;
}

static bool take_out(struct reader *r, const char *path) {
  r->options->out = path;
  return strcmp(path, "-") != 0 ||
         command_line_set_error(
             r->line,
             "--out names a file; standard output is for the zone line");
}

static bool take_format(struct reader *r, const char *name) {
  return (ech_key_format_find(&r->options->format, name) &&
          r->options->format != ECH_KEY_LIST) ||
         command_line_set_error(
             r->line, "--format is pem, go, nss or raw, not '%s'", name);
}

// take_kem says no where a key would be one that no client uses.
static bool take_kem(struct reader *r, const char *name) {
  uint16_t id;
  if (!hpke_names_find_kem(name, &id)) {
    return command_line_set_error(r->line, "--kem is x25519 or p256, not '%s'",
                                  name);
  }
  if (id != kHpkeKemX25519 && id != kHpkeKemP256) {
    return command_line_set_error(
        r->line, "--kem %s: no ECH client is known to use it; take x25519",
        name);
  }
  if (hpke_names_get_kem(id) == NULL) {
    return command_line_set_error(
        r->line,
        "--kem %s: the BoringSSL of this build does not have it (upstream's "
        "has); take x25519",
        name);
  }
  r->options->spec.kem_id = id;
  return true;
}

// find_suite reads KDF,AEAD.
static bool find_suite(struct ech_config_suite *out, const char *text) {
  char kdf[32];
  size_t len = strcspn(text, ",");
  if (text[len] == '\0' || len >= sizeof(kdf)) {
    return false;
  }
  memcpy(kdf, text, len);
  kdf[len] = '\0';
  return hpke_names_find_kdf(kdf, &out->kdf_id) &&
         hpke_names_find_aead(text + len + 1, &out->aead_id);
}

static bool has_suite(const struct ech_config_spec *spec,
                      const struct ech_config_suite *suite) {
  for (size_t i = 0; i < spec->num_suites; i++) {
    if (spec->suites[i].kdf_id == suite->kdf_id &&
        spec->suites[i].aead_id == suite->aead_id) {
      return true;
    }
  }
  return false;
}

static bool take_suite(struct reader *r, const char *text) {
  enum { kExportOnly = 0xffff };
  struct ech_config_spec *spec = &r->options->spec.config;
  struct ech_config_suite suite;
  if (!find_suite(&suite, text) || suite.aead_id == kExportOnly) {
    return command_line_set_error(
        r->line,
        "--suite is KDF,AEAD, such as hkdf-sha256,aes-128-gcm, with the AEAD "
        "aes-128-gcm, aes-256-gcm or chacha20-poly1305, not '%s'",
        text);
  }
  if (suite.kdf_id != EVP_HPKE_HKDF_SHA256) {
    return command_line_set_error(
        r->line,
        "--suite %s: for ECH, BoringSSL has hkdf-sha256 alone: its clients "
        "pass the suite by and its servers refuse the configuration",
        text);
  }
  if (!r->has_suites) {
    spec->num_suites = 0;  // the default ones give way
    r->has_suites = true;
  }
  if (has_suite(spec, &suite)) {
    return command_line_set_error(r->line, "--suite %s is given twice", text);
  }
  spec->suites[spec->num_suites++] = suite;  // there are three at most
  return true;
}

// note_ids marks the config_ids of a file as used.
static void note_ids(struct reader *r, const struct ech_key_file *file) {
  CBS rest, config;
  size_t bad;
  uint8_t id;
  if (!ech_config_open_list(&rest, &bad, file->list, file->list_len)) {
    return;
  }
  while (ech_config_next(&rest, &config)) {
    if (ech_config_id(&id, config)) {
      r->used_ids[id] = true;
    }
  }
}

static bool take_avoid(struct reader *r, const char *path) {
  uint8_t *data = NULL;
  size_t len = 0;
  struct key_error error;
  struct ech_key_file file = {.format = ECH_KEY_PEM};
  bool ok = false;
  if (!secret_file_read(path, kEchKeyFileMaxLen, false, &data, &len, &error)) {
    command_line_set_error(r->line, "--avoid: %s", error.text);
    fail(r, EX_NOINPUT);
  } else if (!ech_key_file_read(&file, data, len, &error)) {
    command_line_set_error(r->line, "--avoid %s: %s", path, error.text);
    fail(r, EX_DATAERR);
  } else if (file.list == NULL) {
    command_line_set_error(r->line,
                           "--avoid %s: a key without its configuration has no "
                           "config_id; name the file that has it, which for a "
                           "raw key is FILE.config",
                           path);
    fail(r, EX_DATAERR);
  } else {
    note_ids(r, &file);
    ok = true;
  }
  ech_key_file_cleanup(&file);
  secret_file_free(data, len);
  return ok;
}

static bool take_option(struct reader *r, enum keygen_option option,
                        const char *value) {
  switch (option) {
    case OPTION_OUT:
      return take_out(r, value);
    case OPTION_FORMAT:
      return take_format(r, value);
    case OPTION_FORCE:
      r->options->force = true;
      return true;
    case OPTION_NAME:
      r->options->name = value;
      return true;
    case OPTION_KEM:
      return take_kem(r, value);
    case OPTION_SUITE:
      return take_suite(r, value);
    case OPTION_AVOID:
      return take_avoid(r, value);
    case OPTION_PORT:
    case OPTION_CONFIG_ID:
    case OPTION_MAX_NAME_LENGTH:
      return take_number(r, option, value);
    case OPTION_HELP:
      r->options->help = true;
      return true;
  }
  return false;
}

static bool pick_config_id(struct reader *r) {
  struct ech_key_spec *spec = &r->options->spec;
  if (r->has_config_id && r->used_ids[spec->config.config_id]) {
    return command_line_set_error(r->line,
                                  "--config-id %u is one of those to --avoid",
                                  (unsigned)spec->config.config_id);
  }
  if (!r->has_config_id && !ech_key_spec_avoid(spec, r->used_ids)) {
    command_line_set_error(r->line,
                           "the files to --avoid have all 256 config_ids");
    return fail(r, EX_DATAERR);
  }
  return true;
}

// complete fills in what was left out.
static bool complete(struct reader *r) {
  struct keygen_options *o = r->options;
  struct ech_config_spec *spec = &o->spec.config;
  spec->public_name = command_line_one_argument(r->line, "PUBLIC_NAME");
  if (spec->public_name == NULL) {
    return false;
  }
  if (o->name == NULL) {
    o->name = spec->public_name;
  }
  if (!r->has_max_name_len) {
    spec->max_name_len = ech_key_max_name_len(spec->public_name, o->name);
  }
  return pick_config_id(r);
}

int keygen_options_parse(struct keygen_options *options,
                         struct command_line *line, int argc, char **argv) {
  *options = (struct keygen_options){.format = ECH_KEY_PEM, .port = 443};
  ech_key_spec_init(&options->spec, "");
  struct reader r = {.options = options, .line = line, .exit_code = EX_USAGE};
  if (!command_line_parse(line, kOptions, "keygen", argc, argv)) {
    return EX_USAGE;
  }
  for (size_t i = 0; i < line->num_words; i++) {
    const struct command_word *word = &line->words[i];
    if (word->option != kCommandLineArgument &&
        !take_option(&r, (enum keygen_option)word->option, word->value)) {
      return r.exit_code;
    }
  }
  return options->help || complete(&r) ? EX_OK : r.exit_code;
}
