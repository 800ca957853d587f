#include "keys/ech_publish_list.h"

#include <openssl/bytestring.h>
#include <openssl/mem.h>
#include <stdbool.h>

// What decides whether a client can use an ECHConfig (RFC 9849, section 4).
struct offer {
  uint16_t kem;
  CBS suites;  // pairs of KDF and AEAD, 4 octets each
  bool has_extensions;
};

static bool read_offer(struct offer *out, CBS *list) {
  uint16_t version;
  uint8_t octet;
  CBS contents, skipped, extensions;
  if (!CBS_get_u16(list, &version) ||
      !CBS_get_u16_length_prefixed(list, &contents) ||
      !CBS_get_u8(&contents, &octet) || !CBS_get_u16(&contents, &out->kem) ||
      !CBS_get_u16_length_prefixed(&contents, &skipped) ||
      !CBS_get_u16_length_prefixed(&contents, &out->suites) ||
      !CBS_get_u8(&contents, &octet) ||
      !CBS_get_u8_length_prefixed(&contents, &skipped) ||
      !CBS_get_u16_length_prefixed(&contents, &extensions)) {
    return false;
  }
  out->has_extensions = CBS_len(&extensions) > 0;
  return true;
}

static bool has_suite(CBS suites, uint32_t wanted) {
  uint32_t suite;
  while (CBS_get_u32(&suites, &suite)) {
    if (suite == wanted) {
      return true;
    }
  }
  return false;
}

// hides says whether whoever can use `b` can use `a`. Clients may skip a
// configuration for an extension that they do not know.
static bool hides(const struct offer *a, const struct offer *b) {
  CBS suites = b->suites;
  uint32_t suite;
  if (a->kem != b->kem || a->has_extensions) {
    return false;
  }
  while (CBS_get_u32(&suites, &suite)) {
    if (!has_suite(a->suites, suite)) {
      return false;
    }
  }
  return true;
}

// first_offer reads an entry's first configuration: keys have one.
static bool first_offer(struct offer *out,
                        const struct ech_publish_entry *entry) {
  CBS cbs, list;
  CBS_init(&cbs, entry->list, entry->list_len);
  return CBS_get_u16_length_prefixed(&cbs, &list) && read_offer(out, &list);
}

static bool check_entry(const struct ech_publish_entry *entries, size_t index,
                        struct key_error *out_error) {
  struct offer before, offer;
  if (!first_offer(&offer, &entries[index])) {
    key_error_set(out_error, "%s holds no ECHConfig", entries[index].name);
    return false;
  }
  for (size_t i = 0; i < index; i++) {
    if (first_offer(&before, &entries[i]) && hides(&before, &offer)) {
      key_error_set(out_error,
                    "no client would ever use the configuration of %.100s: all "
                    "that could take that of %.100s before it, which has the "
                    "same KEM and cipher suites; publish one of the two, and "
                    "let the server keep both keys",
                    entries[index].name, entries[i].name);
      return false;
    }
  }
  return true;
}

uint8_t *ech_publish_list(size_t *out_len,
                          const struct ech_publish_entry *entries,
                          size_t num_entries, struct key_error *out_error) {
  uint8_t *list = NULL;
  CBB cbb, all;
  CBB_zero(&cbb);
  bool ok = CBB_init(&cbb, 256) && CBB_add_u16_length_prefixed(&cbb, &all);
  for (size_t i = 0; ok && i < num_entries; i++) {
    if (!check_entry(entries, i, out_error)) {
      CBB_cleanup(&cbb);
      return NULL;
    }
    // Without the length at its front.
    ok = CBB_add_bytes(&all, entries[i].list + 2, entries[i].list_len - 2);
  }
  if (!ok || !CBB_finish(&cbb, &list, out_len)) {
    CBB_cleanup(&cbb);
    key_error_set(out_error, "the configurations do not fit one list");
    return NULL;
  }
  return list;
}
