// inspect_input is what `echproxy inspect` was given, in whatever form: a key
// file, configurations, or a DNS record with `ech`.

#ifndef ECHPROXY_PROXY_INSPECT_INPUT_H
#define ECHPROXY_PROXY_INSPECT_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/ech_key_file.h"
#include "keys/key_error.h"

struct inspect_input {
  bool is_record;  // then `file` has the list of its `ech`, and no key
  struct ech_key_file file;
};

// inspect_input_read reads at most kEchKeyFileMaxLen octets. False with
// `out_error`, which says at which byte they go wrong and what was expected
// there. `out` is released with inspect_input_cleanup, also when it failed.
bool inspect_input_read(struct inspect_input *out, const uint8_t *data,
                        size_t len, struct key_error *out_error);

// inspect_input_add_config gives a key without a configuration the one of
// `data`, as ech_key_file_add_config says.
bool inspect_input_add_config(struct inspect_input *input, const uint8_t *data,
                              size_t len, struct key_error *out_error);

void inspect_input_cleanup(struct inspect_input *input);

#endif
