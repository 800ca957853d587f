#include "proxy/inspect_input.h"

#include <openssl/mem.h>
#include <stdlib.h>

#include "keys/pem_text.h"
#include "proxy/zone_text.h"

static bool read_record(struct ech_key_file *out, const char *text, size_t len,
                        struct key_error *out_error) {
  struct zone_text_fault fault;
  uint8_t *list;
  size_t list_len;
  if (!zone_text_parse(&list, &list_len, text, len, &fault)) {
    key_error_set(out_error, "at byte %zu: expected %s", fault.offset,
                  fault.expected);
    return false;
  }
  *out = (struct ech_key_file){.format = ECH_KEY_LIST,
                               .list = OPENSSL_memdup(list, list_len),
                               .list_len = list_len};
  free(list);
  if (out->list == NULL) {
    key_error_set(out_error, "the record's ech is empty");
  }
  return out->list != NULL;
}

bool inspect_input_read(struct inspect_input *out, const uint8_t *data,
                        size_t len, struct key_error *out_error) {
  const char *text = (const char *)data;
  *out = (struct inspect_input){.is_record = false};
  if (len <= kEchKeyFileMaxLen && !pem_text_found(text, len) &&
      zone_text_found(text, len)) {
    out->is_record = true;
    return read_record(&out->file, text, len, out_error);
  }
  return ech_key_file_read(&out->file, data, len, out_error);
}

bool inspect_input_add_config(struct inspect_input *input, const uint8_t *data,
                              size_t len, struct key_error *out_error) {
  struct inspect_input config;
  bool ok = inspect_input_read(&config, data, len, out_error) &&
            ech_key_file_add_config(&input->file, &config.file, out_error);
  inspect_input_cleanup(&config);
  return ok;
}

void inspect_input_cleanup(struct inspect_input *input) {
  ech_key_file_cleanup(&input->file);
}
