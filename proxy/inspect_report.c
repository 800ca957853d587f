#include "proxy/inspect_report.h"

#include <openssl/bytestring.h>
#include <openssl/hpke.h>
#include <stdlib.h>

#include "keys/ech_config.h"
#include "net/xalloc.h"

const char *inspect_key_state_name(enum inspect_key_state state) {
  static const char *const kNames[] = {
#define X(name, json, text) [name] = json,
      INSPECT_KEY_STATES(X)
#undef X
  };
  return kNames[state];
}

const char *inspect_key_state_str(enum inspect_key_state state) {
  static const char *const kTexts[] = {
#define X(name, json, text) [name] = text,
      INSPECT_KEY_STATES(X)
#undef X
  };
  return kTexts[state];
}

// note_entries keeps every entry, and which one a client takes.
static void note_entries(struct inspect_report *report, const uint8_t *list,
                         size_t len) {
  struct ech_config_entry entry;
  size_t offset = 0;
  while (ech_config_list_next(list, len, &offset, &entry)) {
    if (report->used_entry == kInspectNoEntry &&
        entry.verdict == ECH_CONFIG_USABLE) {
      report->used_entry = (int)report->num_entries;
    }
    report->entries = xrealloc(
        report->entries, (report->num_entries + 1) * sizeof(*report->entries));
    report->entries[report->num_entries++] = entry;
  }
}

static bool belongs(const struct inspect_report *report, size_t i,
                    const EVP_HPKE_KEY *hpke) {
  const struct ech_config_entry *entry = &report->entries[i];
  CBS config;
  CBS_init(&config, report->input->file.list + entry->offset, entry->len);
  return ech_config_belongs(config, hpke);
}

// judge_key looks for the configuration of key `i`; in GO it must be the one
// that stands with it.
static void judge_key(struct inspect_report *report, size_t i) {
  const struct ech_key_file *file = &report->input->file;
  struct inspect_key *key = &report->keys[i];
  *key = (struct inspect_key){file->keys[i].kem_id, INSPECT_KEY_MISMATCH, 0};
  EVP_HPKE_KEY *hpke = ech_key_file_hpke(&file->keys[i]);
  if (report->num_entries == 0) {
    key->state = INSPECT_KEY_ALONE;
  } else if (hpke == NULL) {
    key->state = INSPECT_KEY_UNKNOWN;
  }
  for (size_t at = 0; hpke != NULL && at < report->num_entries; at++) {
    if ((file->format != ECH_KEY_GO || at == i) && belongs(report, at, hpke)) {
      key->state = INSPECT_KEY_BELONGS;
      key->entry = at;
      break;
    }
  }
  EVP_HPKE_KEY_free(hpke);
}

bool inspect_report_init(struct inspect_report *report,
                         const struct inspect_input *input,
                         struct key_error *out_error) {
  const struct ech_key_file *file = &input->file;
  struct ech_config_fault fault;
  *report =
      (struct inspect_report){.input = input, .used_entry = kInspectNoEntry};
  if (file->list != NULL &&
      ech_config_list_find_fault(file->list, file->list_len, &fault)) {
    key_error_set(out_error,
                  "at byte %zu of the ECHConfigList of %zu: expected %s",
                  fault.offset, file->list_len, fault.expected);
    return false;
  }
  note_entries(report, file->list, file->list_len);
  report->num_keys = file->num_keys;
  report->keys = xcalloc(file->num_keys + 1, sizeof(*report->keys));
  for (size_t i = 0; i < file->num_keys; i++) {
    judge_key(report, i);
  }
  return true;
}

void inspect_report_cleanup(struct inspect_report *report) {
  free(report->entries);
  free(report->keys);
  *report = (struct inspect_report){.input = NULL};
}

bool inspect_report_good(const struct inspect_report *report) {
  for (size_t i = 0; i < report->num_keys; i++) {
    if (report->keys[i].state != INSPECT_KEY_BELONGS) {
      return false;
    }
  }
  return report->used_entry != kInspectNoEntry;
}

const char *inspect_report_form(const struct inspect_report *report) {
  return report->input->is_record
             ? "record"
             : ech_key_format_str(report->input->file.format);
}
