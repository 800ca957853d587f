// ech_key_output writes an ECH key in the formats of ech_key_file.h.

#ifndef ECHPROXY_KEYS_ECH_KEY_OUTPUT_H
#define ECHPROXY_KEYS_ECH_KEY_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/ech_key_file.h"
#include "keys/key_error.h"

// The octets of one or two files; these are not strings.
struct ech_key_output {
  uint8_t *key;  // the private file; for LIST the only one, and not private
  size_t key_len;
  uint8_t *config;  // GO and RAW: the file beside it, public; else NULL
  size_t config_len;
};

// ech_key_output_make writes what `file` holds in `format`. False with
// `out_error` when the format has no room for it: PEM, NSS and RAW hold one
// key, RAW one configuration, NSS and RAW only X25519's; or when the key and
// its configuration do not belong together. Released with
// ech_key_output_cleanup.
bool ech_key_output_make(struct ech_key_output *out,
                         const struct ech_key_file *file,
                         enum ech_key_format format,
                         struct key_error *out_error);

// ech_key_output_cleanup wipes and releases what `output` owns.
void ech_key_output_cleanup(struct ech_key_output *output);

#endif
