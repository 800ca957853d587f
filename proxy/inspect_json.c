#include "proxy/inspect_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "keys/hpke_names.h"
#include "net/xalloc.h"

static json_int_t u16_at(const uint8_t *data) {
  return (json_int_t)data[0] << 8 | data[1];
}

static json_t *text_or_null(const char *text) {
  return text != NULL ? json_string(text) : json_null();
}

static json_t *hex_string(const uint8_t *data, size_t len) {
  char *text = xcalloc(2 * len + 1, 1);
  for (size_t i = 0; i < len; i++) {
    snprintf(text + 2 * i, 3, "%02x", data[i]);
  }
  json_t *string = json_string(text);
  free(text);
  return string;
}

static json_t *suites_array(const struct ech_config_entry *entry) {
  json_t *array = json_array();
  for (size_t at = 0; at + 4 <= entry->suites_len; at += 4) {
    json_int_t kdf = u16_at(entry->suites + at);
    json_int_t aead = u16_at(entry->suites + at + 2);
    json_array_append_new(
        array,
        json_pack("{s:I, s:o, s:I, s:o}", "kdf_id", kdf, "kdf",
                  text_or_null(hpke_names_kdf((uint16_t)kdf)), "aead_id", aead,
                  "aead", text_or_null(hpke_names_aead((uint16_t)aead))));
  }
  return array;
}

static json_t *extensions_array(const struct ech_config_entry *entry) {
  enum { kMandatory = 0x8000, kHeadLen = 4 };
  json_t *array = json_array();
  size_t at = 0;
  while (entry->verdict != ECH_CONFIG_BAD_PUBLIC_NAME &&
         at + kHeadLen <= entry->extensions_len) {
    json_int_t type = u16_at(entry->extensions + at);
    size_t len = (size_t)u16_at(entry->extensions + at + 2);
    at += kHeadLen;
    json_array_append_new(
        array, json_pack("{s:I, s:b, s:o}", "type", type, "mandatory",
                         (int)(type & kMandatory), "value",
                         hex_string(entry->extensions + at, len)));
    at += len;
  }
  return array;
}

static void set_fields(json_t *object, const struct ech_config_entry *entry) {
  json_object_set_new(object, "config_id", json_integer(entry->config_id));
  json_object_set_new(object, "kem_id", json_integer(entry->kem_id));
  json_object_set_new(object, "kem",
                      text_or_null(hpke_names_kem(entry->kem_id)));
  json_object_set_new(object, "public_key",
                      hex_string(entry->public_key, entry->public_key_len));
  json_object_set_new(object, "cipher_suites", suites_array(entry));
  json_object_set_new(object, "maximum_name_length",
                      json_integer(entry->maximum_name_length));
  json_object_set_new(object, "public_name", json_string(entry->public_name));
  json_object_set_new(object, "extensions", extensions_array(entry));
}

static json_t *entry_object(const struct inspect_report *report, size_t i) {
  const struct ech_config_entry *entry = &report->entries[i];
  bool usable = entry->verdict == ECH_CONFIG_USABLE;
  json_t *object =
      json_pack("{s:i, s:b, s:b}", "version", (int)entry->version, "usable",
                (int)usable, "used", (int)((int)i == report->used_entry));
  json_object_set_new(
      object, "reason",
      usable ? json_null()
             : json_string(ech_config_verdict_str(entry->verdict)));
  if (entry->verdict != ECH_CONFIG_UNKNOWN_VERSION) {
    set_fields(object, entry);
  }
  return object;
}

// Configurations are counted from 0, as in their array.
static json_t *key_object(const struct inspect_key *key) {
  json_t *object = json_pack("{s:i, s:o, s:s}", "kem_id", (int)key->kem_id,
                             "kem", text_or_null(hpke_names_kem(key->kem_id)),
                             "state", inspect_key_state_name(key->state));
  json_object_set_new(object, "configuration",
                      key->state == INSPECT_KEY_BELONGS
                          ? json_integer((json_int_t)key->entry)
                          : json_null());
  return object;
}

void inspect_json_print(const struct inspect_report *report) {
  json_t *keys = json_array();
  json_t *entries = json_array();
  for (size_t i = 0; i < report->num_keys; i++) {
    json_array_append_new(keys, key_object(&report->keys[i]));
  }
  for (size_t i = 0; i < report->num_entries; i++) {
    json_array_append_new(entries, entry_object(report, i));
  }
  json_t *object =
      json_pack("{s:s, s:b, s:o, s:o}", "format", inspect_report_form(report),
                "good", (int)inspect_report_good(report), "keys", keys,
                "configurations", entries);
  json_dumpf(object, stdout, JSON_INDENT(2));
  putchar('\n');
  json_decref(object);
}
