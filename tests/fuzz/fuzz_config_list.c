// ECHConfigLists as DNS and servers send them. Besides memory errors it looks
// for what ech/config_list and BoringSSL see differently, because then a name
// could go out in the clear.

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "ech/config_list.h"
#include "fuzz/fuzz.h"

static bool boringssl_takes(const uint8_t *list, size_t len) {
  static SSL_CTX *ctx;
  if (ctx == NULL) {
    ctx = SSL_CTX_new(TLS_method());
  }
  SSL *ssl = SSL_new(ctx);
  bool taken = SSL_set1_ech_config_list(ssl, list, len) == 1;
  SSL_free(ssl);
  ERR_clear_error();
  return taken;
}

static void check_entry(const struct ech_config_entry *entry, size_t len) {
  fuzz_require(entry->offset + entry->len <= len);
  fuzz_require(memchr(entry->public_name, '\0', kEchPublicNameSize) != NULL);
  if (entry->verdict == ECH_CONFIG_USABLE) {
    fuzz_require(entry->public_key_len == 32 && entry->suites_len >= 4);
  }
}

// What is narrowed to one entry has that entry, and is usable.
static void check_narrow(const uint8_t *list, size_t len,
                         const struct ech_config_entry *usable) {
  uint8_t *narrow = malloc(len);
  struct ech_config_entry entry;
  size_t narrow_len;
  fuzz_require(ech_config_list_narrow(narrow, &narrow_len, list, len));
  fuzz_require(narrow_len <= len && boringssl_takes(narrow, narrow_len));
  fuzz_require(ech_config_list_usable(narrow, narrow_len, &entry));
  fuzz_require(fuzz_same(narrow + entry.offset, entry.len,
                         list + usable->offset, usable->len));
  free(narrow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct ech_config_entry entry;
  struct ech_config_fault fault;
  size_t offset = 0;
  while (ech_config_list_next(data, size, &offset, &entry)) {
    check_entry(&entry, size);
  }
  bool well_formed = ech_config_list_well_formed(data, size);
  fuzz_require(well_formed == boringssl_takes(data, size));
  fuzz_require(well_formed != ech_config_list_find_fault(data, size, &fault));
  fuzz_require(well_formed || (fault.offset <= size && fault.expected != NULL));
  if (ech_config_list_usable(data, size, &entry)) {
    check_narrow(data, size, &entry);
    fuzz_require(!ech_config_list_hides(data, size, entry.public_name, &entry));
  }
  return 0;
}
