// ech_publish_list puts the configurations of several ECH keys into one
// ECHConfigList to publish. Clients go through a list from its front and take
// the first configuration that they support (RFC 9849, section 6.1), so that a
// second one is of use only to those who cannot use the first.

#ifndef ECHPROXY_KEYS_ECH_PUBLISH_LIST_H
#define ECHPROXY_KEYS_ECH_PUBLISH_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "keys/key_error.h"

// One key's ECHConfigList, borrowed, and what to call it.
struct ech_publish_entry {
  const char *name;
  const uint8_t *list;
  size_t list_len;
};

// ech_publish_list joins the lists in the order given. It returns NULL, with
// the reason in `out_error`, when a configuration would never be used because
// one before it has the same KEM and all of its cipher suites: an older key has
// to be kept by the server, but publishing it again does nothing. Released with
// OPENSSL_free.
uint8_t *ech_publish_list(size_t *out_len,
                          const struct ech_publish_entry *entries,
                          size_t num_entries, struct key_error *out_error);

#endif
