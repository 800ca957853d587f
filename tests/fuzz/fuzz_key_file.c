// Key files in every format, PEM among them. What was read is written in every
// format that has room for it, and must come back the same.

#include "fuzz/fuzz.h"
#include "keys/ech_key.h"
#include "keys/ech_key_file.h"
#include "keys/ech_key_output.h"
#include "keys/pem_text.h"

static const enum ech_key_format kFormats[] = {
    ECH_KEY_PEM, ECH_KEY_GO, ECH_KEY_NSS, ECH_KEY_RAW, ECH_KEY_LIST};

static void check_same(const struct ech_key_file *a,
                       const struct ech_key_file *b) {
  fuzz_require(fuzz_same(a->list, a->list_len, b->list, b->list_len));
  fuzz_require(b->num_keys == 0 || a->num_keys == b->num_keys);
  for (size_t i = 0; i < b->num_keys; i++) {
    fuzz_require(a->keys[i].kem_id == b->keys[i].kem_id);
    fuzz_require(fuzz_same(a->keys[i].bytes, a->keys[i].len, b->keys[i].bytes,
                           b->keys[i].len));
  }
}

static void read_back(const struct ech_key_output *output,
                      const struct ech_key_file *file,
                      enum ech_key_format format) {
  struct ech_key_file again, config;
  struct key_error error;
  fuzz_require(ech_key_file_read(&again, output->key, output->key_len, &error));
  fuzz_require(again.format == format);
  if (output->config != NULL) {
    fuzz_require(
        ech_key_file_read(&config, output->config, output->config_len, &error));
    fuzz_require(config.num_keys == 0);
    // GO has the configurations that have a key in the first file already.
    if (again.list == NULL) {
      fuzz_require(ech_key_file_add_config(&again, &config, &error));
    }
    ech_key_file_cleanup(&config);
  }
  if (format != ECH_KEY_GO || file->format == ECH_KEY_GO) {
    check_same(file, &again);
  }
  ech_key_file_cleanup(&again);
}

static void write_all(const struct ech_key_file *file) {
  for (size_t i = 0; i < sizeof(kFormats) / sizeof(kFormats[0]); i++) {
    struct ech_key_output output;
    struct key_error error;
    if (ech_key_output_make(&output, file, kFormats[i], &error)) {
      read_back(&output, file, kFormats[i]);
      ech_key_output_cleanup(&output);
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct ech_key_file file;
  struct key_error error = {""};
  if (ech_key_file_read(&file, data, size, &error)) {
    write_all(&file);
    ech_key_free(ech_key_from_file(&file, &error));
  } else {
    fuzz_require(error.text[0] != '\0' && strchr(error.text, '\n') == NULL);
  }
  ech_key_file_cleanup(&file);
  ech_key_free(ech_key_from_pem(data, size, &error));
  return 0;
}
