#include "proxy/inspect_text.h"

#include <stdio.h>

#include "keys/hpke_names.h"

static unsigned u16_at(const uint8_t *data) {
  return (unsigned)data[0] << 8 | data[1];
}

static void print_hex(const uint8_t *data, size_t len) {
  for (size_t i = 0; i < len; i++) {
    printf("%02x", data[i]);
  }
}

// print_name prints an algorithm, by its number when it has no name here.
static void print_name(const char *name, unsigned id) {
  if (name != NULL) {
    printf("%s", name);
  } else {
    printf("0x%04x", id);
  }
}

static void print_suites(const struct ech_config_entry *entry) {
  printf("  cipher suites   ");
  for (size_t at = 0; at + 4 <= entry->suites_len; at += 4) {
    unsigned kdf = u16_at(entry->suites + at);
    unsigned aead = u16_at(entry->suites + at + 2);
    printf("%s", at == 0 ? "" : " ");
    print_name(hpke_names_kdf((uint16_t)kdf), kdf);
    printf(",");
    print_name(hpke_names_aead((uint16_t)aead), aead);
  }
  printf("\n");
}

static void print_extensions(const struct ech_config_entry *entry) {
  enum { kMandatory = 0x8000, kHeadLen = 4 };
  const uint8_t *all = entry->extensions;
  size_t len = entry->extensions_len;
  printf("  extensions      %s", len == 0 ? "none" : "");
  for (size_t at = 0; at + kHeadLen <= len;) {
    unsigned type = u16_at(all + at);
    unsigned body_len = u16_at(all + at + 2);
    printf("%s0x%04x%s (%u octets)", at == 0 ? "" : ", ", type,
           (type & kMandatory) != 0 ? ", mandatory" : "", body_len);
    at += kHeadLen + body_len;
  }
  printf("\n");
}

static void print_fields(const struct ech_config_entry *entry) {
  printf("  config id       %u\n  KEM             ", entry->config_id);
  print_name(hpke_names_kem(entry->kem_id), entry->kem_id);
  printf("\n  public key      ");
  print_hex(entry->public_key, entry->public_key_len);
  printf("\n");
  print_suites(entry);
  printf("  max name length %u\n", entry->maximum_name_length);
  printf("  public name     %s\n", entry->public_name);
  if (entry->verdict != ECH_CONFIG_BAD_PUBLIC_NAME) {
    print_extensions(entry);
  }
}

static void print_entry(const struct inspect_report *report, size_t i) {
  const struct ech_config_entry *entry = &report->entries[i];
  bool usable = entry->verdict == ECH_CONFIG_USABLE;
  printf("Configuration %zu of %zu, %zu octets\n", i + 1, report->num_entries,
         entry->len);
  printf("  version         0x%04x\n", entry->version);
  if (entry->verdict != ECH_CONFIG_UNKNOWN_VERSION) {
    print_fields(entry);
  }
  if (!usable) {
    printf("  a client        would not use it: %s\n",
           ech_config_verdict_str(entry->verdict));
  } else {
    printf("  a client        would use %s\n",
           (int)i == report->used_entry ? "it" : "one that stands before it");
  }
}

static void print_key(const struct inspect_key *key) {
  printf("Private key: ");
  print_name(hpke_names_kem(key->kem_id), key->kem_id);
  printf(", %s", inspect_key_state_str(key->state));
  if (key->state == INSPECT_KEY_BELONGS) {
    printf(" %zu", key->entry + 1);
  }
  printf("\n");
}

void inspect_text_print(const struct inspect_report *report) {
  bool good = inspect_report_good(report);
  printf("Format: %s\n", inspect_report_form(report));
  for (size_t i = 0; i < report->num_keys; i++) {
    print_key(&report->keys[i]);
  }
  for (size_t i = 0; i < report->num_entries; i++) {
    print_entry(report, i);
  }
  if (good) {
    printf("GOOD: a client would use configuration %d.\n",
           report->used_entry + 1);
  } else if (report->used_entry == kInspectNoEntry) {
    printf("NOT GOOD: %s.\n",
           report->num_entries == 0
               ? "there is no configuration"
               : "a client would use none, and send the name in the clear");
  } else {
    printf("NOT GOOD: a key does not belong to its configuration.\n");
  }
}
