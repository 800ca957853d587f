#include "support/ech_file.h"

#include <criterion/criterion.h>

#include "keys/ech_key_output.h"

const char *ech_file_write(struct scratch *scratch, const char *name,
                           const struct ech_key *key,
                           enum ech_key_format format) {
  struct ech_key_file file;
  struct ech_key_output output;
  struct key_error error = {""};
  cr_assert(ech_key_to_file(key, &file));
  cr_assert(ech_key_output_make(&output, &file, format, &error), "%s",
            error.text);
  const char *path = scratch_write(scratch, name, output.key, output.key_len);
  if (output.config != NULL) {
    scratch_write(scratch, scratch_format(scratch, "%s.config", name),
                  output.config, output.config_len);
  }
  ech_key_output_cleanup(&output);
  ech_key_file_cleanup(&file);
  return path;
}
