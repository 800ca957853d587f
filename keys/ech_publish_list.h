// ech_publish_list puts the configurations of ECH key files into the one
// ECHConfigList to publish. Clients go through a list from its front and take
// the first configuration that they support (RFC 9849, section 6.1), so that a
// second one is of use only to those who cannot use the first.

#ifndef ECHPROXY_KEYS_ECH_PUBLISH_LIST_H
#define ECHPROXY_KEYS_ECH_PUBLISH_LIST_H

#include <openssl/bytestring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/ech_key_file.h"
#include "keys/key_error.h"

enum { kEchPublishMaxConfigs = 64 };

// A list in the making, which borrows the files that were added to it. It
// begins as all zero, and has nothing to release.
struct ech_publish_list {
  struct {
    const char *name;  // of the file
    CBS config;
  } configs[kEchPublishMaxConfigs];
  size_t num_configs;
};

// ech_publish_list_add puts the configurations of `file`, called `name`, behind
// the others: those that belong to one of its private keys, or all when it has
// none. Of those in the file that are alike it takes the first. False with
// `out_error` when there is none, or when one would never be used because
// another file before has the same KEM and all of its cipher suites: an older
// key has to be kept by the server, but publishing it again does nothing.
bool ech_publish_list_add(struct ech_publish_list *list, const char *name,
                          const struct ech_key_file *file,
                          struct key_error *out_error);

// ech_publish_list_make returns the ECHConfigList, released with OPENSSL_free,
// or NULL when it would be too long or memory is short.
uint8_t *ech_publish_list_make(const struct ech_publish_list *list,
                               size_t *out_len);

#endif
